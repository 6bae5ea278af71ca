// npm run soak -- [--seconds 20] [--users 40] [--owners 8] [--store redis|postgres] [--strategy none|lock|ledger|all]
//                 [--slow 0.1] [--slow-ms 12000] [--kill 0.7] [--runs 1] [--seed 1]
// Four processes and, with the ledger, two more for jobs; one Redis, and a PostgreSQL for ledger and connections if it is
// asked for; a strict provider, tokens of 2 seconds. Exit code 1
// when the ledger loses a sign-in or a user's connection, or presents a refresh token twice, or when the rig is blind.
import { setTimeout as sleep } from 'node:timers/promises';
import { argumentsOrExit, randomFrom } from './arguments.mjs';
import { startFleet } from './fleet.mjs';
import { startPostgres } from './postgres.mjs';
import { startProvider } from './provider.mjs';
import { startRedis } from './redis.mjs';
import { appUser } from './users.mjs';
import { SITE, visitor } from './visitor.mjs';

const PROCESSES = 4;
/** Which act for users of the app, and serve no browser. */
const JOB_PROCESSES = 2;
const LIFETIME_SECONDS = 2;
/** With a grace time, a provider gives a lost answer again; without one, a kill at the wrong moment is a lost sign-in. */
const GRACE_MS = 10_000;

async function run(strategy, plan, seed) {
  const random = randomFrom(seed);
  const graceMs = plan.killSeconds > 0 ? GRACE_MS : 0;
  const redis = await startRedis();
  const isInPostgres = strategy === 'ledger' && plan.store === 'postgres';
  const postgres = isInPostgres ? await startPostgres() : undefined;
  const provider = await startProvider({ lifetimeSeconds: LIFETIME_SECONDS, graceMs, ...plan, random });
  const connect = { ...provider.connectOptions, redirectUri: `${SITE}/connect/callback` };
  const owners = strategy === 'ledger' ? plan.owners : 0;
  const setup = { strategy, redisUrl: redis.url, postgres: postgres?.connection, connect };
  const mayKill = plan.killSeconds > 0;
  const fleet = await startFleet(setup, PROCESSES, { mayKill });
  const jobs = await startFleet({ ...setup, kind: 'jobs' }, owners === 0 ? 0 : JOB_PROCESSES, {
    mayKill: mayKill && owners > 0,
  });
  try {
    let stop = false;
    const rig = { fleet, jobs, provider, random, stopped: () => stop };
    const visitors = Array.from({ length: plan.users }, () => visitor(rig));
    const users = Array.from({ length: owners }, (_, index) => appUser({ ...rig, user: `user-${index}` }));
    await Promise.all([...visitors.map(({ signIn }) => signIn()), ...users.map(({ begin }) => begin())]);
    const fleets = owners === 0 ? [fleet] : [fleet, jobs];
    const killer = mayKill ? killEvery(plan.killSeconds * 1000, fleets, random, () => stop) : undefined;
    const visits = Promise.all([...visitors, ...users].map(({ visit }) => visit()));
    await Promise.race([visits, sleep(plan.seconds * 1000)]);
    stop = true;
    await Promise.all([visits, killer]);
    return report(strategy, {
      store: isInPostgres ? 'postgres' : 'redis',
      visitors: visitors.map(({ tally }) => tally),
      devices: users.flatMap(({ devices }) => devices.map(({ tally }) => tally)),
      jobs: users.map(({ tally }) => tally),
      connected: await Promise.all(visitors.map(({ check }) => check())),
      usersConnected: (await Promise.all(users.map(({ check }) => check()))).flat(),
      counts: provider.counts(),
      kills: fleets.reduce((total, { kills }) => total + kills(), 0),
    });
  } finally {
    await jobs.close();
    await fleet.close();
    await provider.close();
    await postgres?.close();
    await redis.close();
  }
}

/** Of two kinds of processes, in turn. */
async function killEvery(pauseMs, fleets, random, stopped) {
  for (let turn = 0; !stopped(); turn += 1) {
    await sleep(pauseMs);
    fleets[turn % fleets.length].kill(random());
  }
}

function report(strategy, { store, visitors, devices, jobs, connected, usersConnected, counts, kills }) {
  const tallies = [...visitors, ...devices];
  const sum = (key, from = tallies) => from.reduce((total, tally) => total + tally[key], 0);
  const timesMs = tallies.flatMap((tally) => tally.timesMs).sort((one, other) => one - other);
  const goneOf = (words) => words.filter((word) => word !== 'connected');
  const gone = goneOf(connected);
  const usersGone = goneOf(usersConnected);
  // For whoever has to find out why: what the ledger's visitors were told.
  if (strategy === 'ledger')
    for (const word of [...gone, ...usersGone, ...[...tallies, ...jobs].flatMap((tally) => tally.words)])
      console.error(word);
  const percentile = (share) => Math.round(timesMs[Math.floor((timesMs.length - 1) * share)] ?? 0);
  return {
    strategy,
    store,
    requests: sum('requests'),
    jobs: sum('jobs', jobs),
    refreshes: counts.refreshes,
    'sign-ins lost': sum('lost', visitors) + gone.length,
    'users lost': sum('lost', devices) + sum('lost', jobs) + usersGone.length,
    'presented twice': counts.twice,
    'ambiguous repeats': counts.ambiguous,
    'slow answers': counts.slow,
    kills,
    'answers 503': sum('unavailable') + sum('unavailable', jobs),
    'other failures': sum('failed') + sum('failed', jobs),
    'p50 ms': percentile(0.5),
    'p99 ms': percentile(0.99),
  };
}

// An exit of ours ends the databases too; an end by signal would not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const plan = argumentsOrExit(process.argv.slice(2));
const rows = [];
for (let index = 0; index < plan.runs; index += 1) {
  for (const strategy of plan.strategies) {
    const row = await run(strategy, plan, plan.seed + index);
    rows.push(row);
    console.log(JSON.stringify(row));
  }
}
console.table(rows);

const broke = rows.filter(
  (row) => row.strategy === 'ledger' && row['sign-ins lost'] + row['users lost'] + row['presented twice'] > 0,
);
const blind = rows.filter((row) => row.strategy !== 'ledger' && row['sign-ins lost'] === 0);
if (broke.length > 0)
  console.error(`The ledger lost sign-ins or users, or presented a token twice in ${broke.length} runs.`);
if (blind.length > 0) console.error(`A control lost nothing in ${blind.length} runs: the rig is blind.`);
process.exitCode = broke.length + blind.length > 0 ? 1 : 0;
