import { randomFillSync } from 'node:crypto';
import { SWEEP_EVERY_MS } from './bounded-map';

/**
 * A limited number of numbers by name, at about 24 bytes each: of a name only a digest of 64 bits is kept, so that two
 * names count as one in n of 2^64 cases. Whoever makes up names does not know the two random numbers of this process with
 * which the digest begins, and never sees a digest.
 */
export interface BoundedNumbers {
  readonly get: (name: string) => number | undefined;
  /** Keeps a number as the newest, in place of the one that the name had. @param now - milliseconds of one clock */
  readonly put: (name: string, value: number, now: number) => void;
}

/** What they are made with. */
export interface BoundedNumbersConfig {
  readonly most: number;
  /** Whether a number counts no more. When there is no room, such ones go first, as far as they have been found. */
  readonly isOver: (value: number, now: number) => boolean;
  /** Called with a number that is dropped, as the oldest, before it is over. */
  readonly onDropped: (value: number, now: number) => void;
}

/** Numbers in the order in which they came, and where they are by name. Nothing is moved within one. */
interface Log {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  /** NaN: nothing is here any more. */
  readonly values: Float64Array;
  /** Places + 1 by digest, at the next free one if that is taken; 0: free. */
  readonly index: Uint32Array;
  /** Nothing is at the places before it. */
  start: number;
  end: number;
}

const FEWEST = 64;
/** Room for an eighth more is left, so a sweep for want of it costs eight looks for each addition. */
const SPARE = 8;
/** What is over may be anywhere: each addition pays for so many looks, those eight included. */
const LOOKS = 12;
/** Of the places in an index one in five stays free, so that searches are short. */
const PLACES = 1.25;

/** @throws nothing */
export function boundedNumbers({ most, isOver, onDropped }: BoundedNumbersConfig): BoundedNumbers {
  let log = logFor(0);
  let size = 0;
  let paidLooks = 0;
  let sweptAt = 0;

  function sweep(now: number): void {
    const { start, end, high, low, values } = log;
    sweptAt = now;
    // A sweep that nobody has paid for leaves no debt.
    paidLooks = Math.max(0, paidLooks - (end - start));
    let living = 0;
    for (let place = start; place < end; place += 1) {
      const value = at(values, place);
      if (Number.isNaN(value)) continue;
      if (isOver(value, now)) values[place] = Number.NaN;
      else living += 1;
    }
    const next = logFor(living);
    for (let place = start; place < end; place += 1) {
      const value = at(values, place);
      if (!Number.isNaN(value)) append(next, at(high, place), at(low, place), value);
    }
    log = next;
    size = living;
  }

  function remove(place: number): void {
    log.values[place] = Number.NaN;
    size -= 1;
  }

  function makeRoom(now: number): void {
    // Enough for two sweeps: further ones would find nothing.
    paidLooks = Math.min(paidLooks + LOOKS, 2 * most);
    const isLate = Math.abs(now - sweptAt) >= SWEEP_EVERY_MS;
    if (isLate || (size >= most && paidLooks >= size)) sweep(now);
    while (size >= most && size > 0) {
      const value = at(log.values, log.start);
      if (!Number.isNaN(value)) remove(log.start);
      log.start += 1;
      if (!Number.isNaN(value) && !isOver(value, now)) onDropped(value, now);
    }
    if (log.end === log.values.length) sweep(now);
  }

  return Object.freeze({
    get(name: string): number | undefined {
      digest(name);
      const place = find(log, digested.high, digested.low);
      return place === undefined ? undefined : log.values[place];
    },
    put(name: string, value: number, now: number): void {
      digest(name);
      const { high, low } = digested;
      const before = find(log, high, low);
      if (before !== undefined) remove(before);
      makeRoom(now);
      append(log, high, low, value);
      size += 1;
    },
  });
}

function logFor(size: number): Log {
  const room = size + Math.max(FEWEST, Math.ceil(size / SPARE));
  return {
    high: new Uint32Array(room),
    low: new Uint32Array(room),
    values: new Float64Array(room),
    index: new Uint32Array(Math.ceil(PLACES * room)),
    start: 0,
    end: 0,
  };
}

function append(log: Log, high: number, low: number, value: number): void {
  const { index, end } = log;
  log.high[end] = high;
  log.low[end] = low;
  log.values[end] = value;
  let slot = firstSlot(index, low);
  while (index[slot] !== 0) slot = nextSlot(index, slot);
  log.end += 1;
  index[slot] = log.end;
}

function find(log: Log, high: number, low: number): number | undefined {
  const { index } = log;
  for (let slot = firstSlot(index, low); index[slot] !== 0; slot = nextSlot(index, slot)) {
    const place = at(index, slot) - 1;
    const isIt = log.low[place] === low && log.high[place] === high;
    if (isIt && !Number.isNaN(log.values[place])) return place;
  }
  return undefined;
}

/** @param low - below 2^32 */
function firstSlot(index: Uint32Array, low: number): number {
  return Math.trunc((low / 2 ** 32) * index.length);
}

function nextSlot(index: Uint32Array, slot: number): number {
  return slot + 1 === index.length ? 0 : slot + 1;
}

function at(list: Uint32Array | Float64Array, place: number): number {
  return list[place] ?? Number.NaN;
}

const [SEED_HIGH = 0, SEED_LOW = 0] = randomFillSync(new Uint32Array(2));
/** Of the last name: no object for each. */
const digested = { high: 0, low: 0 };

/** Two 32-bit hashes by multiplication, as FNV-1a. */
function digest(name: string): void {
  let high = SEED_HIGH;
  let low = SEED_LOW;
  for (let index = 0; index < name.length; index += 1) {
    const unit = name.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x0100_0193);
    low = Math.imul(low ^ unit, 0x85eb_ca6b);
    // High bits reach low ones, which multiplying alone never lets them.
    high ^= low >>> 15;
    low ^= high >>> 13;
  }
  digested.high = mixed(high);
  digested.low = mixed(low);
}

/** Lets each bit depend on all (the finalizer of MurmurHash3). */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2_ae35);
  return (twice ^ (twice >>> 16)) >>> 0;
}
