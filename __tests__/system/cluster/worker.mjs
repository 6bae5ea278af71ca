// One process of a deployment: an app with express-session in Redis, and the library with ledger and connections in Redis
// or PostgreSQL, as its documents show it. It runs from a folder where the packed library is installed. The test talks to
// it by HTTP like any browser, and by messages: { hold: name } lets the next passage of a gate wait, { release: name } lets
// it go on, { pass: ms } moves the clock of this process on.
import http from 'node:http';
import net from 'node:net';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { connectAuth, connectErrorHandler } from 'express-connect-auth';

const setup = JSON.parse(process.argv[2]);
const armed = new Map();
const held = new Map();

/** Waits here when the test has asked for it, once per request of the test. */
function gate(name) {
  const left = armed.get(name) ?? 0;
  if (left === 0) return Promise.resolve();
  armed.set(name, left - 1);
  return new Promise((resolve) => {
    held.set(name, [...(held.get(name) ?? []), resolve]);
    process.send({ held: name });
  });
}

const realNow = Date.now.bind(Date);
let aheadMs = setup.aheadMs ?? 0;
// Timers keep to the real clock, and Redis to its own.
Date.now = () => realNow() + aheadMs;

process.on('message', ({ hold, release, pass }) => {
  if (pass !== undefined) aheadMs += pass;
  if (hold !== undefined) armed.set(hold, (armed.get(hold) ?? 0) + 1);
  if (release !== undefined) {
    armed.delete(release);
    for (const resolve of held.get(release) ?? []) resolve();
    held.delete(release);
  }
  process.send({ done: true });
});

async function redisClient(url) {
  const client = createClient({ url, socket: { reconnectStrategy: 50 } });
  // Without a listener the process would end when Redis goes away.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Sockets to the provider are opened through a gate: the moment before a request is sent. */
class GatedAgent extends http.Agent {
  createConnection(options, callback) {
    gate('connect').then(() => callback(null, net.connect(options)));
    return undefined;
  }
}

/** connect-redis with a gate in front of each write. */
class GatedStore extends RedisStore {
  async set(...args) {
    await gate('save');
    return super.set(...args);
  }
}

/** Every operation through a gate of its name; the lease shorter than the library's, where a test cannot wait for it. */
function gatedLedger(ledger) {
  const leaseMs = setup.leaseMs;
  const operations = Object.entries(ledger).map(([name, run]) => [
    name,
    async (...args) => {
      await gate(name);
      if (leaseMs === undefined) return run(...args);
      if (name === 'acquire') return run(args[0], { ...args[1], leaseMs });
      return name === 'renew' ? run(args[0], args[1], leaseMs) : run(...args);
    },
  ]);
  return Object.fromEntries(operations);
}

/** The store of connections, its loads and saves through gates. */
function gatedConnections(store) {
  return {
    encryptionKeys: store.encryptionKeys,
    load: (...args) => gate('load record').then(() => store.load(...args)),
    save: (...args) => gate('save record').then(() => store.save(...args)),
    remove: (...args) => store.remove(...args),
  };
}

const sessions = await redisClient(setup.sessionsUrl);

/** First words of what was sent for ledger and connections since they were last asked for. */
const commands = [];
// A machine that is busy with other work is not a database that is away.
const { operationTimeoutMs = 5000, ledgerKeys: encryptionKeys } = setup;

async function inRedis(url) {
  const { redisConnections, redisLedger } = await import('express-connect-auth/redis');
  const client = await redisClient(url);
  const options = {
    sendCommand(...args) {
      commands.push(args[0]);
      return client.sendCommand(args);
    },
    encryptionKeys,
    commandTimeoutMs: operationTimeoutMs,
  };
  // An earlier version has no such store.
  return { ledger: redisLedger(options), connections: redisConnections?.(options) };
}

async function inPostgres(connection) {
  const { postgresConnections, postgresLedger } = await import('express-connect-auth/postgres');
  const { Pool } = (await import('pg')).default;
  const pool = new Pool(connection);
  // Without a listener the process would end when PostgreSQL goes away.
  pool.on('error', () => undefined);
  const options = {
    query(text, values) {
      commands.push(text.slice(0, text.indexOf(' ')));
      return pool.query(text, values);
    },
    encryptionKeys,
    queryTimeoutMs: operationTimeoutMs,
  };
  return { ledger: postgresLedger(options), connections: postgresConnections(options) };
}

const { redis, postgres } = setup.coordination;
const kept = await (redis === undefined ? inPostgres(postgres) : inRedis(redis));

function owner({ session: { user } }) {
  if (user === 'whoever throws') throw new Error('canary');
  return user;
}

/** Options with which connections belong to users. */
function usersOptions() {
  if (setup.users === undefined) return {};
  const connections = gatedConnections(kept.connections);
  // A process without browsers has no owner function, and acts by of() alone.
  return setup.users === 'jobs' ? { connections } : { connections, owner };
}

const done = (run) => new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
// As login code of apps does it.
const onConnect = {
  save: (req) => done((answer) => req.session.save(answer)),
  regenerate: (req) => done((answer) => req.session.regenerate(answer)),
}[setup.onConnect];

const connect = connectAuth({
  ...setup.connect,
  ...(onConnect === undefined ? {} : { onConnect }),
  agent: new GatedAgent({ keepAlive: false }),
  ...usersOptions(),
  ledger: gatedLedger(kept.ledger),
  onEvent: (event) => void process.send?.({ event }),
});

const app = express();
app.use(
  session({
    secret: 'session signing secret of the tests',
    resave: false,
    saveUninitialized: false,
    store: new GatedStore({ client: sessions }),
  }),
);
app.use(connect);
app.get('/token', async (req, res) => {
  const token = await connect.getToken(req);
  res.json({ accessToken: token.access_token, pid: process.pid });
});
app.get('/me', async (req, res) => {
  const { data } = await connect.client(req).get('/me');
  res.json(data);
});
app.get('/guarded', connect.requireConnect({ onMissing: 'error' }), (req, res) => void res.json({ ok: true }));
// What the session holds, as an app reads it without asking the library.
app.get(
  '/session',
  (req, res) =>
    void res.json({
      accessToken: req.session.connectToken?.access_token,
      note: req.session.note,
    }),
);
// Never looks at the token, is slow, and saves the whole snapshot that it began with.
app.get('/write', async (req, res) => {
  await gate('write');
  req.session.note = String(req.query.note);
  res.json({ saved: true });
});
app.get('/login', (req, res) => {
  // As JSON, what apps put there by mistake.
  req.session.user = req.query.json === undefined ? (req.query.as ?? 'somebody') : JSON.parse(req.query.json);
  res.json({});
});
// A logout that keeps the session and its id.
app.get('/leave', (req, res) => {
  delete req.session.user;
  res.json({});
});
// What a job does for a user, without their session.
app.get('/of/:user/:call', async (req, res) => {
  const account = connect.of(req.params.user);
  const answers = {
    async token() {
      const { access_token, refresh_token } = await account.getToken();
      return { accessToken: access_token, refreshToken: refresh_token, pid: process.pid };
    },
    me: async () => (await account.client().get('/me')).data,
    status: () => account.status(),
    disconnect: () => account.disconnect(),
  };
  res.json((await answers[req.params.call]()) ?? {});
});
app.get('/commands', (req, res) => void res.json(commands.splice(0)));
// Says whether there was a login to end.
app.post('/logout', (req, res) => {
  const user = req.session.user ?? null;
  req.session.destroy(() => res.json({ user }));
});
app.use(connectErrorHandler());

const server = http.createServer(app);
// Packing the package keeps the test's process from seeing that a connection has been closed after five idle seconds.
server.keepAliveTimeout = 0;

process.on('SIGTERM', async () => {
  // Those that are being answered close after that; without it close() would wait for the other side.
  server.keepAliveTimeout = 1;
  await new Promise((resolve) => server.close(resolve));
  await connect.close();
  process.exit(0);
});
// The test has gone.
process.on('disconnect', () => process.exit(1));

server.listen(0, '127.0.0.1', () =>
  process.send({
    url: `http://127.0.0.1:${server.address().port}`,
    library: import.meta.resolve('express-connect-auth'),
  }),
);
