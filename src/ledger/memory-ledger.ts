import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import { ownOnly } from '../base/own';
import { only, readTable, type Row } from '../checks/table';
import { isWholeNumber } from '../checks/values';
import { boundedMap } from '../base/bounded-map';
import { forgettings } from './forgotten';
import type { Forgotten, RefreshLedger } from './ledger';
import { acquireStep, failStep, holds, revokeStep, settleStep, type LedgerRecord } from './record';

/** What {@link memoryLedger} can be told. Each size is a whole number of 1–10,000,000. */
export interface MemoryLedgerOptions {
  /** How many connections are remembered, those that have ended aside. @defaultValue 100,000 */
  readonly maxRecords?: number | undefined;
  /** How many ended connections are remembered. @defaultValue `maxRecords` */
  readonly maxTombstones?: number | undefined;
  /** How many names are claimed at a time: up to three for each sign-in of the last minutes. @defaultValue `maxRecords` */
  readonly maxClaims?: number | undefined;
  /** The clock, in milliseconds; only differences count. @defaultValue one that no correction of the time of day moves */
  readonly now?: (() => number) | undefined;
}

/** Connections that are remembered unless told otherwise. */
export const MAX_RECORDS = 100_000;
const LARGEST = 10_000_000;
const size = {
  read: only((value): value is number => isWholeNumber(value, 1, LARGEST)),
  expected: `a whole number of 1–${LARGEST}`,
};
const TABLE = {
  maxRecords: size,
  maxTombstones: size,
  maxClaims: size,
  now: { read: only((value): value is () => number => typeof value === 'function'), expected: 'a function' },
} as const satisfies Readonly<Record<keyof MemoryLedgerOptions, Row>>;
/** Kept no longer than this, a record or a name says no more than that somebody has looked for it. */
const BRIEFLY_MS = 1000;
/** What goes first when there is no room. Nobody is told of the first: anybody can leave thousands of them. */
const RANK = { brief: 0, kept: 1, pending: 2 };
let warned = false;

/**
 * Coordinates the refreshes of one process: the default of `connectAuth()`. It forgets everything when the process
 * ends, ended connections included, and knows nothing of other processes: for several, or for tombstones that outlive
 * a restart, take `redisLedger` of `express-connect-auth/redis`. In a worker of node:cluster it warns of that, once.
 * When it is full it forgets the oldest, warns once, and tells `onForgotten` (docs/scaling.md, "Size of memoryLedger").
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function memoryLedger(options: MemoryLedgerOptions = {}): RefreshLedger {
  const given = readTable('memoryLedger', TABLE, options);
  const { maxRecords = MAX_RECORDS, now = monotonicNow } = given;
  const { maxTombstones = maxRecords, maxClaims = maxRecords } = given;
  if (cluster.isWorker) warnOnce();
  const forgotten = forgettings();
  const noting =
    (what: Forgotten['what']) =>
    (rank: number): void => {
      if (rank !== RANK.brief) forgotten.note(what, now());
    };
  const ranks = Object.keys(RANK).length;
  const records = boundedMap<LedgerRecord>({ most: maxRecords, ranks, onDropped: noting('record') });
  const tombstones = boundedMap<LedgerRecord>({ most: maxTombstones, ranks, onDropped: noting('tombstone') });
  const names = boundedMap<true>({ most: maxClaims, ranks, onDropped: noting('claim') });

  function find(key: string, time: number): LedgerRecord | undefined {
    return tombstones.get(key, time) ?? records.get(key, time);
  }

  /** At least `retentionMs` from now on: a time that was promised before is never shortened. */
  function keep(key: string, record: LedgerRecord | undefined, retentionMs: number, time: number): void {
    if (record === undefined) return;
    const promised = (tombstones.expiresAt(key, time) ?? records.expiresAt(key, time) ?? time) - time;
    const keepMs = Math.max(retentionMs, promised);
    const rank = keepMs <= BRIEFLY_MS ? RANK.brief : record.state === 'pending' ? RANK.pending : RANK.kept;
    if (record.state === 'revoked') records.delete(key);
    (record.state === 'revoked' ? tombstones : records).put(key, record, { now: time, keepMs, rank });
  }

  return Object.freeze<RefreshLedger>({
    acquire: atomic((key, claim) => {
      const time = now();
      const { answer, record } = ownOnly(acquireStep(find(key, time), claim, time));
      keep(key, record, claim.retentionMs, time);
      return answer;
    }),
    renew: atomic((key, claimant, leaseMs) => {
      const time = now();
      const record = find(key, time);
      if (!holds(record, claimant)) return false;
      keep(key, { ...record, deadline: time + leaseMs }, leaseMs, time);
      return true;
    }),
    settle: atomic((key, success) => {
      const time = now();
      const { answer, record } = ownOnly(settleStep(find(key, time), success, time));
      keep(key, record, success.retentionMs, time);
      return answer;
    }),
    fail: atomic((key, failure) => {
      const time = now();
      const { answer, record } = ownOnly(failStep(find(key, time), failure, time));
      keep(key, record, failure.retentionMs, time);
      return answer;
    }),
    revoke: atomic((key, retentionMs) => {
      const time = now();
      const { answer, record } = ownOnly(revokeStep(find(key, time)));
      keep(key, record, retentionMs, time);
      return answer;
    }),
    once: atomic((name, ttlMs) => {
      const time = now();
      if (names.get(name, time) === true) return false;
      names.put(name, true, { now: time, keepMs: ttlMs, rank: ttlMs < BRIEFLY_MS ? RANK.brief : RANK.kept });
      return true;
    }),
    onForgotten: forgotten.listen,
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
