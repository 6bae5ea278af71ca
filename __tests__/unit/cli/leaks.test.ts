import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VARIABLES } from '../../../src/options/from-env';
import { flagOf } from '../../../src/cli/sandbox';
import { SWITCH_NAMES } from '../../../src/testing/switches';
import { findSecrets, type Secret } from '../../support/find-secret';
import { http11, startServer, type LocalServer, type Responder, type SeenRequest } from '../../support/local-server';
import { runHere } from '../../support/cli/run-here';

/** The doctor knows secrets, and is shown to others when something does not work: nothing that it writes holds one. */

const ID = 'client-id-77';
const SECRET = 'tOpSecret+/=%&<>"9f8e7d';
const KEY = 'devKEY-1a2b3c4d5e';
const form = (value: string): string => new URLSearchParams([['', value]]).toString().slice(1);
const BASIC = Buffer.from(`${form(ID)}:${form(SECRET)}`).toString('base64');

/** A host is written in small letters, so that a secret in it looks different. */
const SECRETS: readonly Secret[] = Object.entries({ SECRET, KEY, BASIC }).flatMap(([name, value]) => [
  { name, value },
  { name: `${name} in small letters`, value: value.toLowerCase() },
]);

/** Ways to write a value that fit into a URL's path. */
const WRITINGS: Readonly<Record<string, (value: string) => string>> = {
  'as it is': (value) => value,
  'percent-encoded': encodeURIComponent,
  'percent-encoded twice': (value) => encodeURIComponent(encodeURIComponent(value)),
  'percent-encoded, every byte': (value) => Buffer.from(value).toString('hex').replace(/../gu, '%$&'),
  'in base64': (value) => Buffer.from(value).toString('base64'),
  'in base64, percent-encoded': (value) => encodeURIComponent(Buffer.from(value).toString('base64')),
  'in base64url': (value) => Buffer.from(value).toString('base64url'),
  'in hex': (value) => Buffer.from(value).toString('hex'),
  'in HEX': (value) => Buffer.from(value).toString('hex').toUpperCase(),
};

let server: LocalServer;
let respond: Responder;
beforeAll(async () => {
  server = await startServer((...call) => respond(...call));
});

const variables = (changes: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  CONNECT_CLIENT_ID: ID,
  CONNECT_CLIENT_SECRET: SECRET,
  CONNECT_ACCESS_TOKEN_KEY: KEY,
  CONNECT_REDIRECT_URI: 'https://site.example/connect/callback',
  CONNECT_AUTHORIZE_URL: server.url,
  CONNECT_TOKEN_URL: server.url,
  ...changes,
});

/** What is written by a command, as text and for machines; fails if it holds a secret. */
async function written(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const { stdout, stderr } = await runHere(args, env);
  const text = `${stdout}${stderr}`;
  // The report breaks lines, and JSON escapes what it quotes.
  expect(findSecrets(`${text}\n${text.replace(/\s+/gu, '')}\n${text.replaceAll('\\"', '"')}`, SECRETS)).toEqual([]);
  return text;
}

const doctor = async (env: Readonly<Record<string, string>>, ...flags: readonly string[]): Promise<string> =>
  (await written(['doctor', ...flags], env)) + (await written(['doctor', '--json', ...flags], env));

const redirectTo =
  (location: string | ((request: SeenRequest) => string)): Responder =>
  (socket, _number, request) =>
    socket.write(http11('', '302 Found', `Location: ${typeof location === 'string' ? location : location(request)}`));

describe.each(Object.entries(WRITINGS))('a secret that comes back %s', (_how, write) => {
  test.each(Object.entries({ SECRET, KEY, BASIC, 'id and secret': `${form(ID)}:${form(SECRET)}` }))(
    'in a redirect (%s) is not shown, wherever it stands in it',
    async (_name, secret) => {
      const text = write(secret);
      for (const place of [
        `/x/${text}/token`,
        `/token?s=${text}`,
        `/token#${text}`,
        `https://new.example/${text}/token`,
        `https://new.example/${text}/%`,
        `https://${encodeURIComponent(text)}@new.example/token`,
        `https://${text}.evil.example/token`,
        `https://evil.example:1/${text}`,
        `//${text.slice(0, 60)}.${text.slice(60) || 'x'}.evil.example/token`,
      ]) {
        respond = redirectTo(place);
        await doctor(variables());
      }
    },
  );
});

test('a redirect that echoes headers and body of the request shows neither', async () => {
  respond = redirectTo(({ headers, body }) => `/${headers.authorization ?? ''}/${encodeURIComponent(body)}/token`);
  await doctor(variables());
  await doctor(variables({ CONNECT_CLIENT_AUTHENTICATION: 'body' }));
});

test.each(['200 OK', '400 Bad Request', '401 Unauthorized', '404 Not Found', '429 Too Many', '503 Unavailable'])(
  'a body, status text and headers that hold the secrets are not shown with %s',
  async (status) => {
    for (const body of [
      SECRET,
      `{"error":${JSON.stringify(KEY)}}`,
      `{"error":"invalid_client","error_description":${JSON.stringify(SECRET)}}`,
      `<html>${BASIC}`,
      `{"access_token":${JSON.stringify(SECRET)},"type":"bearer"}`,
    ]) {
      respond = (socket) =>
        socket.write(
          http11(body, `${status} ${KEY}`, `WWW-Authenticate: ${BASIC}`, `Retry-After: ${KEY}`, `Date: ${KEY}`),
        );
      await doctor(variables());
    }
  },
);

test.each(VARIABLES.map(({ name }) => name))('a secret in %s, where it does not belong, is not shown', async (name) => {
  respond = (socket) => socket.write(http11('{"error":"invalid_grant"}', '400 Bad Request'));
  for (const value of [
    SECRET,
    `${SECRET}\n`,
    `http://public.example/${KEY}`,
    `https://public.example/${KEY}`,
    `http://localhost:1/${KEY}/connect/callback`,
    `https://${KEY}@public.example/x`,
    `https://public.example/x?${KEY}#${KEY}`,
    `//${KEY}`,
    `/${KEY}/connect/callback`,
    `id:${KEY},${KEY}`,
    `https://public.example/${KEY},https://${KEY}.example/connect/callback`,
    `https://public.example/connect/callback,https://${KEY}@public.example/x`,
  ]) {
    await doctor(variables({ [name]: value }), '--offline');
    await doctor(variables({ [name]: value }), '--offline', '--mount', `/${KEY}`, '--callback-path', `/${KEY}`);
  }
});

test('a path of the token endpoint, and of the app, is not shown when it is wrong', async () => {
  respond = (socket) => socket.write(http11('', '404 Not Found'));
  const text = await doctor(variables({ CONNECT_TOKEN_URL: `http://127.0.0.1:${server.port}/${KEY}` }));
  expect(text).toContain('has no token endpoint at its path (HTTP 404)');
  await doctor(variables({ CONNECT_REDIRECT_URI: `https://site.example/${KEY}/connect/callback` }), '--offline');
  await doctor(
    variables({ CONNECT_REDIRECT_URI: `https://site.example/${KEY}/connect/callback` }),
    '--offline',
    '--mount',
    `/${KEY}`,
  );
});

test('arguments that are wrong are not repeated: somebody may have written a secret there', async () => {
  const flags = [
    ...['env-file', 'mount', 'callback-path', 'offline', 'json', 'help', 'port'],
    ...SWITCH_NAMES.map(flagOf),
  ];
  const calls = [
    [SECRET],
    [KEY],
    [`--${KEY}`],
    [`-${KEY}`],
    ...['doctor', 'sandbox'].flatMap((command) => [
      [command, SECRET],
      [command, KEY],
      [command, `-${KEY}`],
      [command, `--${KEY}`],
      [command, `--${KEY}=1`],
      [command, `--client-sekret=${SECRET}`],
      [command, '--', SECRET],
    ]),
    ['doctor', `--client-secret=${SECRET}`],
    // A key that the sandbox is to require is for its user to read, and so are the client's id and secret there.
    ...flags
      .filter((flag) => flag !== 'access-token-key')
      .flatMap((flag) => [
        ['doctor', '--offline', `--${flag}=${SECRET}`],
        ['doctor', '--offline', `--${flag}`, `/nowhere/${KEY}`],
        ['sandbox', `--${flag}=${SECRET}`],
      ]),
  ];
  for (const call of calls) await written(call, variables());
});

test('the name of a file to read the variables from is not repeated', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const file = join(folder, `${KEY}.env`);
  try {
    writeFileSync(file, `CONNECT_CLIENT_SECRET=${SECRET}\n`);
    await doctor({}, '--offline', '--env-file', file);
    writeFileSync(file, Buffer.from(`CONNECT_CLIENT_SECRET=${SECRET}\n`, 'utf16le'));
    await doctor({}, '--offline', '--env-file', file);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a variable whose name is nearly one of ours is named, whatever stands in it', async () => {
  const text = await doctor({ ...variables(), CONNECT_CLIENT_SECRETT: SECRET, [`CONNECT_${KEY}`]: KEY }, '--offline');
  expect(text).toContain('CONNECT_CLIENT_SECRETT');
});
