import fc from 'fast-check';
import { boundedNumbers, type BoundedNumbers } from '../../../src/base/bounded-numbers';
import { cleanup } from '../../support/cleanup';
import { runs } from '../../support/property';

const never = (): boolean => false;
const unheard = (): void => undefined;

interface Timed {
  readonly put: (name: string, until: number) => void;
  readonly get: BoundedNumbers['get'];
  readonly clock: { now: number };
  readonly dropped: readonly number[];
}

/** Numbers that are over when the clock has reached them, and those that were dropped before. */
function timed(most: number): Timed {
  const clock = { now: 0 };
  const dropped: number[] = [];
  const isOver = (until: number, now: number): boolean => until <= now;
  const numbers = boundedNumbers({ most, isOver, onDropped: (until) => dropped.push(until) });
  return { put: (name, until) => numbers.put(name, until, clock.now), get: numbers.get, clock, dropped };
}

test('room is made as it is needed, and half a minute later the next addition gives back what is over', () => {
  const rooms: number[] = [];
  class Counted extends Float64Array {
    constructor(length: number) {
      super(length);
      rooms.push(length);
    }
  }
  const plain = globalThis.Float64Array;
  globalThis.Float64Array = Counted as unknown as Float64ArrayConstructor;
  cleanup(() => {
    globalThis.Float64Array = plain;
  });
  const { put, get, clock } = timed(200_000);
  for (let number = 0; number < 100_000; number += 1) put(`name ${number}`, 10);
  expect(rooms.at(-1)).toBeGreaterThanOrEqual(100_000);
  expect(rooms.at(-1)).toBeLessThan(1.13 * 100_000);
  clock.now = 30_000;
  put('another', 40_000);
  expect(rooms.at(-1)).toBeLessThan(100);
  expect([get('name 0'), get('another')]).toEqual([undefined, 40_000]);
});

test('are what a list is from which the oldest is taken when it is full', () => {
  const name = fc.integer({ min: 0, max: 30 }).map((number) => `name ${number}`);
  const step = fc.record({ name, value: fc.integer(), later: fc.constantFrom(0, 0, 0, 30_000) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 150 }), (most, steps) => {
      const dropped: number[] = [];
      const numbers = boundedNumbers({ most, isOver: never, onDropped: (value) => dropped.push(value) });
      let now = 0;
      const list: { name: string; value: number }[] = [];
      const droppedFromList: number[] = [];
      for (const { name: added, value, later } of steps) {
        now += later;
        const before = list.findIndex((one) => one.name === added);
        if (before !== -1) list.splice(before, 1);
        if (list.length >= most) droppedFromList.push(...list.splice(0, 1).map((one) => one.value));
        list.push({ name: added, value });
        numbers.put(added, value, now);
        expect(numbers.get(added)).toBe(value);
      }
      for (let number = 0; number <= 31; number += 1) {
        const one = `name ${number}`;
        expect(numbers.get(one)).toBe(list.find((found) => found.name === one)?.value);
      }
      expect(dropped).toEqual(droppedFromList);
    }),
    runs(20_261_201, 200),
  );
});

test('whatever the clock does, what has not been over is found until it is dropped, and then it is told', () => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 99 }).map((number) => `name ${number}`),
    keepMs: fc.constantFrom(0, 1, 10, 1000, 1_000_000),
    laterMs: fc.constantFrom(0, 0, 0, 1, 10, 30_000, -1, -30_000),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.array(step, { minLength: 50, maxLength: 150 }), (most, steps) => {
      const { put, get, clock, dropped } = timed(most);
      const list = new Map<number, string>();
      /** Such may be found and told, or not, once the clock has gone back. */
      const wereOver = new Set<number>();
      for (const [place, { name, keepMs, laterMs }] of steps.entries()) {
        clock.now += laterMs;
        for (const [until, one] of list) {
          if (until <= clock.now) wereOver.add(until);
          if (until <= clock.now || one === name) list.delete(until);
        }
        // The fraction tells them apart.
        const until = clock.now + keepMs + place / 1024;
        const before = dropped.length;
        put(name, until);
        list.set(until, name);
        for (const one of dropped.slice(before)) expect(list.delete(one) || wereOver.delete(one)).toBe(true);
        expect([...list.values()].map(get)).toEqual([...list.keys()]);
        expect(list.size).toBeLessThanOrEqual(most);
      }
    }),
    runs(20_261_203, 100),
  );
});

test('names are kept apart, however alike they are', () => {
  const names = Array.from({ length: 25_000 }, (_none, number) => [`${number}`, ` ${number}`, `${number} `]).flat();
  const all = [...names, '', '\0', '\0\0', 'é', 'e', 'x'.repeat(100_000), 'x'.repeat(99_999)];
  const numbers = boundedNumbers({ most: all.length, isOver: never, onDropped: unheard });
  for (const [place, name] of all.entries()) numbers.put(name, place, 0);
  expect(all.findIndex((name, place) => numbers.get(name) !== place)).toBe(-1);
  expect(numbers.get('another')).toBeUndefined();
});

test('when they are full, what is over makes room, wherever it is', () => {
  const { put, get, clock, dropped } = timed(1000);
  const putMany = (name: string, until: number): void => {
    for (let number = 0; number < 500; number += 1) put(`${name} ${number}`, until);
  };
  putMany('lasting', 1000);
  putMany('short', 10);
  clock.now = 10;
  putMany('later', 1000);
  expect(dropped).toEqual([]);
  expect(['lasting 0', 'lasting 499', 'later 499'].map(get)).toEqual([1000, 1000, 1000]);
  put('one more', 1000);
  expect([dropped, get('lasting 0')]).toEqual([[1000], undefined]);
});

test('near the limit few are dropped before what is over is found, also after a long quiet time', () => {
  const dropsOf = (quietTimes: number): number => {
    const { put, clock, dropped } = timed(1000);
    for (let number = 0; number < 950; number += 1) put(`lasting ${number}`, 1e9);
    for (let time = 0; time < quietTimes; time += 1) {
      clock.now += 30_000;
      put(`in quiet ${time}`, clock.now + 1);
    }
    for (let number = 0; number < 2000; number += 1) {
      clock.now += 1;
      put(`short ${number}`, clock.now + 1);
    }
    return dropped.length;
  };
  // A sweep for want of room is paid by 84 additions, and there is room for 50.
  expect([0, 1000].map(dropsOf)).toEqual([34, 34]);
});

test('what is over and dropped before it was found is no loss', () => {
  // Sweeps come at times: of so many additions in a row some drop the oldest without one.
  for (let more = 0; more < 16; more += 1) {
    const { put, clock, dropped } = timed(64);
    for (let number = 0; number < 84 + more; number += 1) put(`${number}`, number < 64 ? 10 : 1000);
    const before = dropped.length;
    clock.now = 10;
    put('one more', 1000);
    expect(dropped.length).toBe(before);
  }
});
