import { errorFromCallback } from '../../../src/provider/errors/callback-error';
import {
  DOCUMENTED_API_CODES,
  errorForApiCode,
  errorForHttpStatus,
  errorForOAuthName,
  type ProviderStage,
} from '../../../src/provider/errors/error-table';
import { EXPECTED, EXPECTED_OAUTH } from '../../support/expected';

const about = (stage: ProviderStage) => ({ stage, statusByApiCode: {} });

test('exactly the seventeen documented codes are in the table', () => {
  expect(DOCUMENTED_API_CODES).toEqual(EXPECTED.map(([apiCode]) => apiCode));
});

describe.each(EXPECTED)('API code %i (%s)', (apiCode, _meaning, signIn, refresh, apiCall) => {
  test.each([
    ['callback', signIn],
    ['exchange', signIn],
    ['refresh', refresh],
    ['api', apiCall],
  ] as const)('at %s is %j', (stage, [status, code]) => {
    expect(errorForApiCode(apiCode, about(stage))).toMatchObject({ status, code, stage, provider: { apiCode } });
  });

  test('changes its status and nothing else by statusByApiCode, everywhere', () => {
    const statusByApiCode = { [apiCode]: 418 };
    expect(errorForApiCode(apiCode, { stage: 'exchange', statusByApiCode })).toMatchObject({
      status: 418,
      code: signIn[1],
    });
    expect(errorForApiCode(apiCode, { stage: 'refresh', statusByApiCode })).toMatchObject({
      status: 418,
      code: refresh[1],
    });
    expect(errorFromCallback(String(apiCode), statusByApiCode)).toMatchObject({ status: 418, code: signIn[1] });
    expect(errorForApiCode(apiCode, { stage: 'api', statusByApiCode })).toMatchObject({
      status: 418,
      code: apiCall[1],
    });
  });

  test('in the callback is read from its digits', () => {
    const [status, code] = signIn;
    expect(errorFromCallback(String(apiCode), {})).toMatchObject({
      status,
      code,
      stage: 'callback',
      provider: { apiCode },
    });
  });
});

describe.each(EXPECTED_OAUTH)('OAuth name %s', (oauthError, withCode, atRefresh, onCall) => {
  test.each([
    ['callback', withCode],
    ['exchange', withCode],
    ['refresh', atRefresh],
    ['api', onCall],
  ] as const)('at %s is %j', (stage, [status, code]) => {
    expect(errorForOAuthName(oauthError, about(stage))).toMatchObject({
      status,
      code,
      stage,
      provider: { oauthError },
    });
  });

  test('in the callback is read as it stands', () => {
    const [status, code] = withCode;
    expect(errorFromCallback(oauthError, {})).toMatchObject({
      status,
      code,
      stage: 'callback',
      provider: { oauthError },
    });
  });
});

test.each([
  'nonsense',
  'ACCESS_DENIED',
  '16',
  '101',
  '402',
  '0x190',
  '4e2',
  '+400',
  '00400',
  '__proto__',
  'constructor',
  '',
])('any other word in the callback, like "%s", is a denial that does not repeat it', (word) => {
  const error = errorFromCallback(word, {});
  expect(error).toMatchObject({ code: 'ERR_CONNECT_DENIED', status: 403, stage: 'callback', provider: {} });
  expect(error.provider).toEqual({});
});

test.each([
  [402, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
  [422, 'refresh', 502, 'ERR_CONNECT_RESPONSE'],
  [422, 'api', 422, 'ERR_CONNECT_API'],
  [499, 'api', 499, 'ERR_CONNECT_API'],
  [302, 'api', 502, 'ERR_CONNECT_RESPONSE'],
  [501, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
  [599, 'api', 502, 'ERR_CONNECT_UNAVAILABLE'],
  [504, 'refresh', 504, 'ERR_CONNECT_TIMEOUT'],
  [504, 'api', 504, 'ERR_CONNECT_TIMEOUT'],
  [600, 'api', 502, 'ERR_CONNECT_RESPONSE'],
  [999, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
] as const)('HTTP %i, which has no row, at %s is %i %s', (httpStatus, stage, status, code) => {
  expect(errorForHttpStatus(httpStatus, about(stage))).toMatchObject({ status, code });
});

test('numbers and names of prototypes find no row and no override', () => {
  expect(errorForApiCode(16, about('exchange'))).toBeUndefined();
  expect(errorForOAuthName('constructor', about('exchange'))).toBeUndefined();
  const statusByApiCode = Object.create({ 429: 418 }) as Record<string, number>;
  expect(errorForApiCode(429, { stage: 'exchange', statusByApiCode })).toMatchObject({ status: 503 });
});

test.each([0, 200, 399, 600, 418.5, Number.NaN, '418', null])(
  'a status that is none of 400–599, %p, is left out',
  (status) => {
    const statusByApiCode = { 429: status } as unknown as Record<string, number>;
    expect(errorForApiCode(429, { stage: 'api', statusByApiCode })).toMatchObject({ status: 429 });
  },
);

test.each([
  [429, 7],
  [500, 7],
  [503, 7],
  [400, undefined],
  [401, undefined],
  [2036, undefined],
  [404, undefined],
])('API code %i keeps the wait that was asked for: %s', (apiCode, kept) => {
  const error = errorForApiCode(apiCode, { ...about('exchange'), retryAfterSeconds: 7 });
  expect(error?.retryAfterSeconds).toBe(kept);
  expect(error?.headers['Retry-After']).toBe(kept === undefined ? undefined : '7');
});
