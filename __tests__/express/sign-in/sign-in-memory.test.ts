import { MemoryStore } from 'express-session';
import fc from 'fast-check';
import type { CodeAnswer } from '../../../src/sign-in/answer';
import { callbackFlights, type CallbackResult } from '../../../src/sign-in/callback-flights';
import { movedFrom, noteMove, type Move } from '../../../src/sign-in/moved-sessions';
import type { Presented } from '../../../src/session/cookie';
import { cleanup } from '../../support/cleanup';
import { runs } from '../../support/property';

const MOST = 10_000;
const numbers = Array.from({ length: MOST }, (_none, index) => index);

/** As express-session signs it. */
const cookie = (sessionId: string): string => `sid=s%3A${sessionId}.signature`;

/** A request with a living session. */
const inSession = (sessionId: string): Presented => ({
  sessionId,
  isOwn: true,
  isNew: false,
  verified: cookie(sessionId),
  former: [],
});
/** A request with cookies of sessions that are no more. */
const withCookies = (...former: string[]): Presented => ({
  sessionId: 'new',
  isOwn: false,
  isNew: true,
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

describe('callbacks being answered', () => {
  const ANSWER: CodeAnswer = { state: 'state', code: 'code' };

  /** A flight that stays up until it is ended, and who else would be let in: by what each of them gets. */
  function flying(
    visitor: Presented,
    answer: CodeAnswer,
  ): { join: Join; end: (result: CallbackResult) => Promise<void> } {
    const flights = callbackFlights();
    let end: (result: CallbackResult) => void = () => undefined;
    const first = flights.share(visitor, answer, () => new Promise((resolve) => (end = resolve)));
    return {
      join: (other, otherAnswer) => flights.share(other, otherAnswer, () => Promise.resolve(result('own'))),
      end: async (ended) => {
        end(ended);
        await first;
      },
    };
  }
  type Join = (visitor: Presented, answer: CodeAnswer) => Promise<CallbackResult>;
  const result = (name: string): CallbackResult => ({
    kind: 'finished',
    sessionId: name,
    connectionId: 'id',
    returnTo: '/',
  });

  test('are shared by exactly this session or cookie, state and code', async () => {
    const { join, end } = flying(inSession('session'), ANSWER);
    const joined = [join(inSession('session'), ANSWER), join(withCookies('other=1', cookie('session')), ANSWER)];
    const others = [
      join(inSession('other'), ANSWER),
      join(withCookies('other=session', cookie('session2'), 'session'), ANSWER),
      join(inSession('session'), { ...ANSWER, state: 'other' }),
      join(inSession('session'), { ...ANSWER, code: 'other' }),
    ];
    expect(await Promise.all(others)).toEqual(Array.from({ length: 4 }, () => result('own')));
    await end(result('first'));
    expect(await Promise.all(joined)).toEqual([result('first'), result('first')]);
  });

  test('are forgotten once they are answered', async () => {
    const { join, end } = flying(inSession('session'), ANSWER);
    await end(result('first'));
    expect(await join(inSession('session'), ANSWER)).toEqual(result('own'));
  });

  test('whose cookie nobody could tell from another are shared by their session only', async () => {
    const { join, end } = flying({ ...inSession('session'), verified: undefined }, ANSWER);
    expect(await join(withCookies(cookie('session'), 'undefined', ''), ANSWER)).toEqual(result('own'));
    const joined = join(inSession('session'), ANSWER);
    await end(result('first'));
    expect(await joined).toEqual(result('first'));
  });

  test('of a server that returns no state are told apart by their codes', async () => {
    const { join, end } = flying(inSession('session'), { state: undefined, code: 'one' });
    const joined = join(inSession('session'), { state: undefined, code: 'one' });
    expect(await join(inSession('session'), { state: undefined, code: 'two' })).toEqual(result('own'));
    expect(await join(inSession('session'), { state: 'one', code: 'one' })).toEqual(result('own'));
    await end(result('first'));
    expect(await joined).toEqual(result('first'));
  });
});

describe('sessions that have moved', () => {
  const to = (id: string): Move => ({ to: id, by: undefined });
  const went = (...sessionIds: string[]): object => ({ sessionIds, goOn: false });

  test('are followed for 30 seconds, by their id and by their cookie', () => {
    const store = new MemoryStore();
    noteMove(store, inSession('old'), { to: 'new', by: 'hash' });
    jest.advanceTimersByTime(29_999);
    for (const visitor of [inSession('old'), withCookies(cookie('old')), withCookies(cookie('old'), cookie('old'))]) {
      expect(movedFrom(store, visitor)).toMatchObject({ ...went('new'), direct: [{ to: 'new', by: 'hash' }] });
      expect(movedFrom(new MemoryStore(), visitor)).toMatchObject(went());
    }
    expect(movedFrom(store, withCookies('lang=s%3Aold.signature', 'sid=s%3Aold.other', 'old'))).toMatchObject(went());
    jest.advanceTimersByTime(1);
    for (const visitor of [inSession('old'), withCookies(cookie('old'))])
      expect(movedFrom(store, visitor)).toMatchObject(went());
  });

  test('are followed over three moves, and it is told that they went on', () => {
    const store = new MemoryStore();
    for (const move of [1, 2, 3, 4]) noteMove(store, inSession(`s${move}`), to(`s${move + 1}`));
    expect([movedFrom(store, inSession('s1')), movedFrom(store, withCookies(cookie('s2')))]).toMatchObject([
      { sessionIds: ['s2', 's3', 's4'], goOn: true },
      went('s3', 's4', 's5'),
    ]);
  });

  test('are 10,000 at most: the oldest is forgotten for the newest', () => {
    const store = new MemoryStore();
    for (const number of numbers) noteMove(store, inSession(`old-${number}`), to(`new-${number}`));
    expect(movedFrom(store, withCookies(cookie('old-0'), cookie('old-1')))).toMatchObject(went('new-0', 'new-1'));
    noteMove(store, inSession('newest'), to('its-successor'));
    expect(movedFrom(store, withCookies(cookie('old-0'), cookie('old-1'), cookie('newest')))).toMatchObject(
      went('new-1', 'its-successor'),
    );
  });

  test('are 10,000 at most also where one session moves again and again', () => {
    const store = new MemoryStore();
    noteMove(store, inSession('old'), to('new'));
    for (const number of numbers.slice(1)) noteMove(store, inSession('another'), to(`new-${number}`));
    expect(movedFrom(store, inSession('old'))).toMatchObject(went('new'));
    noteMove(store, inSession('another'), to('newest'));
    expect([movedFrom(store, inSession('old')), movedFrom(store, inSession('another'))]).toMatchObject([
      went(),
      went('newest'),
    ]);
  });

  test('take no room any more when the next session moves half a minute later', () => {
    // Nothing else shows that they are no longer held: the list is nobody's to read.
    const splice = jest.spyOn(Array.prototype, 'splice');
    cleanup(() => splice.mockRestore());
    const store = new MemoryStore();
    for (const number of [1, 2, 3]) noteMove(store, inSession(`old-${number}`), to(`new-${number}`));
    jest.advanceTimersByTime(30_000);
    noteMove(store, inSession('another'), to('newest'));
    const givenUp = splice.mock.results.map(({ value }) => value as unknown);
    expect(givenUp).toMatchObject([[to('new-1'), to('new-2'), to('new-3')]]);
  });

  test('are what a list of all moves tells, of those that did not fail in the last 30 seconds', () => {
    interface Noted extends Move {
      readonly id: string;
      readonly isVerified: boolean;
      readonly at: number;
      isFailed: boolean;
    }
    const step = fc.record({
      number: fc.integer({ min: 0, max: 5 }),
      isVerified: fc.boolean(),
      fails: fc.constantFrom(false, false, true),
      laterMs: fc.constantFrom(0, 1, 9_999, 10_000, 30_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = new MemoryStore();
        const noted: Noted[] = [];
        const known = (isIt: (one: Noted) => boolean): object[] => {
          const last = noted.findLast(isIt);
          const isOver = last === undefined || last.isFailed || last.at <= performance.now() - 30_000;
          return isOver ? [] : [{ to: last.to, by: last.by }];
        };
        for (const [place, { number, isVerified, fails, laterMs }] of steps.entries()) {
          const id = `old-${number}`;
          const move = { to: `new-${place}`, by: `hash ${place}` };
          const visitor = isVerified ? inSession(id) : { ...inSession(id), verified: undefined };
          const takeBack = noteMove(store, visitor, move);
          noted.push({ ...move, id, isVerified, at: performance.now(), isFailed: fails });
          if (fails) takeBack();
          jest.advanceTimersByTime(laterMs);
          for (const other of [0, 1, 2, 3, 4, 5].map((one) => `old-${one}`)) {
            const isOfCookie = (one: Noted): boolean => one.id === other && one.isVerified;
            expect(movedFrom(store, inSession(other)).direct).toMatchObject(known((one) => one.id === other));
            expect(movedFrom(store, withCookies(cookie(other))).direct).toMatchObject(known(isOfCookie));
          }
        }
      }),
      runs(20_261_202, 100),
    );
  });
});
