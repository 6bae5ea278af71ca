// Runs in a process of its own, so that all it prints can be searched: refreshes, guard, API calls and disconnect that
// go well and wrong, against a provider that repeats all it hears, over Redis where REDIS_PORT names one.
import { randomBytes } from 'node:crypto';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { RedisStore } from 'connect-redis';
import axios from 'axios';
import express, { type ErrorRequestHandler } from 'express';
import session, { MemoryStore, type Store } from 'express-session';
import { createClient } from 'redis';
import {
  connectAuth,
  connectErrorFrom,
  connectErrorHandler,
  memoryLedger,
  type RefreshLedger,
  type RenderError,
} from '../../src';
import { redisLedger } from '../../src/redis';
import type { Secret } from './find-secret';
import type { Report } from './leaky-world';
import { ObjectStore, valuesIn } from './object-store';
import { dumped, type Sink } from './reachable';

const CLIENT_SECRET = 'clientsecretCANARY7q1/+&"x';
const KEYS = [{ id: 'k1', secret: 'sealingsecretCANARY4t8/+&"x long enough' }];
const LEDGER_KEYS = [{ id: 'l1', secret: 'ledgersecretCANARY5u9/+&"x long enough' }];

const secrets: Secret[] = [
  { name: 'client secret', value: CLIENT_SECRET },
  ...[...KEYS, ...LEDGER_KEYS].map(({ secret }) => ({ name: 'encryption secret', value: secret })),
];
const report: Report = { secrets, sightings: [], statuses: {} };

const HOUR_S = 3600;
const machineNow = Date.now;
/** Each scenario lets two hours pass after its sign-in. */
let aheadMs = 0;
Date.now = () => machineNow() + aheadMs;

type Reply = (res: ServerResponse, heard: string) => void;

const secret = (name: string): string => {
  const value = `${name.replace(' ', '')}CANARY${randomBytes(9).toString('hex')}/+&x`;
  secrets.push({ name, value });
  return value;
};

function json(status: number, body: unknown, headers: OutgoingHttpHeaders = {}): Reply {
  return (res, heard) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers });
    res.end(JSON.stringify(body).replace('HEARD', () => JSON.stringify(heard).slice(1, -1)));
  };
}

const html: Reply = (res, heard) => void res.writeHead(200, { 'content-type': 'text/html' }).end(`<h1>${heard}</h1>`);
const reset: Reply = (res) => void res.destroy();
const redirect: Reply = (res, heard) =>
  void res.writeHead(307, { location: `http://127.0.0.1:9/?${encodeURIComponent(heard.slice(0, 900))}` }).end();

const REFRESHES: Readonly<Record<string, Reply>> = {
  'a dead grant': json(400, { error: 'invalid_grant', error_description: 'HEARD' }),
  'a wrong key': json(400, { error: { code: 2036, message: 'HEARD' } }),
  'an unknown refusal': json(400, { error: 'HEARD' }),
  maintenance: json(503, { message: 'HEARD' }),
  'a rate limit': json(429, { error: { code: 429, message: 'HEARD' } }, { 'retry-after': '7' }),
  'no token': json(200, { note: 'HEARD' }),
  'a refresh answered in HTML': html,
  'a refresh cut off': reset,
  'a refresh redirected': redirect,
};
const API: Readonly<Record<string, Reply>> = {
  'an API refusal 401': json(401, { error: { code: 401, message: 'HEARD' } }),
  ...Object.fromEntries(
    [400, 403, 404, 429, 500, 503, 2032, 2039].map((code): [string, Reply] => [
      `an API refusal ${code}`,
      json(code < 600 ? code : 400, { error: { code, message: 'HEARD' } }),
    ]),
  ),
  'an API error inside 200': json(200, { error: { code: 2036, message: 'HEARD' } }),
  'an API answer in HTML': html,
  'an API answer cut off': reset,
  'an API redirect': redirect,
};

async function play(
  scenario: string,
  store: Store,
  ledger: RefreshLedger,
  redis: () => Promise<string>,
): Promise<void> {
  const see = (sink: string, text: string): void => void report.sightings.push({ scenario, sink, text });
  const dump: Sink = (sink, value) => dumped(see, sink, value);
  const published = (event: unknown): void => dump('channel', event);
  subscribe('express-connect-auth', published);
  const code = secret('code');
  const fresh = (seconds: number): object => ({
    access_token: secret('access token'),
    refresh_token: secret('refresh token'),
    type: 'bearer',
    // By the clock that the provider's `Date` headers show.
    expires_at: Math.floor(machineNow() / 1000) + seconds,
  });
  const expires = scenario in API ? 24 * HOUR_S : HOUR_S;
  const provider = await listen(
    (req, res) =>
      void readAll(req).then((body) => {
        const heard = `${body} ${inspect(req.headers)} ${req.headers.authorization}`;
        if (req.url?.startsWith('/token') !== true) return (API[scenario] ?? json(200, { id: 1 }))(res, heard);
        const { grant_type, code_verifier } = JSON.parse(body) as { grant_type: string; code_verifier?: string };
        if (code_verifier !== undefined) secrets.push({ name: 'verifier', value: code_verifier });
        if (grant_type === 'authorization_code') return json(200, fresh(expires))(res, heard);
        return (REFRESHES[scenario] ?? json(200, fresh(3600)))(res, heard);
      }),
  );

  const app = express();
  const server = await listen(app);
  app.use(session({ secret: 'signing secret', resave: false, saveUninitialized: false, store }));
  const connect = connectAuth({
    clientId: `client of ${scenario}`,
    clientSecret: CLIENT_SECRET,
    redirectUri: `${server.url}/connect/callback`,
    authorizeUrl: `${provider.url}/authorize`,
    tokenUrl: `${provider.url}/token`,
    apiBaseUrl: `${provider.url}/v1`,
    encryptionKeys: KEYS,
    ledger,
    onEvent: (event) => dump('event', event),
  });
  dump('router', connect);
  dump('ledger', ledger);
  app.use(connect);
  app.get('/guarded', connect.requireConnect(), (req, res) => {
    see('session: inspect', inspect(req.session, { showHidden: true, depth: Infinity }));
    see('session: JSON', JSON.stringify(req.session));
    res.json({ type: req.session.connectToken?.type });
  });
  app.get('/me', (req, res, next) => {
    const client = connect.client(req);
    dump('client', client);
    client.get('/me').then(({ data }) => void res.json(data), next);
  });
  // By a client of the app's own: what it throws is translated on its way, and what it gives is looked at.
  app.get('/raw', (req, res, next) => {
    const call = async (): Promise<void> => {
      const { access_token } = await connect.getToken(req);
      const headers = { Authorization: `Bearer ${access_token}` };
      const {
        status,
        headers: got,
        data,
      } = await axios.get<unknown>(`${provider.url}/v1/me`, { headers, maxRedirects: 0 });
      const error = connectErrorFrom({ status, headers: got, body: data });
      dump('connectErrorFrom', error);
      if (error !== undefined) throw error;
      res.json(null);
    };
    call().catch((error: unknown) => {
      // One without an answer is passed on, and Express would print it whole.
      if (axios.isAxiosError(error) && error.response === undefined) res.sendStatus(502);
      else next(error);
    });
  });
  app.get('/carried', (req, res) => {
    const { connectToken } = req.session;
    req.session.regenerate(() => {
      Object.assign(req.session, { connectToken, user: 'v' });
      see('session: JSON', JSON.stringify(req.session));
      res.json(null);
    });
  });
  app.get('/fresh', (req, res, next) => void connect.getToken(req).then(() => void res.json(null), next));
  const capture: ErrorRequestHandler = (error, _req, _res, next) => {
    // Errors of axios hold the token: what is made of them must not.
    if (!axios.isAxiosError(error)) dump('error', error);
    next(error);
  };
  const render: RenderError = (error, _req, res) => {
    dump('rendered', error);
    throw new Error(`the standard answer, status ${res.statusCode}`);
  };
  app.use(capture, connectErrorHandler({ render }));

  let cookie = '';
  async function visit(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> {
    const answer = await send(server.url + path, method, { cookie, ...headers });
    const given = (answer.headers['set-cookie']?.[0] ?? '').split(';', 1)[0] ?? '';
    if (given !== '') {
      cookie = given;
      secrets.push({
        name: 'session id',
        value:
          decodeURIComponent(given.split('=')[1] ?? '')
            .slice(2)
            .split('.')[0] ?? '',
      });
    }
    return answer;
  }
  async function search(path: string, headers: OutgoingHttpHeaders, method = 'GET'): Promise<void> {
    const answer = await visit(path, headers, method);
    report.statuses[`${scenario}: ${method} ${path} ${Object.values(headers).join()}`] = answer.status;
    see(`${path}: body`, answer.body);
    see(`${path}: headers`, JSON.stringify({ ...answer.headers, 'set-cookie': undefined }));
  }

  const started = await visit('/connect/authorize');
  const state = new URL(String(started.headers.location)).searchParams.get('state') ?? '';
  secrets.push({ name: 'state', value: state });
  await search(`/connect/callback?code=${encodeURIComponent(code)}&state=${state}`, { accept: 'text/html' });
  aheadMs += 2 * HOUR_S * 1000;
  for (const accept of ['text/html', 'application/json']) {
    for (const path of ['/guarded', '/fresh', '/me', '/raw']) await search(path, { accept });
  }
  await search('/carried', { accept: 'application/json' });
  await search('/connect/disconnect', { 'sec-fetch-site': 'cross-site' }, 'POST');
  report.sightings.push({ scenario, sink: 'store', text: await stored(store) });
  see('redis', await redis());
  await search('/connect/disconnect', { 'sec-fetch-site': 'same-origin' }, 'POST');
  await connect.close();
  unsubscribe('express-connect-auth', published);
  await Promise.all([provider, server].map((one) => one.close()));
}

/** The documents of a store; of the names, session ids by their nature, nothing. */
function stored(store: Store): Promise<string> {
  return new Promise((resolve, reject) => {
    store.all?.((error: unknown, all) => {
      if (error != null) return reject(new Error('the store failed'));
      // connect-redis adds the id to each document that it lists.
      resolve(valuesIn(Object.values(all ?? {}).map((one) => ({ ...one, id: undefined }))));
    });
  });
}

type RedisClient = Pick<ReturnType<typeof createClient>, 'keys' | 'type' | 'hGetAll' | 'get'>;

/** Everything in Redis, names and values; of sessions the names, which connect-redis makes of their ids, are left out. */
async function redisText(client: RedisClient): Promise<string> {
  const parts: string[] = [];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    const value = type === 'hash' ? JSON.stringify(await client.hGetAll(key)) : await client.get(key);
    parts.push(`${key.startsWith('sess:') ? 'sess:' : key} ${type} ${value}`);
  }
  return parts.join('\n');
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

function send(url: string, method: string, headers: OutgoingHttpHeaders): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { method, headers, agent: false }, (res) => {
      readAll(res).then((body) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body }), reject);
    })
      .on('error', reject)
      .end();
  });
}

async function main(): Promise<void> {
  const port = process.env['REDIS_PORT'];
  const client = port === undefined ? undefined : await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  const textStore = (): Store => (client === undefined ? new MemoryStore() : new RedisStore({ client }));
  const ofObjects = 'all well, in a store of objects';
  const scenarios = ['all well', ofObjects, ...Object.keys(REFRESHES), ...Object.keys(API)];
  for (const scenario of scenarios) {
    await play(
      scenario,
      scenario === ofObjects ? new ObjectStore() : textStore(),
      client === undefined
        ? memoryLedger()
        : redisLedger({
            sendCommand: (...args: string[]) => client.sendCommand(args),
            encryptionKeys: LEDGER_KEYS,
            commandTimeoutMs: 5000,
          }),
      () => (client === undefined ? Promise.resolve('') : redisText(client)),
    );
  }
  if (client !== undefined) {
    report.sightings.push({ scenario: 'all', sink: 'redis', text: await redisText(client) });
    client.destroy();
  }
  process.send?.(report, () => process.disconnect());
}

void main();
