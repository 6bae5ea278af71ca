import { recordRetentionMs, sessionLifeMs, tombstoneRetentionMs } from '../../../src/ledger/retention';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;
const inHours = (hours: number): number => NOW / 1000 + hours * 3600;

describe('a tombstone is kept until the token has run out, then for the life of a session, then for a day', () => {
  test.each([
    ['a token of an hour, a session of two weeks', { expiresAt: inHours(1), lifeMs: 14 * DAY }, 15 * DAY + HOUR],
    ['a token that has run out', { expiresAt: inHours(-1), lifeMs: 14 * DAY }, 15 * DAY],
    ['a token of 60 days, a session of a day', { expiresAt: inHours(60 * 24), lifeMs: DAY }, 62 * DAY],
    ['a session that is over', { expiresAt: inHours(1), lifeMs: 0 }, DAY + HOUR],
    ['a session of a year', { expiresAt: inHours(1), lifeMs: 365 * DAY }, 366 * DAY + HOUR],
    ['a session of ten years, which no browser keeps', { expiresAt: inHours(1), lifeMs: 3650 * DAY }, 400 * DAY],
    ['a session of unknown life', { expiresAt: inHours(1), lifeMs: undefined }, 90 * DAY],
    ['a session of unknown life, a token of 95 days', { expiresAt: inHours(95 * 24), lifeMs: undefined }, 96 * DAY],
    ['a token of unknown life', { expiresAt: undefined, lifeMs: 14 * DAY }, 90 * DAY],
    ['a token of unknown life, a session of 120 days', { expiresAt: undefined, lifeMs: 120 * DAY }, 121 * DAY],
    ['a token that never runs out', { expiresAt: 253_402_300_799, lifeMs: DAY }, 400 * DAY],
  ])('%s', (_what, copy, kept) => expect(tombstoneRetentionMs(copy, NOW)).toBe(kept));
});

test.each([
  ['of a minute', 60_000, 2 * DAY],
  ['of two weeks', 14 * DAY, 15 * DAY],
  ['of a year', 365 * DAY, 90 * DAY],
  ['of unknown life', undefined, 2 * DAY],
])(
  'the record of a session %s is kept for that and a day, for 48 hours at least and 90 days at most',
  (_w, life, kept) => expect(recordRetentionMs(life)).toBe(kept),
);

describe('the life of a session', () => {
  test.each([
    ['is what its cookie was given', { originalMaxAge: HOUR, expires: new Date(0) }, undefined, HOUR],
    ['is over where the cookie is', { originalMaxAge: -5 }, undefined, 0],
    ['is what the option says, for a store with a time of its own', { originalMaxAge: HOUR }, DAY, DAY],
    ['is what the option says, for a cookie without maxAge', { originalMaxAge: null }, DAY, DAY],
  ])('%s', (_what, cookie, option, life) => expect(sessionLifeMs(cookie, option)).toBe(life));

  test.each([
    undefined,
    null,
    'cookie',
    {},
    { originalMaxAge: null },
    { originalMaxAge: false },
    { originalMaxAge: '60' },
    { originalMaxAge: NaN },
    { originalMaxAge: Infinity },
    Object.create({ originalMaxAge: 1 }),
  ])('is unknown from %j', (cookie: unknown) => expect(sessionLifeMs(cookie, undefined)).toBeUndefined());
});
