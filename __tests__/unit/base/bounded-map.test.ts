import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { boundedMap } from '../../../src/base/bounded-map';

// The edges of its sizes; what it does between them is tested by whoever keeps something in one.

test('one that may hold nothing drops nothing, and keeps the newest', () => {
  const dropped: number[] = [];
  const map = boundedMap<string>({ most: 0, onDropped: (rank) => dropped.push(rank) });
  map.put('a', 'first', { now: 0, keepMs: 10 });
  expect({ kept: map.get('a', 0), dropped }).toEqual({ kept: 'first', dropped: [] });
  map.put('b', 'second', { now: 0, keepMs: 10 });
  expect({ first: map.get('a', 0), second: map.get('b', 0), dropped }).toEqual({
    first: undefined,
    second: 'second',
    dropped: [0],
  });
});

test('what comes with a rank that there is not is not kept', () => {
  const map = boundedMap<string>({ most: 2, ranks: 1 });
  map.put('a', 'value', { now: 0, keepMs: 10, rank: 5 });
  expect(map.get('a', 0)).toBeUndefined();
});

test('when it is full, what has expired makes room, wherever it is', () => {
  const dropped: number[] = [];
  const map = boundedMap<string>({ most: 1000, ranks: 2, onDropped: (rank) => dropped.push(rank) });
  const put = (name: string, count: number, kept: { now: number; keepMs: number; rank: number }): void => {
    for (let index = 0; index < count; index += 1) map.put(`${name} ${index}`, name, kept);
  };
  put('lasting', 500, { now: 0, keepMs: 1000, rank: 0 });
  put('short', 500, { now: 0, keepMs: 10, rank: 1 });
  put('later', 500, { now: 10, keepMs: 1000, rank: 1 });
  expect(dropped).toEqual([]);
  const found = ['lasting 0', 'lasting 499', 'short 0', 'later 499'].map((key) => map.get(key, 10));
  expect(found).toEqual(['lasting', 'lasting', undefined, 'later']);
});

test.each([
  ['half a minute later', 30_000],
  ['after the clock has been set back', -30_000],
])('%s the next addition lets go of what has expired', async (_when, later) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const map = boundedMap<object>({ most: 1000 });
  const begun = 100_000;
  const refTo = (now: number, keepMs: number): WeakRef<object> => {
    const value = {};
    map.put(`${now} ${keepMs}`, value, { now, keepMs });
    return new WeakRef(value);
  };
  refTo(begun, 1000);
  const refs = { expired: refTo(begun, Math.min(later, 0)), lasting: refTo(begun, 60_000) };
  refTo(begun + later, 1000);
  await turn();
  collect();
  expect({ expired: refs.expired.deref(), lasting: refs.lasting.deref() }).toEqual({ expired: undefined, lasting: {} });
});
