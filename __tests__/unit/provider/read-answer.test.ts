import { readAnswer } from '../../../src/provider/token/read-answer';
import { EXPECTED, EXPECTED_OAUTH } from '../../support/expected';

const NOW_MS = Date.UTC(2030, 0, 1);
const TOKEN = { access_token: 'at', refresh_token: 'rt', expires_at: NOW_MS / 1000 + 3600, type: 'bearer' };
const json = (value: unknown): string => JSON.stringify(value);

function read(body: string, how: { status?: number; stage?: 'exchange' | 'refresh'; retryAfter?: unknown } = {}) {
  const { status = 200, stage = 'exchange', retryAfter } = how;
  return readAnswer({ status, body, retryAfter }, { stage, statusByApiCode: {}, nowMs: NOW_MS });
}

/** The shapes of a numeric code; which of them is the provider's own is not documented. */
const SHAPES: readonly (readonly [string, (apiCode: number) => string])[] = [
  ['error object, code', (n) => json({ error: { code: n, message: 'text' } })],
  ['error object, code as digits', (n) => json({ error: { code: String(n) } })],
  ['error object, status', (n) => json({ error: { status: n, type: 'SomeException' } })],
  ...['code', 'error_code', 'errorCode', 'status_code', 'statusCode', 'status', 'error'].flatMap((key) => [
    [`flat ${key}`, (n: number) => json({ [key]: n, message: 'text' })] as const,
    [`flat ${key} as digits`, (n: number) => json({ [key]: String(n) })] as const,
  ]),
  ['failed envelope, flat', (n) => json({ success: false, code: n })],
  ['failed envelope, data', (n) => json({ success: false, data: { code: n } })],
  ['failed envelope, error in data', (n) => json({ success: false, data: { error: { code: n } } })],
  ['envelope that claims success', (n) => json({ success: true, data: { code: n } })],
  ['list of errors', (n) => json({ errors: [{ code: n }] })],
  ['list of numbers', (n) => json({ errors: [n] })],
  ['top-level list', (n) => json([{ code: n }])],
  ['numbered message', (n) => json({ message: `${n}: whatever they say` })],
  ['numbered message with a dash', (n) => json({ error: { message: `${n} - whatever they say` } })],
  ['numbered text', (n) => `${n}: whatever they say`],
  ['form', (n) => `error=${n}&error_description=whatever+they+say`],
  ['form, code', (n) => `code=${n}`],
  ['encoded twice', (n) => json(json({ code: n }))],
  ['beside a token', (n) => json({ ...TOKEN, error: { code: n } })],
  ['beside a token, flat', (n) => json({ ...TOKEN, code: n })],
  ['beside a token in an envelope', (n) => json({ success: true, code: n, data: TOKEN })],
  ['inside the token envelope', (n) => json({ success: true, data: { ...TOKEN, error: n } })],
  ['after a byte order mark', (n) => `\uFEFF${json({ code: n })}`],
];

/** Those seven have a documented text by which they are recognised without any number. */
const TEXT_SHAPES: readonly (readonly [string, (text: string) => string])[] = [
  ['message only', (text) => json({ message: text })],
  [
    'message in other case and punctuation',
    (text) => json({ message: ` ${text.toUpperCase().replaceAll(' ', '_')}!` }),
  ],
  ['failed envelope with message', (text) => json({ success: false, message: text })],
  ['error string', (text) => json({ error: text })],
  ['error object with message', (text) => json({ error: { message: text } })],
  ['list of texts', (text) => json({ errors: [text] })],
  ['plain text', (text) => `${text}.\r\n`],
  ['JSON string', (text) => json(text)],
  ['message object', (text) => json({ message: { message: text } })],
  ['beside a token', (text) => json({ ...TOKEN, message: text })],
];

describe.each(EXPECTED)('API code %i (%s)', (apiCode, meaning, signIn, refresh) => {
  const httpStatuses = [200, apiCode < 600 ? apiCode : 400, ...(apiCode < 600 ? [] : [500])];

  test.each(SHAPES)('is recognised as %s', (_shape, body) => {
    for (const status of httpStatuses) {
      const sign = { apiCode, status };
      expect(read(body(apiCode), { status })).toMatchObject({
        error: { status: signIn[0], code: signIn[1], provider: sign },
      });
      expect(read(body(apiCode), { status, stage: 'refresh' })).toMatchObject({
        error: { status: refresh[0], code: refresh[1], stage: 'refresh', provider: sign },
      });
    }
  });

  if (apiCode < 2000) return;
  test.each(TEXT_SHAPES)('is recognised by its text as %s', (_shape, body) => {
    for (const status of httpStatuses) {
      for (const text of [meaning, `${apiCode}: ${meaning}`, `${apiCode} ${meaning}`]) {
        expect(read(body(text), { status })).toMatchObject({
          error: { status: signIn[0], code: signIn[1], provider: { apiCode } },
        });
      }
    }
  });
});

describe.each(EXPECTED_OAUTH)('OAuth name %s', (oauthError, atExchange, atRefresh) => {
  test.each([
    ['as the standard says', json({ error: oauthError, error_description: 'text' })],
    ['inside an error object', json({ error: { error: oauthError } })],
    ['as the type of an error object', json({ error: { status: 400, type: oauthError } })],
    ['as a code', json({ code: oauthError })],
    ['in a failed envelope', json({ success: false, data: { error: oauthError } })],
    ['in a list', json([{ error: oauthError }])],
    ['as a form', `error=${oauthError}&error_description=text`],
    ['encoded twice', json(json({ error: oauthError }))],
    ['beside a token', json({ ...TOKEN, error: oauthError })],
  ])('is recognised %s', (_shape, body) => {
    for (const status of [200, 400, 401, 500]) {
      const sign = { oauthError, status };
      expect(read(body, { status })).toMatchObject({
        error: { status: atExchange[0], code: atExchange[1], provider: sign },
      });
      expect(read(body, { status, stage: 'refresh' })).toMatchObject({
        error: { status: atRefresh[0], code: atRefresh[1], provider: sign },
      });
    }
  });
});

describe('where signs contradict each other', () => {
  test.each([
    [
      'a 20xx code beats an OAuth name',
      400,
      { error: 'invalid_grant', code: 2036 },
      'exchange',
      500,
      'ERR_CONNECT_CONFIG',
    ],
    [
      'a 20xx code beats a documented number',
      400,
      { status: 400, error: { code: 2041 } },
      'exchange',
      422,
      'ERR_CONNECT_ACCOUNT',
    ],
    ['a 20xx code beats HTTP 500', 500, { code: 2039 }, 'exchange', 409, 'ERR_CONNECT_ACCOUNT'],
    ['a 20xx code beats HTTP 302', 302, { code: 2039 }, 'exchange', 409, 'ERR_CONNECT_ACCOUNT'],
    [
      'a 20xx text beats a documented number',
      200,
      { code: 400, message: 'Email Invalid' },
      'exchange',
      422,
      'ERR_CONNECT_ACCOUNT',
    ],
    [
      'an OAuth name beats a documented number',
      400,
      { error: 'invalid_grant', code: 401 },
      'exchange',
      400,
      'ERR_CONNECT_GRANT',
    ],
    ['an OAuth name beats HTTP 401', 401, { error: 'invalid_grant' }, 'refresh', 401, 'ERR_CONNECT_EXPIRED'],
    ['an OAuth name beats HTTP 503', 503, { error: 'invalid_client' }, 'exchange', 500, 'ERR_CONNECT_CONFIG'],
    ['a documented number beats HTTP 400', 400, { code: 429 }, 'exchange', 503, 'ERR_CONNECT_RATE_LIMITED'],
    [
      'a documented number beats an HTTP status without row',
      422,
      { code: 403 },
      'exchange',
      403,
      'ERR_CONNECT_FORBIDDEN',
    ],
    ['HTTP 500 beats a 4xx number', 500, { code: 401 }, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['HTTP 503 beats a 4xx number', 503, { error: { code: 400 } }, 'exchange', 503, 'ERR_CONNECT_UNAVAILABLE'],
    ['HTTP 520 beats a 4xx number', 520, { code: 403 }, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['a 5xx number beats HTTP 500', 500, { code: 503 }, 'exchange', 503, 'ERR_CONNECT_UNAVAILABLE'],
    ['a 5xx number beats HTTP 400', 400, { code: 500 }, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['HTTP 401 beats a number without row', 401, { code: 422 }, 'exchange', 500, 'ERR_CONNECT_CONFIG'],
    ['a foreign number leaves it to the HTTP status', 401, { code: 16 }, 'exchange', 500, 'ERR_CONNECT_CONFIG'],
    ['a foreign number leaves it to the HTTP status', 503, { code: 101 }, 'exchange', 503, 'ERR_CONNECT_UNAVAILABLE'],
    ['an unknown word leaves it to the HTTP status', 400, { error: 'no_idea' }, 'exchange', 400, 'ERR_CONNECT_GRANT'],
    ['400 at a refresh refuses the connection', 400, { error: 'no_idea' }, 'refresh', 401, 'ERR_CONNECT_EXPIRED'],
    ['401 at a refresh refuses the connection', 401, {}, 'refresh', 401, 'ERR_CONNECT_EXPIRED'],
    ['an OAuth name beats HTTP 403', 403, { error: 'invalid_client' }, 'refresh', 500, 'ERR_CONNECT_CONFIG'],
    ['HTTP 422 without any sign', 422, {}, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['HTTP 504 without any sign', 504, {}, 'exchange', 504, 'ERR_CONNECT_TIMEOUT'],
    ['HTTP 502 without any sign', 502, {}, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['a number without row in HTTP 200', 200, { code: 422 }, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['504 in HTTP 200', 200, { code: 504 }, 'exchange', 504, 'ERR_CONNECT_TIMEOUT'],
    ['502 in HTTP 200', 200, { status: '502' }, 'exchange', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['a number without row beside a token', 200, { ...TOKEN, code: 422 }, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['HTTP 401 with a token', 401, TOKEN, 'exchange', 500, 'ERR_CONNECT_CONFIG'],
    ['HTTP 302 with a token', 302, TOKEN, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['HTTP 202 with a token', 202, TOKEN, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['HTTP 206 with a token', 206, TOKEN, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
    ['HTTP 600 with a token', 600, TOKEN, 'exchange', 502, 'ERR_CONNECT_RESPONSE'],
  ] as const)('%s (HTTP %i, %j, %s): %i %s', (_why, status, body, stage, ours, code) => {
    expect(read(json(body), { status, stage })).toMatchObject({
      error: { status: ours, code, stage, provider: { status } },
    });
  });
});

describe('in HTTP 200', () => {
  test.each([
    ['error: true', { error: true }],
    ['error: unknown word', { error: 'no_idea' }],
    ['error: foreign number', { error: 16 }],
    ['error: empty object', { error: {} }],
    ['error: list', { error: ['x'] }],
    ['error: blank', { error: ' ' }],
    ['success: false', { success: false }],
    ['success: "false"', { success: 'false' }],
    ['success: 0', { success: 0 }],
    ['errors: one', { errors: [{}] }],
    ['errors: by field', { errors: { email: 'bad' } }],
    ['errors: text', { errors: 'bad' }],
    ['status: "error"', { status: 'error' }],
    ['status: "Failed"', { status: 'Failed' }],
    ['error in data', { success: true, data: { ...TOKEN, error: 'no_idea' } }],
  ])('%s is a failure, also beside a token', (_sign, body) => {
    for (const answer of [body, { ...TOKEN, ...body }]) {
      expect(read(json(answer))).toMatchObject({
        error: { code: 'ERR_CONNECT_RESPONSE', status: 502, reason: 'unknown_error' },
      });
    }
  });

  test.each([
    { error: null },
    { error: false },
    { error: '' },
    { error: 0 },
    { errors: [] },
    { errors: null },
    { errors: {} },
    { success: true },
    { status: 200 },
    { status: 'ok' },
    { status: 'success' },
    { code: 0 },
    { code: 200 },
    { code: 'OK' },
    { code: 16 },
    { code: '101' },
    { statusCode: 201 },
    { message: 'Token issued' },
    { message: '2036-01-01 00:00' },
    { message: 'until 500: 30 left' },
    { message: null },
    { message: `2036: ${'x'.repeat(251)}` },
    { data: null },
    { code: 401.5 },
    { code: 1e300 },
    { code: ' 401' },
    { code: [401] },
    { status: { code: 401 } },
  ])('%j beside a token is no failure', (extra) => {
    expect(read(json({ ...TOKEN, ...extra })).token).toEqual(TOKEN);
    expect(read(json({ ...extra, ...TOKEN }), { status: 201 }).token).toEqual(TOKEN);
  });

  test.each([
    ['HTML', '<!doctype html><title>2036: Invalid API Key</title>'],
    ['empty', ''],
    ['blank', ' \r\n '],
    ['truncated', json(TOKEN).slice(0, -2)],
    ['number', '42'],
    ['bare code', '2036'],
    ['true', 'true'],
    ['null', 'null'],
    ['string', '"hello"'],
    ['code in a string', '"2036"'],
    ['string of blanks', '"  "'],
    ['object without token', '{}'],
    ['list with a token', json([TOKEN])],
    ['token encoded twice', json(json(TOKEN))],
    ['token as a form', 'access_token=at&token_type=bearer'],
    ['text', 'Service is fine'],
    ['NUL bytes', '\0\0\0'],
    ['broken UTF-8', Buffer.from([0xff, 0xfe, 0x7b]).toString()],
    ['polluting object', '{"__proto__":{"access_token":"at"}}'],
    ['polluting form', '__proto__=1&constructor=2'],
    ['fields under a foreign envelope', json({ data: TOKEN })],
  ])('%s is an unusable answer', (_kind, body) => {
    expect(read(body)).toMatchObject({ error: { code: 'ERR_CONNECT_RESPONSE', status: 502, reason: 'no_token' } });
  });

  test.each([
    ['HTML', '<h1>Down</h1>'],
    ['empty', ''],
    ['truncated', '{"error":"invalid_gr'],
    ['scalar', '42'],
  ])('%s with HTTP 503 is told by the status, with the wait asked for', (_kind, body) => {
    expect(read(body, { status: 503, retryAfter: '120' })).toMatchObject({
      error: { code: 'ERR_CONNECT_UNAVAILABLE', status: 503, retryAfterSeconds: 120 },
    });
  });

  test('a 429 at the exchange asks our visitor to wait as long as the provider asks us', () => {
    expect(read('', { status: 429, retryAfter: '9' })).toMatchObject({
      error: { code: 'ERR_CONNECT_RATE_LIMITED', status: 503, retryAfterSeconds: 9 },
    });
    expect(read('', { status: 429, retryAfter: 'soon' }).error?.retryAfterSeconds).toBeUndefined();
  });
});

test('the status of a recognised code can be overridden, its code cannot', () => {
  const context = { stage: 'exchange', statusByApiCode: { 2036: 503 }, nowMs: NOW_MS } as const;
  expect(readAnswer({ status: 200, body: json({ code: 2036 }) }, context)).toMatchObject({
    error: { status: 503, code: 'ERR_CONNECT_CONFIG', provider: { apiCode: 2036 } },
  });
});

test('signs are looked for in depth, but not without end', () => {
  expect(read(json([[{ data: { errors: [{ error: { code: 2036 } }] } }]])).error?.provider?.apiCode).toBeUndefined();
  expect(read(json({ data: { errors: [{ error: { code: 2036 } }] } })).error?.provider?.apiCode).toBe(2036);
  expect(read('['.repeat(30_000)).error?.code).toBe('ERR_CONNECT_RESPONSE');
  expect(read(`${'['.repeat(30_000)}${']'.repeat(30_000)}`).error?.code).toBe('ERR_CONNECT_RESPONSE');
  const many = Array.from({ length: 5000 }, () => ({ code: 16 }));
  expect(read(json({ ...TOKEN, errors: many })).error?.reason).toBe('unknown_error');
});

test('of a form field given twice the first counts', () => {
  expect(read('error=invalid_client&error=access_denied')).toMatchObject({ error: { code: 'ERR_CONNECT_CONFIG' } });
});

test('no text of the provider is in the error', () => {
  const { error } = read(
    json({ error: 'CANARY', error_description: 'CANARY', message: 'CANARY', errors: ['CANARY'] }),
    { status: 400 },
  );
  expect(JSON.stringify([error, error?.message, error?.stack, error?.headers])).not.toContain('CANARY');
});

test.each([256, 257])('a numbered message of %i characters is a sign, or too long to be one', (length) => {
  const { token } = read(json({ ...TOKEN, message: '2036: '.padEnd(length, 'x') }));
  expect(token === undefined).toBe(length === 256);
});

test.each(['access_token', 'refresh_token'])(
  'a token answer whose %s is over 16 KiB is refused, and the message names the size',
  (name) => {
    const token = { access_token: 'at', refresh_token: 'rt', type: 'bearer' };
    const body = (length: number): string =>
      JSON.stringify({ success: true, data: { ...token, [name]: 'x'.repeat(length) } });
    const context = { stage: 'exchange', statusByApiCode: {}, nowMs: 0 } as const;
    expect(readAnswer({ status: 200, body: body(16_384) }, context).error).toBeUndefined();
    const { error } = readAnswer({ status: 200, body: body(20_000) }, context);
    expect(error).toMatchObject({ code: 'ERR_CONNECT_RESPONSE', status: 502, reason: 'no_token' });
    expect(error?.message).toContain(`${name} has 20000 characters; at most 16384 are accepted`);
  },
);
