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
