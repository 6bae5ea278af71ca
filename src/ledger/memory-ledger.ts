import cluster from 'node:cluster';
import { performance } from 'node:perf_hooks';
import { only, readTable, type Row } from '../checks/table';
import { isWholeNumber } from '../checks/values';
import { boundedMap, type BoundedMap } from '../base/bounded-map';
import { timedNames } from '../base/timed-names';
import { warnOnce } from '../errors/warn-once';
import { forgettings } from './forgotten';
import type { Forgotten, RefreshLedger } from './ledger';
import { ledgerBySteps } from './ledger-by-steps';
import { BRIEFLY_MS } from './retention';
import type { Boxes } from './sealed-box';
import type { UpdateRecord } from './update';

/** Options of {@link memoryLedger}. Each size is a whole number of 1–10,000,000. */
export interface MemoryLedgerOptions {
  /** How many connections are remembered, not counting ended ones. @defaultValue 100,000 */
  readonly maxRecords?: number | undefined;
  /** How many ended connections are remembered. @defaultValue `maxRecords` */
  readonly maxTombstones?: number | undefined;
  /** How many names are claimed at a time: up to three for each sign-in of the last minutes. @defaultValue `maxRecords` */
  readonly maxClaims?: number | undefined;
  /** The clock, in milliseconds; only differences count. @defaultValue a monotonic clock */
  readonly now?: (() => number) | undefined;
}

/** How many connections are remembered by default. */
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
/**
 * What is forgotten first when there is no room. Losing `brief` ones is not reported: anybody can leave thousands of
 * them.
 */
const RANK = { brief: 0, kept: 1, pending: 2 };
const ONE_PROCESS = 'memoryLedger() coordinates one process only, and this one is a worker of node:cluster.';
const SHARE =
  'Two workers that refresh the same connection can end it. Pass ledger: redisLedger({ … }) of ' +
  'express-connect-auth/redis to connectAuth(); one Redis serves all workers.';
/** No box is sealed: nothing leaves the process. */
const PLAIN: Boxes = { seal: (box) => box, open: (kept) => kept };

/**
 * Coordinates the refreshes of one process: the default of `connectAuth()`. It forgets everything when the process
 * ends, ended connections included, and does not know other processes: for several, or for tombstones that outlive a
 * restart, use `redisLedger` of `express-connect-auth/redis`. In a worker of node:cluster it warns of that, once. When
 * it is full it forgets the oldest, warns once, and calls the listeners of `onForgotten` (docs/scaling.md, "Size of
 * memoryLedger").
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function memoryLedger(options: MemoryLedgerOptions = {}): RefreshLedger {
  const given = readTable('memoryLedger', TABLE, options);
  const { maxRecords = MAX_RECORDS, now = monotonicNow } = given;
  const { maxTombstones = maxRecords, maxClaims = maxRecords } = given;
  if (cluster.isWorker) warnOnce('CONNECT_AUTH_MEMORY_LEDGER', ONE_PROCESS, SHARE);
  const forgotten = forgettings();
  const bounded = (what: Forgotten['what'], most: number): BoundedMap<string> =>
    boundedMap({
      most,
      ranks: Object.keys(RANK).length,
      onDropped: (rank) => {
        if (rank !== RANK.brief) forgotten.note(what, now());
      },
    });
  const update = updateIn(
    { record: bounded('record', maxRecords), tombstone: bounded('tombstone', maxTombstones) },
    now,
  );
  return Object.freeze<RefreshLedger>({
    ...ledgerBySteps(update, PLAIN),
    once: claims(maxClaims, now, (time) => forgotten.note('claim', time)),
    onForgotten: forgotten.listen,
  });
}

/** Names that are taken: nothing has to be known of them but until when. */
function claims(most: number, now: () => number, onDropped: (time: number) => void): RefreshLedger['once'] {
  const kept = timedNames(most, onDropped);
  // Apart, so that no number of looks pushes a claim out.
  const brief = timedNames(most);

  return function once(name, ttlMs) {
    const time = now();
    const isFree = !kept.has(name, time) && !brief.has(name, time);
    if (isFree) (ttlMs <= BRIEFLY_MS ? brief : kept).put(name, time + ttlMs, time);
    return Promise.resolve(isFree);
  };
}

function rankOf(keepMs: number): number {
  return keepMs <= BRIEFLY_MS ? RANK.brief : RANK.kept;
}

/** Synchronous steps cannot be interleaved with anything else in this process. */
function updateIn(
  maps: Readonly<Record<Exclude<Forgotten['what'], 'claim'>, BoundedMap<string>>>,
  now: () => number,
): UpdateRecord {
  const all = Object.values(maps);
  return (key, step) =>
    new Promise((resolve) => {
      const time = now();
      const held = all.find((map) => map.get(key, time) !== undefined);
      const { answer, record, keepMs, what } = step(held?.get(key, time), time);
      if (record !== undefined) {
        held?.delete(key);
        const rank = what === 'refresh' && keepMs > BRIEFLY_MS ? RANK.pending : rankOf(keepMs);
        maps[what === 'tombstone' ? 'tombstone' : 'record'].put(key, record, { now: time, keepMs, rank });
      }
      resolve(answer);
    });
}

function monotonicNow(): number {
  return Math.round(performance.now());
}
