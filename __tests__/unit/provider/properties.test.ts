import fc from 'fast-check';
import { readExpiry } from '../../../src/provider/token/expiry';
import { readAnswer } from '../../../src/provider/token/read-answer';
import { readToken } from '../../../src/provider/token/read-token';
import { readRetryAfter } from '../../../src/provider/http/retry-after';
import { anyText, runs, urlQuery } from '../../support/property';

const RUNS = runs(20_300_101);
const LAST_SECOND = 253_402_300_799;

const clockMs = fc.oneof(fc.constant(Date.UTC(2030, 0, 1)), fc.integer({ min: 0, max: 4e12 }));
const scalar = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    '',
    0,
    -1,
    16,
    200,
    400,
    401,
    504,
    2036,
    '2036',
    'bearer',
    'mac',
    'invalid_grant',
    'Invalid API Key',
    1e300,
  ),
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.stringMatching(/^\d{0,20}$/),
);
const names = fc.constantFrom(
  'access_token',
  'refresh_token',
  'expires_at',
  'expires_in',
  'type',
  'token_type',
  'scope',
  'success',
  'data',
  'error',
  'errors',
  'code',
  'status',
  'message',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
);
/** Objects as JSON.parse makes them, `__proto__` as an own member included. */
const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, fc.array(tie('value'), { maxLength: 4 }), tie('object')),
  object: fc
    .array(fc.tuple(fc.oneof({ weight: 4, arbitrary: names }, { weight: 1, arbitrary: fc.string() }), tie('value')), {
      maxLength: 8,
    })
    .map(
      (members) =>
        JSON.parse(
          `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
        ) as unknown,
    ),
})).value;
/** Bodies close enough to a token set that many of them are one. */
const tokenLike = fc.record(
  {
    access_token: fc.oneof(fc.stringMatching(/^[!-~]{1,20}$/), scalar),
    refresh_token: scalar,
    type: fc.constantFrom('bearer', 'Bearer', undefined, 'mac'),
    expires_at: scalar,
    expires_in: scalar,
    scope: scalar,
  },
  { requiredKeys: ['access_token'] },
);
const body = fc.oneof(
  jsonValue.map((value) => JSON.stringify(value)),
  jsonValue.map((value) => JSON.stringify(JSON.stringify(value))),
  tokenLike.map((value) => JSON.stringify(value)),
  anyText,
  urlQuery,
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString()),
  jsonValue.map((value) => JSON.stringify(value).slice(0, -1)),
);

const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype, Number.prototype];
const prototypeMembers = (): readonly (string | symbol)[] =>
  prototypes.flatMap((prototype) => Reflect.ownKeys(prototype));
const membersBefore = prototypeMembers();
afterEach(() => expect(prototypeMembers()).toEqual(membersBefore));

function expectWholeToken(token: ReturnType<typeof readToken>): void {
  if (token === undefined) return;
  expect('toString' in token).toBe(false);
  expect(['access_token', 'type', 'refresh_token', 'expires_at', 'scope']).toEqual(
    expect.arrayContaining(Object.keys(token)),
  );
  expect(token.type).toBe('bearer');
  expect(token.access_token).toMatch(/^[\x21-\x7e]+$/);
  expect(token.refresh_token ?? 'absent').toMatch(/^[\x21-\x7e]+$/);
  expect(JSON.parse(JSON.stringify(token))).toEqual(token);
  if (token.expires_at !== undefined) expectWholeSecond(token.expires_at);
}

function expectWholeSecond(seconds: number): void {
  expect(Number.isSafeInteger(seconds)).toBe(true);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(LAST_SECOND);
}

test('the token reader gives a whole token set or nothing for any value', () => {
  fc.assert(
    fc.property(fc.oneof(jsonValue, tokenLike, fc.anything()), clockMs, (value, nowMs) => {
      expectWholeToken(readToken(value, nowMs));
    }),
    RUNS,
  );
});

test('the answer reader gives a token set or an error fit to answer with for any body', () => {
  fc.assert(
    fc.property(body, fc.integer({ min: 200, max: 999 }), scalar, clockMs, (text, status, retryAfter, nowMs) => {
      const { token, error } = readAnswer(
        { status, body: text, retryAfter },
        { stage: 'exchange', statusByApiCode: {}, nowMs },
      );
      expect((token === undefined) === (error === undefined)).toBe(false);
      expectWholeToken(token);
      if (token !== undefined) expect([200, 201]).toContain(status);
      if (error === undefined) return;
      expect(error.status).toBeGreaterThanOrEqual(400);
      expect(error.status).toBeLessThanOrEqual(504);
      expect(error.retryAfterSeconds ?? 0).toBeLessThanOrEqual(3600);
    }),
    RUNS,
  );
});

test('the expiry reader gives a whole second since 1970 or nothing for any value', () => {
  fc.assert(
    fc.property(fc.oneof(scalar, fc.anything()), fc.oneof(scalar, fc.anything()), clockMs, (at, within, nowMs) => {
      const seconds = readExpiry({ expires_at: at, expires_in: within }, nowMs);
      if (seconds !== undefined) expectWholeSecond(seconds);
    }),
    RUNS,
  );
});

test('the Retry-After reader gives 0 to 3600 whole seconds or nothing for any value', () => {
  const header = fc.oneof(
    scalar,
    fc.anything(),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  fc.assert(
    fc.property(header, clockMs, (value, nowMs) => {
      const seconds = readRetryAfter(value, nowMs);
      if (seconds === undefined) return;
      expect(Number.isInteger(seconds)).toBe(true);
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeLessThanOrEqual(3600);
    }),
    RUNS,
  );
});
