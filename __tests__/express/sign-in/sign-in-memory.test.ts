import { MemoryStore } from 'express-session';
import { signInFlights, spentStates, type Landing } from '../../../src/login/flights';
import { movedFrom, noteMove } from '../../../src/login/moved-sessions';

/** The bound on each of the two memories. */
const MOST = 10_000;
const numbers = Array.from({ length: MOST }, (_none, index) => index);

// The timers that forget run by this clock, and none is left behind.
beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('finished sign-ins', () => {
  const landing = (name: string | number): Landing => ({
    kind: 'landed',
    sessionId: `new-${name}`,
    lineage: 'lineage',
    returnTo: '/',
  });
  const land =
    (name: string | number): (() => Promise<Landing>) =>
    () =>
      Promise.resolve(landing(name));

  test('are remembered for 30 seconds, for exactly this session, state and code', async () => {
    const flights = signInFlights();
    await flights.start('session', 'state', 'code', land(1));
    expect(await flights.find(['other', 'session'], 'state', 'code')).toEqual(landing(1));
    expect([
      flights.find(['other'], 'state', 'code'),
      flights.find(['session'], 'other', 'code'),
      flights.find(['session'], 'state', 'other'),
    ]).toEqual([undefined, undefined, undefined]);
    jest.advanceTimersByTime(29_999);
    expect(await flights.find(['session'], 'state', 'code')).toEqual(landing(1));
    jest.advanceTimersByTime(1);
    expect(flights.find(['session'], 'state', 'code')).toBeUndefined();
  });

  test('are 10,000 at most: the oldest is forgotten for the newest', async () => {
    const flights = signInFlights();
    for (const number of numbers) await flights.start('session', 'state', `code-${number}`, land(number));
    expect(await flights.find(['session'], 'state', 'code-0')).toEqual(landing(0));
    await flights.start('session', 'state', 'newest', land('newest'));
    expect(flights.find(['session'], 'state', 'code-0')).toBeUndefined();
    expect(await flights.find(['session'], 'state', 'code-1')).toEqual(landing(1));
    expect(await flights.find(['session'], 'state', 'newest')).toEqual(landing('newest'));
  });
});

describe('sessions that have moved', () => {
  test('are followed for 30 seconds', () => {
    const store = new MemoryStore();
    noteMove(store, 'old', 'new');
    jest.advanceTimersByTime(29_999);
    expect([movedFrom(store, ['old']), movedFrom(new MemoryStore(), ['old'])]).toEqual([['new'], []]);
    jest.advanceTimersByTime(1);
    expect(movedFrom(store, ['old'])).toEqual([]);
  });

  test('are 10,000 at most: the oldest is forgotten for the newest', () => {
    const store = new MemoryStore();
    for (const number of numbers) noteMove(store, `old-${number}`, `new-${number}`);
    expect(movedFrom(store, ['old-0', 'old-1'])).toEqual(['new-0', 'new-1']);
    noteMove(store, 'newest', 'its-successor');
    expect(movedFrom(store, ['old-0', 'old-1', 'newest'])).toEqual(['new-1', 'its-successor']);
  });
});

test('spent states are kept as long as a sign-in may take, and then forgotten with the next one', () => {
  const spent = spentStates(600_000);
  spent.add('first');
  jest.setSystemTime(300_000);
  spent.add('second');
  jest.setSystemTime(599_999);
  spent.add('third');
  expect(['first', 'second', 'third', 'other'].map((hash) => spent.has(hash))).toEqual([true, true, true, false]);
  jest.setSystemTime(600_000);
  spent.add('fourth');
  expect(['first', 'second', 'third', 'fourth'].map((hash) => spent.has(hash))).toEqual([false, true, true, true]);
});
