import type { Sandbox, SandboxSwitches } from 'express-connect-auth/testing';
import { SANDBOX_API_CODES } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { api, exchange, refresh, signIn } from '../../support/sandbox-client';

let sandbox: Sandbox;
beforeAll(async () => (sandbox = await startSandbox()));

/** [code, its words, HTTP status, OAuth name] */
const CODES: readonly (readonly [number, string, number, string])[] = [
  [400, 'The request is invalid', 400, 'invalid_grant'],
  [401, 'The API key is wrong', 401, 'invalid_client'],
  [403, 'For administrators only', 403, 'access_denied'],
  [404, 'Not found', 404, 'invalid_request'],
  [405, 'Method not allowed', 405, 'invalid_request'],
  [406, 'The request is not JSON', 406, 'invalid_request'],
  [410, 'Gone', 410, 'invalid_request'],
  [429, 'Too many requests', 429, 'temporarily_unavailable'],
  [500, 'Our server has a problem', 500, 'server_error'],
  [503, 'Under maintenance', 503, 'temporarily_unavailable'],
  [2032, 'API Key is required', 401, 'invalid_client'],
  [2034, 'Email is required', 400, 'access_denied'],
  [2036, 'Invalid API Key', 401, 'invalid_client'],
  [2038, 'Provide valid API Key', 401, 'invalid_client'],
  [2039, 'Email already exists', 400, 'access_denied'],
  [2040, 'Phone already exists', 400, 'access_denied'],
  [2041, 'Email Invalid', 400, 'access_denied'],
];

type Shape = SandboxSwitches['errorShape'];
const JSON_SHAPES: readonly (readonly [Shape, (code: number, words: string, oauthError: string) => unknown])[] = [
  ['oauth', (_, words, error) => ({ error, error_description: words })],
  ['errorObject', (code, message) => ({ error: { code, message } })],
  ['errorStatus', (status, type) => ({ error: { status, type } })],
  ['flat', (code) => ({ code })],
  ['failedMessage', (_, message) => ({ success: false, message })],
  ['failedCode', (code) => ({ success: false, data: { code } })],
  ['failedError', (code, message) => ({ success: false, data: { error: { code, message } } })],
  ['list', (code, message) => ({ errors: [{ code, message }] })],
  ['array', (code, message) => [{ code, message }]],
  ['message', (_, message) => ({ message })],
  ['numberedMessage', (code, words) => ({ message: `${code}: ${words}` })],
  ['encodedTwice', (code) => `{"code":${code}}`],
  ['foreignNumber', () => ({ code: 16 })],
  ['scalar', () => true],
];
const OTHER_SHAPES: readonly (readonly [Shape, string, (words: string, oauthError: string) => string])[] = [
  ['text', 'text/plain; charset=utf-8', (words) => words],
  [
    'form',
    'application/x-www-form-urlencoded',
    (words, error) => `error=${error}&error_description=${words.replaceAll(' ', '+')}`,
  ],
  ['html', 'text/html; charset=utf-8', (words) => `<!doctype html><title>Error</title><h1>${words}</h1>`],
  ['empty', 'application/json', () => ''],
  ['truncated', 'application/json', () => '{"error":{"code":20'],
];

test('the 17 documented codes are known', () => {
  expect(SANDBOX_API_CODES).toEqual(CODES.map(([code]) => code));
});

describe.each(JSON_SHAPES)('error shape "%s"', (errorShape, bodyOf) => {
  test.each(CODES)('%i', async (code, words, status, oauthError) => {
    sandbox.set({ errorShape });
    sandbox.force(code);
    const reply = await exchange(sandbox, { code: 'x' });
    expect(JSON.parse(reply.text)).toEqual(bodyOf(code, words, oauthError));
    expect(reply.status).toBe(errorShape === 'oauth' && [404, 405, 406, 410].includes(code) ? 400 : status);
    expect(reply.headers['content-type']).toBe('application/json');
  });
});

describe.each(OTHER_SHAPES)('error shape "%s"', (errorShape, type, textOf) => {
  test.each(CODES)('%i', async (code, words, status, oauthError) => {
    sandbox.set({ errorShape });
    sandbox.force(code);
    const reply = await exchange(sandbox, { code: 'x' });
    expect({ status: reply.status, contentType: reply.headers['content-type'], text: reply.text }).toEqual({
      status,
      contentType: type,
      text: textOf(words, oauthError),
    });
  });
});

test.each<SandboxSwitches['errorStatus'] & number>([200, 400, 500])(
  'switch errorStatus %i holds for every refusal',
  async (errorStatus) => {
    sandbox.set({ errorStatus, errorShape: 'flat' });
    sandbox.force(2041);
    sandbox.force(503, { on: 'refresh' });
    const replies = [await exchange(sandbox, { code: 'x' }), await refresh(sandbox, 'x'), await api(sandbox, '/me')];
    expect(replies.map(({ status }) => status)).toEqual([errorStatus, errorStatus, errorStatus]);
    expect(replies.map(({ body }) => body.code as number)).toEqual([2041, 503, 401]);
  },
);

describe('force', () => {
  test('refuses the next calls of its endpoint only, and spends no code', async () => {
    sandbox.force(503, { times: 2 });
    const { code } = await signIn(sandbox);
    expect((await refresh(sandbox, 'x')).body.error).toBe('invalid_grant');
    expect((await exchange(sandbox, { code })).status).toBe(503);
    expect((await exchange(sandbox, { code })).status).toBe(503);
    expect((await exchange(sandbox, { code })).status).toBe(200);
    expect(sandbox.presentations(code)).toBe(3);
  });

  test('keeps the order in which codes were planned', async () => {
    sandbox.force(429);
    sandbox.force(500);
    expect((await exchange(sandbox, { code: 'x' })).status).toBe(429);
    expect((await exchange(sandbox, { code: 'x' })).status).toBe(500);
  });

  test('reaches the API, where 401 means the token', async () => {
    sandbox.force(401, { on: 'api' });
    sandbox.force(403, { on: 'api' });
    expect((await api(sandbox, '/me')).body.error).toBe('invalid_token');
    expect((await api(sandbox, '/me')).body.error).toBe('access_denied');
  });

  test('sends Retry-After as it is given', async () => {
    sandbox.force(429, { retryAfter: 'Wed, 21 Oct 2099 07:28:00 GMT' });
    expect((await exchange(sandbox, { code: 'x' })).headers['retry-after']).toBe('Wed, 21 Oct 2099 07:28:00 GMT');
  });

  test('takes documented codes and whole numbers only', () => {
    expect(() => sandbox.force(418)).toThrow(new RangeError('The provider documents no code 418.'));
    expect(() => sandbox.force(503, { times: 0 })).toThrow(RangeError);
    expect(() => sandbox.force(503, { times: 1.5 })).toThrow(RangeError);
  });
});
