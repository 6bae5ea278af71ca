import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import { ConnectError } from '../errors';
import { ownOnly } from '../own';
import { boundedNames, boundedRecords } from './bounded-records';
import type { RefreshLedger } from './ledger';
import { acquireStep, failStep, holds, revokeStep, settleStep } from './record';

/** What {@link memoryLedger} can be told. */
export interface MemoryLedgerOptions {
  /** How many connections are remembered, 1–10,000,000. @defaultValue 100,000, about 2 KB each */
  readonly maxRecords?: number | undefined;
  /** The clock, in milliseconds; only differences count. @defaultValue one that no correction of the time of day moves */
  readonly now?: (() => number) | undefined;
}

const MAX_RECORDS = 100_000;
let warned = false;

/**
 * Coordinates the refreshes of one process: the default of `connectAuth()`. It forgets everything when the process
 * ends, ended connections included, and knows nothing of other processes: for several, or for tombstones that outlive
 * a restart, take `redisLedger` of `express-connect-auth/redis`. In a worker of node:cluster it warns of that, once.
 * @throws ConnectError `ERR_CONNECT_OPTIONS`
 */
export function memoryLedger(options: MemoryLedgerOptions = {}): RefreshLedger {
  const { maxRecords = MAX_RECORDS, now = monotonicNow } = ownOnly(options);
  const unknown = Object.keys(options).some((name) => name !== 'maxRecords' && name !== 'now');
  if (
    unknown ||
    !Number.isInteger(maxRecords) ||
    maxRecords < 1 ||
    maxRecords > 10_000_000 ||
    typeof now !== 'function'
  ) {
    throw new ConnectError('ERR_CONNECT_OPTIONS', {
      stage: 'options',
      message: 'memoryLedger() takes maxRecords (a whole number of 1–10000000) and now (a function), nothing else.',
    });
  }
  if (cluster.isWorker) warnOnce();
  return ledgerInMemory(maxRecords, now);
}

/** The ledger without a check of options and without the warning: also what steps in for a ledger that is away. */
export function ledgerInMemory(maxRecords = MAX_RECORDS, now: () => number = monotonicNow): RefreshLedger {
  const records = boundedRecords(maxRecords);
  const take = boundedNames(maxRecords);

  return Object.freeze<RefreshLedger>({
    acquire: atomic((key, claim) => {
      const time = now();
      const { answer, record } = ownOnly(acquireStep(records.get(key, time), claim, time));
      if (record !== undefined) records.put(key, record, { now: time, retentionMs: claim.retentionMs });
      return answer;
    }),
    renew: atomic((key, claimant, leaseMs) => {
      const time = now();
      const record = records.get(key, time);
      if (!holds(record, claimant)) return false;
      records.put(key, { ...record, deadline: time + leaseMs }, { now: time, retentionMs: leaseMs });
      return true;
    }),
    settle: atomic((key, success) => {
      const time = now();
      const { answer, record } = ownOnly(settleStep(records.get(key, time), success, time));
      if (record !== undefined) records.put(key, record, { now: time, retentionMs: success.retentionMs });
      return answer;
    }),
    fail: atomic((key, failure) => {
      const time = now();
      const { answer, record } = ownOnly(failStep(records.get(key, time), failure, time));
      if (record !== undefined) records.put(key, record, { now: time, retentionMs: failure.retentionMs });
      return answer;
    }),
    revoke: atomic((key, retentionMs) => {
      const time = now();
      const { answer, record } = ownOnly(revokeStep(records.get(key, time)));
      if (record !== undefined) records.put(key, record, { now: time, retentionMs });
      return answer;
    }),
    once: atomic((name, ttlMs) => take(name, ttlMs, now())),
  });
}

/** What runs without a pause cannot be interleaved with anything else of this process. */
function atomic<Args extends unknown[], Answer>(step: (...args: Args) => Answer): (...args: Args) => Promise<Answer> {
  return (...args) => new Promise((resolve) => resolve(step(...args)));
}

function monotonicNow(): number {
  return Math.round(performance.now());
}

function warnOnce(): void {
  if (warned) return;
  warned = true;
  process.emitWarning('memoryLedger() coordinates one process only, and this one is a worker of node:cluster.', {
    code: 'CONNECT_AUTH_MEMORY_LEDGER',
    detail:
      'Two workers that refresh the same connection can end it. Pass ledger: redisLedger({ … }) of ' +
      'express-connect-auth/redis to connectAuth(); one Redis serves all workers.',
  });
}
