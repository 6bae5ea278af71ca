// npm run soak -- [--seconds 20] [--users 40] [--strategy none|lock|ledger|all] [--slow 0.1] [--slow-ms 12000] [--kill 0.7]
//                 [--runs 1] [--seed 1]
// Four processes, one Redis, a strict provider, tokens of 2 seconds. Exit code 1 when the ledger loses a sign-in or
// presents a refresh token twice, or when the rig is blind.
import { setTimeout as sleep } from 'node:timers/promises';
import { argumentsOrExit, randomFrom } from './arguments.mjs';
import { startFleet } from './fleet.mjs';
import { startProvider } from './provider.mjs';
import { startRedis } from './redis.mjs';
import { SITE, visitor } from './visitor.mjs';

const PROCESSES = 4;
const LIFETIME_SECONDS = 2;
/** With a grace time, a provider gives a lost answer again; without one, a kill at the wrong moment is a lost sign-in. */
const GRACE_MS = 10_000;

async function run(strategy, plan, seed) {
  const random = randomFrom(seed);
  const graceMs = plan.killSeconds > 0 ? GRACE_MS : 0;
  const redis = await startRedis();
  const provider = await startProvider({ lifetimeSeconds: LIFETIME_SECONDS, graceMs, ...plan, random });
  const connect = { ...provider.connectOptions, redirectUri: `${SITE}/connect/callback` };
  const fleet = await startFleet({ strategy, redisUrl: redis.url, connect }, PROCESSES, {
    mayKill: plan.killSeconds > 0,
  });
  try {
    let stop = false;
    const visitors = Array.from({ length: plan.users }, () =>
      visitor({ fleet, provider, random, stopped: () => stop }),
    );
    await Promise.all(visitors.map(({ signIn }) => signIn()));
    const killer = plan.killSeconds > 0 ? killEvery(plan.killSeconds * 1000, fleet, random, () => stop) : undefined;
    const visits = Promise.all(visitors.map(({ visit }) => visit()));
    await Promise.race([visits, sleep(plan.seconds * 1000)]);
    stop = true;
    await Promise.all([visits, killer]);
    const connected = await Promise.all(visitors.map(({ check }) => check()));
    return report(
      strategy,
      visitors.map(({ tally }) => tally),
      connected,
      provider.counts(),
      fleet.kills(),
    );
  } finally {
    await fleet.close();
    await provider.close();
    await redis.close();
  }
}

async function killEvery(pauseMs, fleet, random, stopped) {
  while (!stopped()) {
    await sleep(pauseMs);
    fleet.kill(random());
  }
}

function report(strategy, tallies, connected, counts, kills) {
  const sum = (key) => tallies.reduce((total, tally) => total + tally[key], 0);
  const timesMs = tallies.flatMap((tally) => tally.timesMs).sort((one, other) => one - other);
  const gone = connected.filter((word) => word !== 'connected');
  // For whoever has to find out why: what the ledger's visitors were told.
  if (strategy === 'ledger')
    for (const word of [...gone, ...tallies.flatMap((tally) => tally.words)]) console.error(word);
  const percentile = (share) => Math.round(timesMs[Math.floor((timesMs.length - 1) * share)] ?? 0);
  return {
    strategy,
    requests: sum('requests'),
    refreshes: counts.refreshes,
    'sign-ins lost': sum('lost') + gone.length,
    'presented twice': counts.twice,
    'ambiguous repeats': counts.ambiguous,
    'slow answers': counts.slow,
    kills,
    'answers 503': sum('unavailable'),
    'other failures': sum('failed'),
    'p50 ms': percentile(0.5),
    'p99 ms': percentile(0.99),
  };
}

// An exit of ours ends Redis too; an end by signal would not.
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
  (row) => row.strategy === 'ledger' && (row['sign-ins lost'] > 0 || row['presented twice'] > 0),
);
const blind = rows.filter((row) => row.strategy !== 'ledger' && row['sign-ins lost'] === 0);
if (broke.length > 0) console.error(`The ledger lost sign-ins or presented a token twice in ${broke.length} runs.`);
if (blind.length > 0) console.error(`A control lost nothing in ${blind.length} runs: the rig is blind.`);
process.exitCode = broke.length + blind.length > 0 ? 1 : 0;
