import { endedConnections } from '../../../src/refresh/ended';
import { refreshPauses } from '../../../src/refresh/pauses';
import { takeOverTime, type Time } from '../../support/refreshing';
import { tokenSet } from '../../support/token-set';

const DAY = 24 * 3_600_000;
const set = tokenSet({ token: { access_token: 'a', type: 'bearer' }, connectionId: 'l', generation: 0 });

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

describe('our own credentials are refused', () => {
  const paused = { kind: 'backoff', ms: 30_000, word: 'configuration' };
  beforeEach(() => time.stop());

  test('for one or two connections: those pause, and nobody else', () => {
    const pauses = refreshPauses();
    for (let again = 0; again < 5; again += 1) {
      for (const key of ['one', 'two']) expect(pauses.refusedUs(key, set)).toEqual(paused);
      expect(['one', 'two', 'three'].map((key) => pauses.find(key, set))).toEqual([paused, paused, undefined]);
      time.pass(30_000);
      expect(pauses.find('one', set)).toBeUndefined();
    }
  });

  test('for three in a row: this process asks for none, and after that time one refusal is enough', () => {
    const pauses = refreshPauses();
    for (const key of ['one', 'two', 'three']) pauses.refusedUs(key, set);
    expect(pauses.find('somebody', set)).toEqual(paused);
    time.pass(30_000);
    expect(pauses.find('somebody', set)).toBeUndefined();
    pauses.refusedUs('one', set);
    expect(pauses.find('somebody', set)).toEqual(paused);
  });

  test('with a success in between: the count begins anew', () => {
    const pauses = refreshPauses();
    for (const key of ['one', 'two']) pauses.refusedUs(key, set);
    pauses.succeeded();
    for (const key of ['three', 'four']) pauses.refusedUs(key, set);
    expect(pauses.find('somebody', set)).toBeUndefined();
    pauses.refusedUs('five', set);
    expect(pauses.find('somebody', set)).toMatchObject(paused);
  });
});

test('an ended connection is remembered for a day, so that the list does not grow for ever', () => {
  time.stop();
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
  for (let i = 0; i <= 100_000; i += 1) ended.add(`connectionId ${i}`);
  expect(['connectionId 0', 'connectionId 1', 'connectionId 100000'].map(ended.has)).toEqual([false, true, true]);
});
