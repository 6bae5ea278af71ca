// Runs in a process of its own, so that all it prints can be searched: everything that can fail, with known secrets.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { subscribe } from 'node:diagnostics_channel';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import session, { MemoryStore } from 'express-session';
import { connectAuth, connectOptionsFromEnv } from '../../src';
import type { Secret } from './find-secret';
import { dumped, type Sink } from './reachable';

/** What a run has seen; `sink` says where. */
export interface Sighting {
  readonly scenario: string;
  readonly sink: string;
  readonly text: string;
}

/** What the process sends to its parent. */
export interface Report {
  readonly secrets: Secret[];
  readonly sightings: Sighting[];
  readonly statuses: Record<string, number>;
}

const CLIENT_SECRET = 'clientsecretCANARY7q1/+&"x';
const KEY = 'accesskeyCANARY8w2/+&x';
const CODE = 'codeCANARY9e3xyzw/+~x';
const ACCESS = 'accesstokenCANARY1r4/+&x';
const REFRESH = 'refreshtokenCANARY2t5/+&x';
const secrets: Secret[] = [
  { name: 'client secret', value: CLIENT_SECRET },
  { name: 'access token key', value: KEY },
  { name: 'code', value: CODE },
  { name: 'access token', value: ACCESS },
  { name: 'refresh token', value: REFRESH },
];
const sightings: Sighting[] = [];
const statuses: Record<string, number> = {};
let scenario = '';

function see(sink: string, text: string): void {
  sightings.push({ scenario, sink, text });
}

const dump: Sink = (sink, value) => dumped(see, sink, value);

type Reply = (res: ServerResponse, heard: string) => void;

function json(status: number, body: unknown): Reply {
  return (res, heard) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    // A provider that repeats all it was told: none of it may come through.
    res.end(JSON.stringify(body).replace('HEARD', () => JSON.stringify(heard).slice(1, -1)));
  };
}

const tokens = { access_token: ACCESS, refresh_token: REFRESH, type: 'bearer', expires_at: 4_000_000_000 };
const refusal = Object.assign(new TypeError(`${ACCESS} ${REFRESH} ${CLIENT_SECRET}`, { cause: new Error(CODE) }), {
  token: tokens,
});
const API_CODES = [400, 401, 403, 404, 405, 406, 410, 429, 500, 503, 2032, 2034, 2036, 2038, 2039, 2040, 2041];

const replies: Record<string, Reply> = {
  ...Object.fromEntries(
    API_CODES.flatMap((code): [string, Reply][] => [
      [`code ${code} at 400`, json(400, { error: { code, message: 'HEARD' } })],
      [`code ${code} at 200 next to tokens`, json(200, { ...tokens, error: { code, message: 'HEARD' } })],
    ]),
  ),
  'an OAuth error': json(400, { error: 'invalid_grant', error_description: 'HEARD' }),
  'an unknown OAuth error': json(400, { error: CODE, error_description: 'HEARD' }),
  'no token': json(200, { refresh_token: REFRESH, note: 'HEARD' }),
  'another token type': json(200, { ...tokens, type: `mac ${ACCESS}` }),
  'a token with a line end': json(200, { ...tokens, access_token: `${ACCESS}\r\nX: y` }),
  'truncated JSON': (res) => void res.end(JSON.stringify(tokens).slice(0, -5)),
  HTML: (res, heard) => void res.writeHead(200, { 'content-type': 'text/html' }).end(`<h1>${heard}</h1>${ACCESS}`),
  'a redirect': (res) => void res.writeHead(307, { location: `http://127.0.0.1:9/?token=${ACCESS}` }).end(),
  'too much': (res) => void res.end(ACCESS.repeat(5_000)),
  'a compressed answer': (res) => void res.writeHead(200, { 'content-encoding': 'gzip' }).end(ACCESS),
  'a reset': (res) => void res.destroy(),
  'half an answer': (res) => {
    res.writeHead(200, { 'content-length': '9999' });
    res.write(ACCESS, () => res.destroy());
  },
  silence: () => undefined,
  'a strange Retry-After': (res) => void res.writeHead(503, { 'retry-after': ACCESS }).end(ACCESS),
};

/** One world: token server, store, app. */
async function run(renderErrors: boolean): Promise<void> {
  let reply: Reply = json(200, tokens);
  let refusing = false;
  let faulty: { operation: string; call: number; throws: boolean } | undefined;
  const tokenServer = await listen(
    (req, res) =>
      void readAll(req).then((body) => {
        const verifier = (JSON.parse(body) as { code_verifier?: string }).code_verifier ?? '';
        secrets.push({ name: 'verifier', value: verifier, scenario });
        reply(res, `${body} ${inspect(req.headers)} ${req.headers.authorization}`);
      }),
  );

  const store = new MemoryStore();
  const target = store as unknown as Record<string, (...args: unknown[]) => void>;
  for (const operation of ['get', 'set', 'destroy']) {
    const sound = target[operation]!.bind(store);
    target[operation] = (...args) => {
      if (faulty === undefined || faulty.operation !== operation || !counting) return sound(...args);
      faulty.call -= 1;
      if (faulty.call !== 0) return sound(...args);
      const asked = `${inspect(args)} ${JSON.stringify(args[1])}`;
      const error = Object.assign(new Error(`redis://:${CLIENT_SECRET}@host ${asked} ${ACCESS}`), { command: args });
      if (faulty.throws) throw error;
      (args.at(-1) as (error: unknown) => void)(error);
    };
  }
  let counting = false;
  const count: RequestHandler = (_req, _res, next) => {
    counting = true;
    next();
  };

  const app = express();
  const appServer = await listen(app);
  app.use(session({ secret: 'signing secret', resave: false, saveUninitialized: false, store }), count);
  const connect = connectAuth({
    clientId: 'client',
    clientSecret: CLIENT_SECRET,
    accessTokenKey: KEY,
    redirectUri: `${appServer.url}/connect/callback`,
    authorizeUrl: `${tokenServer.url}/authorize`,
    tokenUrl: `${tokenServer.url}/token`,
    timeoutMs: 2_000,
    renderErrors,
    onConnect: () => {
      if (refusing) throw refusal;
    },
    onEvent: (event) => dump('event', event),
  });
  scenario = 'the router';
  dump('router', connect);
  dump('authorize', connect.authorize);
  dump('callback', connect.callback);
  app.use(connect);
  if (!renderErrors) {
    const capture: ErrorRequestHandler = (error, _req, _res, next) => {
      dump('error', error);
      next(error);
    };
    app.use(capture);
  }

  /** One sign-in; `mangle` makes the callback's query of code and state. */
  async function signIn(
    name: string,
    mangle = (code: string, state: string) => `code=${code}&state=${state}`,
  ): Promise<void> {
    scenario = name;
    for (const accept of ['text/html', 'application/json']) {
      counting = false;
      const planned = faulty === undefined ? undefined : { ...faulty };
      faulty = undefined;
      const started = await get(`${appServer.url}/connect/authorize`, {});
      const cookie = String(started.headers['set-cookie']?.[0]).split(';', 1)[0] ?? '';
      const state = new URL(String(started.headers.location)).searchParams.get('state') ?? '';
      const id =
        decodeURIComponent(cookie.split('=')[1] ?? '')
          .slice(2)
          .split('.')[0] ?? '';
      secrets.push({ name: 'state', value: state, scenario }, { name: 'session id', value: id, scenario });
      counting = false;
      faulty = planned === undefined ? undefined : { ...planned };
      const query = mangle(encodeURIComponent(CODE), state);
      const answer = await get(`${appServer.url}/connect/callback?${query}`, { cookie, accept });
      statuses[name] = answer.status;
      see('body', answer.body);
      // The session cookie itself is how a session id is handed out.
      see('headers', JSON.stringify({ ...answer.headers, 'set-cookie': undefined }));
      faulty = planned;
    }
    faulty = undefined;
  }

  await signIn('a sign-in that succeeds');
  for (const [name, one] of Object.entries(replies)) {
    reply = one;
    await signIn(name);
  }
  reply = json(200, tokens);
  const queries: Record<string, (code: string, state: string) => string> = {
    'two codes': (code, state) => `code=${code}&code=${code}&state=${state}`,
    'two states': (code, state) => `code=${code}&state=${state}&state=${state}`,
    'a code list': (code, state) => `code[]=${code}&state=${state}`,
    'a state map': (code, state) => `code=${code}&state[${state}]=1`,
    'a broken code': (code, state) => `code=${code}%zz&state=${state}`,
    'a broken state': (code, state) => `code=${code}&state=${state}%`,
    'a state too long': (code, state) => `code=${code}&state=${state.repeat(60)}`,
    'a wrong state': (code, state) => `code=${code}&state=${state}x`,
    'no state': (code) => `code=${code}`,
    'code and error': (code, state) => `code=${code}&error=${code}&state=${state}`,
    'an unknown error': (code, state) => `error=${code}&error_description=${code}&state=${state}`,
    'a refusal': (code, state) => `error=access_denied&error_description=${code}&state=${state}`,
    nothing: () => '',
  };
  for (const [name, query] of Object.entries(queries)) await signIn(`a callback with ${name}`, query);
  for (const operation of ['get', 'set', 'destroy']) {
    for (const [call, throws] of [
      [1, true],
      [1, false],
      [2, true],
      [2, false],
    ] as const) {
      faulty = { operation, call, throws };
      await signIn(`store ${operation} ${throws ? 'throws' : 'fails'} on call ${call}`);
    }
  }
  refusing = true;
  await signIn('onConnect throws');
  await Promise.all([tokenServer, appServer].map((server) => server.close()));
}

function optionFaults(): void {
  const sound = { clientId: 'client', clientSecret: CLIENT_SECRET, redirectUri: 'https://host/connect/callback' };
  const bad: Record<string, unknown>[] = [
    { clientId: 5, clientSecret: `${CLIENT_SECRET}\n`, redirectUri: `https://u:${CLIENT_SECRET}@h/connect/callback#` },
    { clientId: 'client', clientSecret: [CLIENT_SECRET], redirectUri: 'https://host/cb', accessTokenKey: `${KEY}\r\n` },
    { ...sound, redirectUri: 'https://host/else', scope: { a: CLIENT_SECRET }, extra: KEY },
    { ...sound, [`${KEY} as a name`]: 1 },
    { ...sound, timeoutMs: CLIENT_SECRET },
    { ...sound, authorizeParams: { state: KEY } },
    { ...sound, afterConnect: `//${KEY}` },
  ];
  for (const [index, options] of bad.entries()) {
    scenario = `option fault ${index + 1}`;
    refused(() => connectAuth(options as never));
  }
  scenario = 'environment fault';
  refused(() =>
    connectAuth(
      connectOptionsFromEnv({
        CONNECT_CLIENT_SECRET: CLIENT_SECRET,
        CONNECT_PKCE: KEY,
        CONNECT_TIMEOUT_MS: CLIENT_SECRET,
        CONNECT_TOKEN_URL: KEY,
      }),
    ),
  );
}

function refused(make: () => unknown): void {
  try {
    make();
    statuses[scenario] = 0;
  } catch (error) {
    statuses[scenario] = (error as { status: number }).status;
    dump('error', error);
  }
}

async function listen(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function readAll(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function get(url: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers, agent: false }, (res) => {
      readAll(res).then((body) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }), reject);
    })
      .on('error', reject)
      .end();
  });
}

async function main(): Promise<void> {
  subscribe('express-connect-auth', (event) => dump('channel', event));
  optionFaults();
  await run(process.env['RENDER_ERRORS'] === 'yes');
  process.send?.({ secrets, sightings, statuses } satisfies Report, () => process.disconnect());
}

void main();
