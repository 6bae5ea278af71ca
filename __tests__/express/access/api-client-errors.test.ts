import { inspect } from 'node:util';
import fc from 'fast-check';
import axios from 'axios';
import type { ConnectError } from '../../../src';
import { apiClients } from '../../../src/access/api-client';
import { readApiAnswer } from '../../../src/provider/api/api-answer';
import type { Sandbox } from '../../../src/testing';
import { givenDeadline } from '../../support/deadline';
import { EXPECTED, EXPECTED_OAUTH } from '../../support/expected';
import { http11 } from '../../support/local-server';
import { anyText, runs } from '../../support/property';
import { apiWorld, json, ok, type ApiWorld } from '../../support/api-world';
import { startSandbox } from '../../support/sandbox';

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return error as ConnectError;
  }
  throw new Error('The call went well.');
}

const deadline = givenDeadline();

describe('over the sandbox', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });
  afterEach(() => {
    sandbox.reset();
  });

  const SHAPES = [
    'errorObject',
    'errorStatus',
    'flat',
    'failedCode',
    'failedError',
    'list',
    'array',
    'numberedMessage',
    'encodedTwice',
  ] as const;

  describe.each(EXPECTED)('API code %i (%s)', (apiCode, _meaning, _signIn, _refresh, [status, code]) => {
    test.each(SHAPES)(`in the shape %s is ${status} ${code}, also inside 200`, async (errorShape) => {
      for (const errorStatus of ['matching', 200, 400] as const) {
        const refused: (string | undefined)[] = [];
        const client = apiClients({
          apiBaseUrl: sandbox.apiBaseUrl,
          timeoutMs: 3000,
          maxApiAnswerBytes: 1_048_576,
          statusByApiCode: {},
          loginUrl: '/login',
        })((token) => {
          refused.push(token);
          return Promise.resolve({ access_token: refused.length === 1 ? 'first' : 'second', type: 'bearer' });
        });
        sandbox.reset();
        sandbox.set({ errorShape, errorStatus });
        sandbox.force(apiCode, { on: 'api', times: 3, retryAfter: '7' });
        const error = await failure(client.get('/me'));
        expect(error).toMatchObject({ status, code, stage: 'api', provider: { apiCode } });
        expect(sandbox.calls.api).toBe(apiCode === 401 ? 2 : 1);
        expect(refused).toEqual(apiCode === 401 ? [undefined, 'first'] : [undefined]);
        expect(error.loginUrl).toBe(apiCode === 401 ? '/login' : undefined);
        expect(error.retryAfterSeconds).toBe([429, 500, 503].includes(apiCode) ? 7 : undefined);
      }
    });
  });

  test.each([
    ['html503', { kind: 'html503', retryAfter: '9' }, 503, 'ERR_CONNECT_UNAVAILABLE', undefined],
    [
      'a redirect',
      { kind: 'redirect', status: 307, location: 'http://127.0.0.1:1/' },
      502,
      'ERR_CONNECT_RESPONSE',
      'redirect',
    ],
    ['truncated JSON', { kind: 'truncated' }, 502, 'ERR_CONNECT_RESPONSE', 'not_json'],
    ['an endless body', { kind: 'endless' }, 502, 'ERR_CONNECT_RESPONSE', 'too_large'],
    ['a gzip bomb', { kind: 'gzipBomb' }, 502, 'ERR_CONNECT_RESPONSE', 'encoded'],
    ['a reset', { kind: 'reset' }, 502, 'ERR_CONNECT_UNAVAILABLE', 'broken'],
    ['silence', { kind: 'silence' }, 504, 'ERR_CONNECT_TIMEOUT', undefined],
    ['a dripped body', { kind: 'drip' }, 504, 'ERR_CONNECT_TIMEOUT', undefined],
  ] as const)('%s is answered in bounded time', async (_name, fault, status, code, reason) => {
    sandbox.fault(fault, { on: 'api' });
    const limits = { timeoutMs: deadline.ms, maxApiAnswerBytes: 1_048_576, statusByApiCode: {} };
    const client = apiClients({ apiBaseUrl: sandbox.apiBaseUrl, ...limits })(() =>
      Promise.resolve({ access_token: 'a', type: 'bearer' }),
    );
    const failing = failure(client.get('/me'));
    if (code === 'ERR_CONNECT_TIMEOUT') await deadline.passDuring(() => sandbox.calls.api === 1);
    const error = await failing;
    expect(error).toMatchObject({ status, code, stage: 'api' });
    expect(error.reason).toBe(reason);
    expect(sandbox.calls.api).toBe(1);
  });
});

const read = (
  status: number,
  body: unknown,
  dataType: 'json' | 'text' | 'arraybuffer' = 'json',
  type = 'application/json',
) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readApiAnswer(
    { status, headers: { 'content-type': type }, bytes: Buffer.from(text), body: text, unacceptable: undefined },
    { method: 'GET', dataType, nowMs: 0 },
  );
};

test.each([
  {
    success: true,
    data: {
      status: 404,
      code: 2036,
      message: 'Invalid API Key',
      errors: [{ code: 401 }],
      error: 'invalid_token',
      success: false,
    },
  },
  { success: true, data: { error: { code: 401 }, data: { code: 500 } } },
  { success: true, data: [{ code: 401 }, { error: 'invalid_grant' }] },
  { success: true, data: 'Invalid API Key' },
  { success: true, data: null, error: null, errors: [], code: 0, status: 200, message: 'OK' },
  { data: { code: 2036 } },
  { id: 7, status: 'active', code: 16 },
  { code: 101 },
  {},
  [],
  [
    { id: 1, status: 'ok' },
    { id: 2, code: 401 },
  ],
  [[401]],
  ['2036'],
])('%j inside 200 is data', (body) => {
  expect(read(200, body)).toEqual({ kind: 'data', data: body });
});

test.each<[unknown, number, string, string]>([
  [{ success: false }, 502, 'ERR_CONNECT_RESPONSE', 'error'],
  [{ success: false, data: { code: 2036 } }, 500, 'ERR_CONNECT_CONFIG', 'error'],
  [{ error: 'anything' }, 502, 'ERR_CONNECT_RESPONSE', 'error'],
  [{ success: true, data: {}, code: 2041 }, 422, 'ERR_CONNECT_ACCOUNT', 'error'],
  [{ success: true, data: {}, error: { code: 401 } }, 401, 'ERR_CONNECT_EXPIRED', 'refused'],
  [{ error: 'invalid_token' }, 401, 'ERR_CONNECT_EXPIRED', 'refused'],
  [{ success: false, data: { error: { type: 'invalid_token' } } }, 401, 'ERR_CONNECT_EXPIRED', 'refused'],
  [{ errors: [{ code: 'invalid_token' }] }, 401, 'ERR_CONNECT_EXPIRED', 'refused'],
  ['error=invalid_token&x=1', 401, 'ERR_CONNECT_EXPIRED', 'refused'],
  [{ message: 'invalid api key' }, 500, 'ERR_CONNECT_CONFIG', 'error'],
  ['Invalid API Key', 500, 'ERR_CONNECT_CONFIG', 'error'],
  [{ status: 422 }, 422, 'ERR_CONNECT_API', 'error'],
  ['true', 502, 'ERR_CONNECT_RESPONSE', 'error'],
  ['401', 502, 'ERR_CONNECT_RESPONSE', 'error'],
  ['<html>', 502, 'ERR_CONNECT_RESPONSE', 'error'],
  ['"text"', 502, 'ERR_CONNECT_RESPONSE', 'error'],
])('%j inside 200 is %i %s', (body, status, code, kind) => {
  expect(read(200, body)).toMatchObject({ kind, error: { status, code } });
});

test.each(EXPECTED_OAUTH)(
  'OAuth name %s is told apart, also inside 200',
  (oauthError, _withCode, _atRefresh, [status, code]) => {
    for (const http of [200, 400]) {
      expect(read(http, { error: oauthError, error_description: 'x' })).toMatchObject({
        error: { status, code, provider: { oauthError } },
      });
    }
  },
);

test.each([
  [402, 402, 'ERR_CONNECT_API'],
  [409, 409, 'ERR_CONNECT_API'],
  [422, 422, 'ERR_CONNECT_API'],
  [501, 502, 'ERR_CONNECT_UNAVAILABLE'],
  [504, 504, 'ERR_CONNECT_TIMEOUT'],
  [302, 502, 'ERR_CONNECT_RESPONSE'],
  [304, 502, 'ERR_CONNECT_RESPONSE'],
  [99, 502, 'ERR_CONNECT_RESPONSE'],
])('HTTP %i without a sign in its body is %i %s', (http, status, code) => {
  expect(read(http, { success: true })).toMatchObject({ error: { status, code } });
});

test('the order of signs: 20xx, OAuth name, number below a 5xx status not, HTTP status', () => {
  expect(read(401, { code: 2036 })).toMatchObject({ kind: 'error', error: { code: 'ERR_CONNECT_CONFIG' } });
  expect(read(500, { code: 401 })).toMatchObject({ kind: 'error', error: { code: 'ERR_CONNECT_UNAVAILABLE' } });
  expect(read(401, { code: 403 })).toMatchObject({ kind: 'error', error: { code: 'ERR_CONNECT_FORBIDDEN' } });
  expect(read(400, { code: 403, error: 'access_denied' })).toMatchObject({ error: { code: 'ERR_CONNECT_DENIED' } });
  expect(read(400, { data: { code: 404 } })).toMatchObject({ error: { status: 404, code: 'ERR_CONNECT_API' } });
});

test('text and bytes are judged only where they are JSON', () => {
  expect(read(200, 'Invalid API Key', 'text', 'text/plain')).toEqual({ kind: 'data', data: 'Invalid API Key' });
  expect(read(200, { success: false }, 'arraybuffer', 'image/png')).toEqual({
    kind: 'data',
    data: Buffer.from('{"success":false}'),
  });
  expect(read(200, { code: 401 }, 'text')).toMatchObject({ kind: 'refused' });
  expect(read(200, { code: 401 }, 'arraybuffer', 'application/problem+json; charset=utf-8')).toMatchObject({
    kind: 'refused',
  });
  expect(read(404, 'nothing', 'text', 'text/plain')).toMatchObject({ error: { status: 404, code: 'ERR_CONNECT_API' } });
});

test('no body of any kind breaks the reader, and data comes out as it went in', () => {
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    anyText,
    fc.jsonValue().map((data) => JSON.stringify({ success: true, data })),
  );
  fc.assert(
    fc.property(body, fc.constantFrom(200, 204, 301, 401, 404, 500, 799), (text, status) => {
      const reading = read(status, text);
      if (reading.kind !== 'data') return expect(reading.error.status).toBeGreaterThanOrEqual(400);
      expect(reading.data).toEqual(text === '' ? '' : JSON.parse(text));
    }),
    runs(20_261_124),
  );
  fc.assert(
    fc.property(fc.jsonValue(), (data) => {
      expect(read(200, { success: true, data })).toMatchObject({ kind: 'data' });
    }),
    runs(20_261_124),
  );
});

describe('nothing of a call is reachable from its error or its response', () => {
  let world: ApiWorld;
  let respond: () => Buffer;
  beforeAll(async () => {
    world = await apiWorld((socket) => socket.write(respond()));
  });

  const config = {
    headers: { Authorization: 'Basic CANARY-own', 'X-Key': 'CANARY-key' },
    params: { q: 'CANARY-query' },
  };
  // In a variable: V8 names functions after the properties that they stand beside, and stacks show that.
  const BAD_NAME = ['CANARY', '\u20ac'].join('');
  const dump = (value: unknown): string =>
    [
      inspect(value, { showHidden: true, depth: 20 }),
      JSON.stringify([value]),
      String((value as Error).stack),
      inspect((value as Error).cause),
    ].join();

  test.each<[string, () => Buffer]>([
    ['a refusal', () => json('400 Bad', { message: 'CANARY-answer' })],
    ['a refused token', () => json('401 No', { error: 'invalid_token', error_description: 'CANARY-answer' })],
    ['broken JSON', () => http11('{"a":"CANARY-answer')],
    ['a redirect', () => http11('', '302 Found', 'Location: http://127.0.0.1:1/CANARY-answer')],
    ['no HTTP', () => Buffer.from('CANARY-answer\r\n\r\n')],
  ])('%s', async (_name, answer) => {
    respond = answer;
    expect(dump(await failure(world.client().post('/me?a=CANARY-path', { a: 'CANARY-body' }, config)))).not.toMatch(
      /CANARY|127\.0\.0\.1/,
    );
  });

  test.each<[string, (client: ReturnType<ApiWorld['client']>) => Promise<unknown>]>([
    ['an address outside', (client) => client.get('https://127.0.0.1/CANARY', config)],
    ['a broken address', (client) => client.get('http:CANARY', config)],
    ['a method', (client) => client.request({ method: 'CANARY', url: '/me' })],
    ['a header', (client) => client.get('/me', { headers: { [BAD_NAME]: 'x' } })],
    [
      'a body in a circle',
      (client) => {
        const a: Record<string, unknown> = { b: 'CANARY' };
        a.a = a;
        return client.post('/me', a);
      },
    ],
    [
      'parameters in a circle',
      (client) => {
        const a: Record<string, unknown> = { b: 'CANARY' };
        a.a = a;
        return client.get('/me', { params: a });
      },
    ],
    ['an unknown setting', (client) => client.get('/me', { transitional: { [BAD_NAME]: true } })],
    ['an aborted signal', (client) => client.get('/me?CANARY', { ...config, signal: AbortSignal.abort('CANARY') })],
  ])('%s', async (_name, call) => {
    respond = ok;
    expect(dump(await failure(call(world.client())))).not.toMatch(/CANARY|127\.0\.0\.1/);
  });

  test('a response that is logged whole shows no token, whoever set the header', async () => {
    respond = ok;
    const response = await world.client().get('/me', { headers: { authorization: 'Basic CANARY-own' } });
    expect(world.bearers().at(-1)).toBe('Bearer CANARY-access-1');
    expect(response.data).toEqual({ success: true, data: { id: 1 } });
    expect(dump(response)).not.toContain('CANARY');
    expect({
      keepsAuthorization: response.config.headers.has('authorization'),
      request: response.request as unknown,
    }).toEqual({
      keepsAuthorization: false,
      request: undefined,
    });
  });

  test('a call that is aborted is recognised by axios', async () => {
    const error = await failure(world.client().get('/me', { signal: AbortSignal.abort() }));
    expect({
      isCancel: axios.isCancel(error),
      code: error.code,
      hasConfig: Object.keys(error).includes('config'),
    }).toEqual({ isCancel: true, code: 'ERR_CANCELED', hasConfig: false });
  });
});
