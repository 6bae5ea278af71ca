import { own, ownOnly } from './own';

/** A limited number of entries by key, each until it expires; no timer runs. Times in milliseconds of one clock. */
export interface BoundedMap<Value> {
  readonly get: (key: string, now: number) => Value | undefined;
  readonly put: (key: string, value: Value, kept: Kept) => void;
  readonly delete: (key: string) => void;
}

/** How an entry is kept. */
export interface Kept {
  readonly now: number;
  /** `Infinity`: until other entries need the room. */
  readonly keepMs: number;
  /** When there is no room, entries of a lower rank go first. @defaultValue `0` */
  readonly rank?: number | undefined;
}

/** What a map is made with. */
export interface BoundedMapConfig {
  /** How many entries it holds. */
  readonly most: number;
  /** How many ranks there are. @defaultValue `1` */
  readonly ranks?: number | undefined;
  /** Called with the rank of an entry that is dropped before it expires. */
  readonly onDropped?: ((rank: number) => void) | undefined;
}

interface Entry<Value> {
  readonly key: string;
  readonly value: Value;
  readonly expiresAt: number;
  readonly queue: Queue<Value>;
  older: Entry<Value> | undefined;
  newer: Entry<Value> | undefined;
}

/**
 * The entries of one rank. Linked, because finding the oldest entry of a Map means passing all that were deleted before
 * it.
 */
interface Queue<Value> {
  oldest: Entry<Value> | undefined;
  newest: Entry<Value> | undefined;
}

/**
 * Expired entries may be anywhere, so finding them means looking at all. That is due after a time in milliseconds, when
 * it has doubled, and when it is full; then no sooner than additions, which count for so many looks each, have paid for
 * it.
 */
const LOOKS = 4;
const FEWEST = 64;
/** A clock may be set back: that long in either direction. */
export const SWEEP_EVERY_MS = 30_000;

/** When it is full, expired entries go first as far as they have been found, then the oldest of the lowest rank. */
export function boundedMap<Value>(config: BoundedMapConfig): BoundedMap<Value> {
  const { most, ranks = 1, onDropped } = ownOnly(config);
  const entries = new Map<string, Entry<Value>>();
  const queues = Array.from({ length: ranks }, (): Queue<Value> => ({
    oldest: undefined,
    newest: undefined,
  }));
  const swept = { now: 0, left: 0, looksSince: 0 };

  function remove(entry: Entry<Value> | undefined): void {
    if (entry === undefined) return;
    const { queue, older, newer } = entry;
    if (older === undefined) queue.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) queue.newest = older;
    else newer.older = older;
    entries.delete(entry.key);
  }

  function append(entry: Entry<Value>): void {
    const { queue, older } = entry;
    if (older === undefined) queue.oldest = entry;
    else older.newer = entry;
    queue.newest = entry;
    entries.set(entry.key, entry);
  }

  function isSweepDue(now: number): boolean {
    if (Math.abs(now - swept.now) >= SWEEP_EVERY_MS) return true;
    const isLarge = entries.size >= Math.min(most, Math.max(FEWEST, 2 * swept.left));
    return isLarge && swept.looksSince >= entries.size;
  }

  function sweep(now: number): void {
    for (const { oldest } of queues) {
      for (let entry = oldest; entry !== undefined; entry = entry.newer) if (entry.expiresAt <= now) remove(entry);
    }
    Object.assign(swept, { now, left: entries.size, looksSince: 0 });
  }

  function dropOne(now: number): void {
    const rank = queues.findIndex(({ oldest }) => oldest !== undefined);
    const entry = queues[rank]?.oldest;
    remove(entry);
    if (entry !== undefined && entry.expiresAt > now) onDropped?.(rank);
  }

  return Object.freeze({
    get(key: string, now: number): Value | undefined {
      const entry = entries.get(key);
      return entry !== undefined && entry.expiresAt > now ? entry.value : undefined;
    },
    put(key: string, value: Value, kept: Kept): void {
      const { now, keepMs } = kept;
      const rank = (own(kept, 'rank') as number | undefined) ?? 0;
      remove(entries.get(key));
      swept.looksSince += LOOKS;
      if (isSweepDue(now)) sweep(now);
      if (entries.size >= most) dropOne(now);
      const queue = queues[rank];
      if (queue === undefined) return;
      append({ key, value, expiresAt: now + keepMs, queue, older: queue.newest, newer: undefined });
    },
    delete: (key: string) => remove(entries.get(key)),
  });
}
