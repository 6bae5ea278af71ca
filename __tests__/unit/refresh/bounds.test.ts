import { endedConnections } from '../../../src/refresh/ended';
import { refreshPauses } from '../../../src/refresh/pauses';
import { takeOverTime, type Time } from '../../support/refreshing';

const DAY = 24 * 3_600_000;
const set = { token: { access_token: 'a', type: 'bearer' }, lineage: 'l', generation: 0 };

let time: Time;
beforeEach(() => {
  time = takeOverTime();
});

test('10,000 pauses are kept in a process, the oldest being given up first', () => {
  const pauses = refreshPauses();
  for (let i = 0; i <= 10_000; i += 1) pauses.keep(`key ${i}`, set, { ms: DAY, word: 'unavailable' });
  expect(pauses.find('key 0', set)).toBeUndefined();
  for (const key of ['key 1', 'key 10000'])
    expect(pauses.find(key, set)).toMatchObject({ kind: 'backoff', word: 'unavailable' });
});

test('10,000 connections whose credentials were refused are remembered, the oldest being given up first', () => {
  const pauses = refreshPauses();
  for (let i = 0; i <= 10_000; i += 1) pauses.refused(`key ${i}`, set);
  for (const key of ['key 0', 'key 10000']) pauses.refused(key, set);
  time.pass(31_000);
  // Refused for the first time, as far as anybody knows, and for the second.
  expect(pauses.find('key 0', set)).toBeUndefined();
  expect(pauses.find('key 10000', set)).toMatchObject({ kind: 'backoff', word: 'configuration' });
});

test('an ended connection is remembered for a day, so that the list does not grow for ever', () => {
  const ended = endedConnections();
  ended.add('yesterday');
  time.pass(DAY - 1);
  ended.add('today');
  expect(['yesterday', 'today'].map(ended.has)).toEqual([true, true]);
  time.pass(1);
  ended.add('now');
  expect(['yesterday', 'today', 'now'].map(ended.has)).toEqual([false, true, true]);
});

test('100,000 ended connections are remembered, the oldest being given up first', () => {
  const ended = endedConnections();
  for (let i = 0; i <= 100_000; i += 1) ended.add(`lineage ${i}`);
  expect(['lineage 0', 'lineage 1', 'lineage 100000'].map(ended.has)).toEqual([false, true, true]);
});
