// How long an operation of ledger and connections takes, in memory, Redis and PostgreSQL: servers of its own, on loopback
// and on their defaults, that is, PostgreSQL waits for the disk. Prints Markdown. Run after `npm run build`:
// node bench/ledgers.mjs
import { performance } from 'node:perf_hooks';
import { createClient } from 'redis';
import pg from 'pg';
import { memoryConnections, memoryLedger } from 'express-connect-auth';
import { postgresConnections, postgresLedger } from 'express-connect-auth/postgres';
import { redisConnections, redisLedger } from 'express-connect-auth/redis';
import { startPostgres } from './soak/postgres.mjs';
import { startRedis } from './soak/redis.mjs';

const ROUNDS = 1500;
const REFRESHES = 1000;
const HOUR_MS = 3_600_000;
const KEYS = [{ id: 'bench', secret: 'a secret of the benchmark, 32 chars or more' }];
/** As large as the token set of docs/sizing.md. */
const BOX = 'x'.repeat(1176);

// An exit of ours ends the servers too; an end by signal would not.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const redisServer = await startRedis();
const redis = createClient({ url: redisServer.url });
redis.on('error', () => undefined);
await redis.connect();
const postgresServer = await startPostgres();
const pool = new pg.Pool({ ...postgresServer.connection, max: 5 });

const inRedis = { sendCommand: (...args) => redis.sendCommand(args), encryptionKeys: KEYS, commandTimeoutMs: 5000 };
const inPostgres = {
  query: (text, values) => pool.query(text, values),
  encryptionKeys: KEYS,
  queryTimeoutMs: 5000,
};
const STORES = {
  memory: { ledger: memoryLedger(), connections: memoryConnections() },
  Redis: { ledger: redisLedger(inRedis), connections: redisConnections(inRedis) },
  PostgreSQL: { ledger: postgresLedger(inPostgres), connections: postgresConnections(inPostgres) },
};

/** Times of one refresh of a connection that is known already, and of its record, in milliseconds. */
async function times({ ledger, connections }, round) {
  const key = `connection ${round % 50}`;
  const found = {};
  const timed = async (name, work) => {
    const started = performance.now();
    const answer = await work();
    found[name] = performance.now() - started;
    return answer;
  };
  const generation = Math.floor(round / 50);
  const claim = { generation, claimant: 'bench', leaseMs: 6000, minAgeMs: 0, retentionMs: HOUR_MS };
  const { fence } = await timed('acquire, won', () => ledger.acquire(key, claim));
  await timed('settle', () => ledger.settle(key, { generation, fence, box: BOX, retentionMs: HOUR_MS }));
  await timed('acquire, adopted', () => ledger.acquire(key, { ...claim, claimant: 'other' }));
  const held = await timed('load', () => connections.load(key));
  await timed('save', () => connections.save(key, BOX, held?.version));
  return found;
}

function row(samples) {
  const sorted = samples.toSorted((one, other) => one - other);
  return [0.5, 0.99].map((share) => sorted[Math.floor((sorted.length - 1) * share)].toFixed(2));
}

try {
  const samples = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    // Side by side, so that whatever else the machine does meets all of them.
    for (const [store, parts] of Object.entries(STORES)) {
      for (const [name, ms] of Object.entries(await times(parts, round)))
        ((samples[name] ??= {})[store] ??= []).push(ms);
    }
  }
  const head = ['operation', ...Object.keys(STORES).flatMap((name) => [`${name}, median ms`, '99 %'])];
  const rows = Object.entries(samples).map(([name, found]) => [name, ...Object.values(found).flatMap(row)]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  console.log([line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n'));

  const { ledger } = STORES.PostgreSQL;
  for (let generation = 0; generation < REFRESHES; generation += 1) {
    const claim = { generation, claimant: 'bench', leaseMs: 6000, minAgeMs: 0, retentionMs: HOUR_MS };
    const { fence } = await ledger.acquire('constant', claim);
    await ledger.settle('constant', { generation, fence, box: BOX, retentionMs: HOUR_MS });
    if (!/^9*$/u.test(String(generation)) && generation > 0) continue;
    const { rows: found } = await pool.query(
      `SELECT length(record) AS record, pg_column_size(t.*) AS bytes FROM connect_auth_ledger AS t WHERE key = 'constant'`,
    );
    console.log(`after ${generation + 1} refreshes: ${found[0].record} characters, a row of ${found[0].bytes} bytes`);
  }
} finally {
  await pool.end();
  await postgresServer.close();
  redis.destroy();
  await redisServer.close();
}
