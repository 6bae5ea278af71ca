// Lets requests of one visitor meet in two processes again and again, and counts how often both of them win.
// npm run races [-- ROUNDS [WORDS]] [--store redis|postgres]: 250 rounds each unless told otherwise, of the races whose
// names hold the words; sessions are in Redis, and so is the ledger unless told otherwise.
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSandbox } from 'express-connect-auth/testing';
import { createClient } from 'redis';
import { STORES } from '../soak/database.mjs';
import { send } from '../soak/http.mjs';
import { startPostgres } from '../soak/postgres.mjs';
import { startRedis } from '../soak/redis.mjs';
import { REFRESH_RACES } from './refresh-rounds.mjs';
import { OWN, PAGE, cookieOf, isConnected, isGreeted, returning } from './visitor.mjs';

const USAGE = `npm run races -- [ROUNDS, from 1 to 10000] [WORDS] [--store ${STORES.join('|')}]`;
const { rounds: ROUNDS, words: WORDS, store: STORE } = argumentsOrExit(process.argv.slice(2));

function argumentsOrExit(args) {
  try {
    const options = { store: { type: 'string', default: 'redis' } };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [rounds = '250', words = ''] = positionals;
    const plan = { rounds: Number(rounds), words, store: values.store };
    if (Number.isInteger(plan.rounds) && plan.rounds >= 1 && plan.rounds <= 10_000 && STORES.includes(plan.store))
      return plan;
  } catch {
    // A flag that there is not.
  }
  console.error(USAGE);
  process.exit(2);
}

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));
/** Longer than a callback takes here, so that the second request meets it in every moment, and after its end. */
const SPREAD_MS = 14;
/** A callback and another request with the same cookie, so many milliseconds later. */
async function meet(world, place, request) {
  const { cookie, path } = await returning(world);
  const callback = send(`${world.first}${path}`, { headers: { ...PAGE, cookie } });
  await sleep(Math.random() * SPREAD_MS);
  const other = await send(`${world[place]}${request}`, { method: 'POST', headers: { ...OWN, cookie } });
  const landed = await callback;
  return { cookie, other, landed, newCookie: cookieOf(landed) };
}

async function disconnectRound(world, place) {
  const { other, landed, newCookie } = await meet(world, place, '/connect/disconnect');
  const both = landed.status === 302 && newCookie !== undefined && other.status === 204;
  // In one process a disconnect may follow the session; what counts is whether the visitor is connected.
  const lost = other.status === 204 && (await isConnected(world, newCookie));
  const stuck = other.status === 503 && (await isStuck(world, newCookie));
  return { outcome: `${landed.status}/${other.status}`, lost, both: both && place === 'second', stuck };
}

/** A 503 promises that the next try, with the cookie that the browser has by then, ends the connection. */
async function isStuck(world, cookie) {
  const again = await send(`${world.second}/connect/disconnect`, { method: 'POST', headers: { ...OWN, cookie } });
  return again.status !== 204 || (await isConnected(world, cookie));
}

async function logoutRound(world, place) {
  const { cookie, other, landed, newCookie } = await meet(world, place, '/logout');
  const ended = JSON.parse(other.body).user !== null;
  const alive =
    (await isConnected(world, newCookie)) || (await isGreeted(world, newCookie)) || (await isGreeted(world, cookie));
  return { outcome: `${landed.status}/${ended ? 'logged out' : 'too late'}`, lost: ended && alive };
}

const RACES = [
  ['disconnect in another process', 'none', 'second', disconnectRound],
  ['disconnect in the same process', 'none', 'first', disconnectRound],
  ['disconnect in another process, onConnect saves', 'save', 'second', disconnectRound],
  ['disconnect in the same process, onConnect saves', 'save', 'first', disconnectRound],
  ['disconnect in another process, onConnect regenerates', 'regenerate', 'second', disconnectRound],
  ['disconnect in the same process, onConnect regenerates', 'regenerate', 'first', disconnectRound],
  ['logout in the same process', 'none', 'first', logoutRound],
  ['logout in the same process, onConnect saves', 'save', 'first', logoutRound],
  ['logout in the same process, onConnect regenerates', 'regenerate', 'first', logoutRound],
  ['logout in another process', 'none', 'second', logoutRound],
  ['logout in another process, onConnect saves', 'save', 'second', logoutRound],
  ['logout in another process, onConnect regenerates', 'regenerate', 'second', logoutRound],
].map(([name, ...rest]) => [`callback, ${name}`, ...rest]);

async function startWorker(setup) {
  const child = fork(WORKER, [JSON.stringify(setup)]);
  const url = await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message.url));
    child.once('exit', () => reject(new Error('A process of the race ended.')));
  });
  return { child, url };
}

async function run([name, onConnect, place, round]) {
  const [redis, sandbox, postgres] = await Promise.all([
    startRedis(),
    startSandbox(),
    STORE === 'postgres' ? startPostgres() : undefined,
  ]);
  const connect = { ...sandbox.connectOptions, redirectUri: 'http://127.0.0.1/connect/callback' };
  const sessions = createClient({ url: redis.url });
  // It ends with Redis.
  sessions.on('error', () => undefined);
  await sessions.connect();
  const workers = await Promise.all(
    [0, 1].map(() => startWorker({ redisUrl: redis.url, postgres: postgres?.connection, connect, onConnect })),
  );
  try {
    const world = { sandbox, sessions, first: workers[0].url, second: workers[1].url };
    const outcomes = new Map();
    const counts = { lost: 0, both: 0, stuck: 0 };
    for (let index = 0; index < ROUNDS; index += 1) {
      const result = await round(world, place);
      outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
      for (const key of Object.keys(counts)) if (result[key]) counts[key] += 1;
    }
    const told = [...outcomes].map(([outcome, times]) => `${outcome} × ${times}`).join(', ');
    console.log(`| ${name} | ${told} | ${counts.lost} | ${counts.both} | ${counts.stuck} |`);
    return counts.lost + counts.both + counts.stuck;
  } finally {
    for (const { child } of workers) child.kill();
    sessions.destroy();
    await Promise.all([sandbox.close(), redis.close(), postgres?.close()]);
  }
}

// An exit of ours ends the databases too; an end by signal would not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

console.log(`${ROUNDS} rounds each, the ledger in ${STORE}\n`);
console.log(
  '| two requests | statuses × times | connected or logged in all the same | both succeeded | not ended by the next try |',
);
console.log('| --- | --- | --- | --- | --- |');
for (const race of [...RACES, ...REFRESH_RACES].filter(([name]) => name.includes(WORDS))) await run(race);
