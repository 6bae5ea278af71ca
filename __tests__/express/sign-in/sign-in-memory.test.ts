import { MemoryStore } from 'express-session';
import { signInFlights, type Answer, type Landing } from '../../../src/sign-in/flights';
import { movedFrom, noteMove } from '../../../src/sign-in/moved-sessions';
import type { Presented } from '../../../src/session/cookie';

/** The bound on each of the two memories. */
const MOST = 10_000;
const numbers = Array.from({ length: MOST }, (_none, index) => index);

/** A request with a living session. */
const inSession = (sessionId: string): Presented => ({
  sessionId,
  isOwn: true,
  verified: `sid=${sessionId}`,
  former: [],
});
/** A request with cookies of sessions that are no more. */
const withCookies = (...former: string[]): Presented => ({
  sessionId: 'new',
  isOwn: false,
  verified: undefined,
  former,
});

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
    connectionId: 'connectionId',
    returnTo: '/',
  });
  const land =
    (name: string | number): (() => Promise<Landing>) =>
    () =>
      Promise.resolve(landing(name));
  const ANSWER: Answer = { state: 'state', code: 'code' };

  test('are remembered for 30 seconds, for exactly this session or cookie, state and code', async () => {
    const flights = signInFlights();
    await flights.start(inSession('session'), ANSWER, land(1));
    expect(await flights.find(inSession('session'), ANSWER)).toEqual(landing(1));
    expect(await flights.find(withCookies('other=1', 'sid=session'), ANSWER)).toEqual(landing(1));
    expect([
      flights.find(inSession('other'), ANSWER),
      flights.find(withCookies('other=session', 'sid=session2', 'session'), ANSWER),
      flights.find(inSession('session'), { ...ANSWER, state: 'other' }),
      flights.find(inSession('session'), { ...ANSWER, code: 'other' }),
    ]).toEqual([undefined, undefined, undefined, undefined]);
    jest.advanceTimersByTime(29_999);
    expect(await flights.find(inSession('session'), ANSWER)).toEqual(landing(1));
    jest.advanceTimersByTime(1);
    expect(flights.find(inSession('session'), ANSWER)).toBeUndefined();
  });

  test('whose cookie nobody could tell from another are found by their session only', async () => {
    const flights = signInFlights();
    await flights.start({ ...inSession('session'), verified: undefined }, ANSWER, land(1));
    expect(flights.find(withCookies('sid=session', 'undefined', ''), ANSWER)).toBeUndefined();
    expect(await flights.find(inSession('session'), ANSWER)).toEqual(landing(1));
  });

  test('of a server that returns no state are told apart by their codes', async () => {
    const flights = signInFlights();
    await flights.start(inSession('session'), { state: '', code: 'one' }, land(1));
    expect(await flights.find(inSession('session'), { state: '', code: 'one' })).toEqual(landing(1));
    expect(flights.find(inSession('session'), { state: '', code: 'two' })).toBeUndefined();
    expect(flights.find(inSession('session'), { state: 'one', code: 'one' })).toBeUndefined();
  });

  test('that were replays are judged anew each time', async () => {
    const flights = signInFlights();
    await flights.start(inSession('session'), ANSWER, () => Promise.resolve({ kind: 'replay', returnTo: '/' }));
    expect(flights.find(inSession('session'), ANSWER)).toBeUndefined();
  });

  test('are 10,000 at most: the oldest is forgotten for the newest', async () => {
    const flights = signInFlights();
    const visitor = inSession('session');
    const numbered = (number: number | string): Answer => ({ state: `state-${number}`, code: 'code' });
    for (const number of numbers) await flights.start(visitor, numbered(number), land(number));
    expect(await flights.find(visitor, numbered(0))).toEqual(landing(0));
    await flights.start(visitor, numbered('newest'), land('newest'));
    expect(flights.find(visitor, numbered(0))).toBeUndefined();
    expect(await flights.find(visitor, numbered(1))).toEqual(landing(1));
    expect(await flights.find(visitor, numbered('newest'))).toEqual(landing('newest'));
  });
});

describe('sessions that have moved', () => {
  const to = (...sessionIds: string[]): object => ({ sessionIds, goOn: false });

  test('are followed for 30 seconds, by their id and by their cookie', () => {
    const store = new MemoryStore();
    noteMove(store, inSession('old'), 'new');
    jest.advanceTimersByTime(29_999);
    for (const visitor of [inSession('old'), withCookies('sid=old')]) {
      expect([movedFrom(store, visitor), movedFrom(new MemoryStore(), visitor)]).toEqual([to('new'), to()]);
    }
    expect(movedFrom(store, withCookies('lang=old', 'old'))).toEqual(to());
    jest.advanceTimersByTime(1);
    for (const visitor of [inSession('old'), withCookies('sid=old')]) expect(movedFrom(store, visitor)).toEqual(to());
  });

  test('are followed over three moves, and it is told that they went on', () => {
    const store = new MemoryStore();
    for (const move of [1, 2, 3, 4]) noteMove(store, inSession(`s${move}`), `s${move + 1}`);
    expect([movedFrom(store, inSession('s1')), movedFrom(store, withCookies('sid=s2'))]).toEqual([
      { sessionIds: ['s2', 's3', 's4'], goOn: true },
      to('s3', 's4', 's5'),
    ]);
  });

  test('are 10,000 at most: the oldest is forgotten for the newest', () => {
    const store = new MemoryStore();
    for (const number of numbers) noteMove(store, inSession(`old-${number}`), `new-${number}`);
    expect(movedFrom(store, withCookies('sid=old-0', 'sid=old-1'))).toEqual(to('new-0', 'new-1'));
    noteMove(store, inSession('newest'), 'its-successor');
    expect(movedFrom(store, withCookies('sid=old-0', 'sid=old-1', 'sid=newest'))).toEqual(to('new-1', 'its-successor'));
  });
});
