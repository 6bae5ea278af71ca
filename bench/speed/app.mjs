// The app of one contender: Express, express-session with its MemoryStore unless the contender has sessions of its own,
// and questions about what this process has spent.
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import express from 'express';
import session from 'express-session';
import { answering, ready } from './answering.mjs';
import { insideQuestions } from './inside.mjs';
import { clientQuestions } from './inside-client.mjs';
import { profileQuestions } from './inside-profile.mjs';

const setup = JSON.parse(process.argv[2]);
const store = setup.sessionsUrl === undefined ? new session.MemoryStore() : await redisStore(setup.sessionsUrl);
const sessions = session({
  secret: 'session signing secret of the benchmark',
  resave: false,
  saveUninitialized: false,
  store,
});

const app = express();
const server = http.createServer(app);
server.keepAliveTimeout = 60_000;
await new Promise((resolve) => server.listen(0, '127.0.0.1', 2048, resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const { make } = await import(`../peers/${setup.file}.mjs`);
const made = await make({ origin, provider: setup.provider }, setup.options);
const parts = made.hasOwnSession ? [] : [sessions];
app.use(...parts, made.middleware);
app.get('/visit', (req, res) => {
  if (req.session !== undefined) req.session.visits = (req.session.visits ?? 0) + 1;
  res.end();
});
app.get('/token', async (req, res) => {
  res.json({ accessToken: await made.accessToken(req) });
});

async function redisStore(url) {
  const { createClient } = await import('redis');
  const { RedisStore } = await import('connect-redis');
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  return new RedisStore({ client });
}

const realNow = Date.now.bind(Date);
const realMonotonic = performance.now.bind(performance);
let aheadMs = 0;
let isSeeded = false;
const SEEDED = 'seeded-';

/** Sessions are the store's, not the contender's: each slice begins without those of the one before. */
function forget() {
  if (!isSeeded) store.sessions = Object.create(null);
  // In place: what so large a copy costs would be counted later, when it is collected.
  else for (const id of Object.keys(store.sessions)) if (!id.startsWith(SEEDED)) delete store.sessions[id];
}

answering({
  cpu: () => process.cpuUsage(),
  forget,
  /** Bytes in use, typed arrays included; the sessions have been left out. */
  heap: () => {
    forget();
    for (let n = 0; n < 3; n += 1) globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  },
  /** Characters of the newest session document; 0 without a store. */
  document: () => Object.values(store.sessions).at(-1)?.length ?? 0,
  /** Fills the store with copies of the session that is there. */
  seed: ({ count }) => {
    const [document] = Object.values(store.sessions);
    for (let n = 0; n < count; n += 1) store.sessions[SEEDED + n] = document;
    isSeeded = true;
    forget();
  },
  /** Puts the clocks of this process forward. */
  ahead: ({ ms }) => {
    aheadMs += ms;
    Date.now = () => realNow() + aheadMs;
    performance.now = () => realMonotonic() + aheadMs;
  },
  commands: () => made.commands?.() ?? 0,
  ...insideQuestions({ app, parts, store, made }),
  ...profileQuestions(),
  ...clientQuestions({ app, parts, store, made, provider: setup.provider }),
});
ready({ origin });
