// What the connection of a user costs: commands of Redis, CPU time, bytes. A redis-server and a sandbox of its own, on
// loopback; some seconds on a quiet machine. Prints Markdown. Run after `npm run build`: node bench/connections.mjs
import http from 'node:http';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { connectAuth, memoryConnections, memoryLedger } from 'express-connect-auth';
import { redisConnections, redisLedger } from 'express-connect-auth/redis';
import { startSandbox } from 'express-connect-auth/testing';
import { send } from './soak/http.mjs';
import { startRedis } from './soak/redis.mjs';

const SITE = 'http://127.0.0.1:1';
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const CALLS = 2000;
const ROUNDS = 7;
const MOST_REFRESHES = 1000;
const KEYS = [{ id: 'bench', secret: 'a secret of the benchmark, 32 chars or more' }];
const USER = 'user-1';

/** Of everything in this process; Redis keeps to its own. */
let aheadMs = 0;
const realNow = Date.now.bind(Date);
Date.now = () => realNow() + aheadMs;

/** What is to be closed at the end. */
const opened = [];

/** An app with a visitor who is connected, and the way to make requests of theirs. */
async function connectedApp(sandbox, options, store = new session.MemoryStore()) {
  const app = express();
  const cookies = { secret: 'session signing secret of the benchmark', resave: false, saveUninitialized: false, store };
  const connect = connectAuth({ ...sandbox.connectOptions, redirectUri: `${SITE}/connect/callback`, ...options });
  opened.push(connect);
  app.use(session(cookies), connect);
  const server = http.createServer(app);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  try {
    const started = await send(`${url}/connect/authorize`);
    const callback = (await sandbox.allow(started.headers.location)).slice(SITE.length);
    const landed = await send(url + callback, { headers: { cookie: cookieOf(started) } });
    if (landed.status !== 302) throw new Error(`The callback answered ${landed.status}.`);
    const id = decodeURIComponent(cookieOf(landed))
      .replace(/^connect\.sid=s:/u, '')
      .replace(/\..*$/u, '');
    const document = await new Promise((resolve, reject) =>
      store.get(id, (error, found) => (error ? reject(error) : resolve(JSON.stringify(found)))),
    );
    const getToken = (req) => {
      connect(req, {}, () => {});
      return connect.getToken(req);
    };
    return { connect, getToken, request: (text = document) => requestOf(store, id, text), document };
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const cookieOf = ({ headers }) => headers['set-cookie'][0].split(';')[0];

/** A request as express-session hands it on. */
function requestOf(store, sessionID, document) {
  const req = { method: 'GET', url: '/', originalUrl: '/', headers: {}, sessionID, sessionStore: store };
  store.createSession(req, JSON.parse(document));
  return req;
}

/** Session documents without their copy of the token, as on another device. */
function withoutCopy(document) {
  return JSON.stringify({ ...JSON.parse(document), connectToken: undefined });
}

async function cpuMicroseconds(calls) {
  const before = process.cpuUsage();
  for (const call of calls) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls.length;
}

/** CPU of this process per call. @param make - one call, prepared outside of what is measured */
async function measured(make) {
  const values = [];
  for (let round = 0; round < ROUNDS; round += 1)
    values.push(await cpuMicroseconds(Array.from({ length: CALLS }, make)));
  const sorted = values.toSorted((one, other) => one - other);
  return [sorted[ROUNDS >> 1], sorted[0], sorted.at(-1)].map((value) => value.toFixed(1));
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  console.log([line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n'));
}

async function printCommands(app, redis) {
  const { connect, getToken, request, document } = app;
  const during = async (work) => {
    redis.commands.splice(0);
    await work();
    return redis.commands.join(', ') || 'none';
  };
  const elsewhere = withoutCopy(document);
  const rows = [];
  const add = async (what, work) => rows.push([what, await during(work)]);
  await getToken(request());
  await add('request with a copy in its session', () => getToken(request()));
  aheadMs += MINUTE_MS;
  await add('the same, a minute after the last look', () => getToken(request()));
  await add('the next one', () => getToken(request()));
  await add('request without a copy', () => getToken(request(elsewhere)));
  await add('ten at once without a copy', () =>
    Promise.all(Array.from({ length: 10 }, () => getToken(request(elsewhere)))),
  );
  await add('`of().getToken()`, not due', () => connect.of(USER).getToken());
  aheadMs += HOUR_MS;
  await add('`of().getToken()` that refreshes', () => connect.of(USER).getToken());
  table(['call', 'commands of Redis for connections and ledger'], rows);
}

async function printCpu(apps) {
  const rows = [];
  const add = async (what, make) => rows.push([what, ...(await measured(make))]);
  const ofRequest =
    ({ getToken, request }) =>
    () => {
      const req = request();
      return () => getToken(req);
    };
  await add('request, session plain', ofRequest(apps.plain));
  await add('request, session sealed', ofRequest(apps.sealed));
  await add('request, session plain, with `owner`', ofRequest(apps.memory));
  await add('request, session sealed, with `owner`', ofRequest(apps.both));
  await add('`of().getToken()`, memory', () => () => apps.memory.connect.of(USER).getToken());
  await add('`of().getToken()`, Redis', () => () => apps.redis.connect.of(USER).getToken());
  table(['token not due; a request: `connectAuth()` and `getToken(req)`', 'CPU µs, median', 'least', 'most'], rows);
}

async function printBytes({ connect }, redis) {
  const key = `connect-auth:owner:${USER}`;
  const rows = [];
  for (let refreshes = 1; refreshes <= MOST_REFRESHES; refreshes += 1) {
    aheadMs += HOUR_MS;
    await connect.of(USER).getToken();
    if (!/^10*$/u.test(String(refreshes))) continue;
    const [record, bytes] = [await redis.client.hGet(key, 'record'), await redis.client.memoryUsage(key)];
    rows.push([refreshes, record.split('.')[3], record.length, bytes]);
  }
  table(['refreshes', 'generation', 'characters of the record', '`MEMORY USAGE` in bytes'], rows);
}

async function startCountedRedis() {
  const server = await startRedis();
  const client = createClient({ url: server.url });
  client.on('error', () => undefined);
  const commands = [];
  const sendCommand = (...args) => {
    commands.push(args[0]);
    return client.sendCommand(args);
  };
  await client.connect();
  return {
    client,
    commands,
    options: { sendCommand, encryptionKeys: KEYS, commandTimeoutMs: 5000 },
    async close() {
      client.destroy();
      await server.close();
    },
  };
}

// An exit of ours ends Redis too; an end by signal would not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const redis = await startCountedRedis();
const sandbox = await startSandbox({ switches: { refresh: 'rotate' }, now: () => Date.now() });
const owner = () => USER;
const inMemory = () => ({ owner, connections: memoryConnections(), ledger: memoryLedger() });
const inRedis = { owner, connections: redisConnections(redis.options), ledger: redisLedger(redis.options) };
const apps = {};
try {
  apps.redis = await connectedApp(sandbox, inRedis);
  // Until a script has run once, Redis has to be sent its text.
  aheadMs += HOUR_MS;
  await apps.redis.connect.of(USER).getToken();
  apps.redis = await connectedApp(sandbox, inRedis);
  await printCommands(apps.redis, redis);
  apps.plain = await connectedApp(sandbox, { ledger: memoryLedger() });
  apps.sealed = await connectedApp(sandbox, { ledger: memoryLedger(), encryptionKeys: KEYS });
  apps.memory = await connectedApp(sandbox, inMemory());
  apps.both = await connectedApp(sandbox, { ...inMemory(), encryptionKeys: KEYS });
  await printCpu(apps);
  await redis.client.flushAll();
  await printBytes(await connectedApp(sandbox, inRedis), redis);
} finally {
  await Promise.all(opened.map((connect) => connect.close()));
  await sandbox.close();
  await redis.close();
}
