import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import axios, { AxiosHeaders } from 'axios';
import { connectErrorFrom, type ConnectError, type ConnectErrorFromOptions } from '../../../src';
import { readAnswer } from '../../../src/provider/token/read-answer';
import { apiWorld, type ApiWorld } from '../../support/api-world';
import { EXPECTED } from '../../support/expected';
import { http11 } from '../../support/local-server';

/** An answer of the API as it is sent. */
interface Sent {
  readonly status: string;
  readonly headers: readonly string[];
  readonly body: string;
}

let sent: Sent;
let world: ApiWorld;
beforeEach(async () => {
  world = await apiWorld((socket) => socket.write(http11(sent.body, sent.status, ...sent.headers)));
});

const JSON_TYPE = 'Content-Type: application/json';
const CANARY = 'CANARY-5e1f';

const ANSWERS: readonly [string, Sent][] = [
  ['a success', { status: '200 OK', headers: [JSON_TYPE], body: '{"success":true,"data":{"status":500}}' }],
  ['a list', { status: '200 OK', headers: [JSON_TYPE], body: '[{"id":1},{"code":2036}]' }],
  ['a list of errors', { status: '200 OK', headers: [JSON_TYPE], body: '[{"code":2036}]' }],
  ['nothing', { status: '204 No Content', headers: [], body: '' }],
  ['a code in a success', { status: '200 OK', headers: [JSON_TYPE], body: '{"error":{"code":2039}}' }],
  ['a code in a text in quotes', { status: '200 OK', headers: [JSON_TYPE], body: '"2036: Invalid API Key"' }],
  ['JSON in JSON', { status: '400 Bad', headers: [JSON_TYPE], body: JSON.stringify('{"code":2041}') }],
  ['an OAuth word', { status: '400 Bad', headers: [JSON_TYPE], body: '{"error":"invalid_grant"}' }],
  ['another token that is needed', { status: '401 No', headers: [JSON_TYPE], body: '{"error":"invalid_token"}' }],
  [
    'another scope that is needed',
    { status: '403 No', headers: ['WWW-Authenticate: Bearer error="insufficient_scope"'], body: '' },
  ],
  ['a limit', { status: '429 Slow', headers: ['Retry-After: 7'], body: 'slow down' }],
  ['maintenance', { status: '503 Busy', headers: ['Retry-After: 90', JSON_TYPE], body: '{}' }],
  ['a gateway', { status: '504 Slow', headers: [], body: '' }],
  ['a status without a row', { status: '422 No', headers: [JSON_TYPE], body: `{"message":"${CANARY}"}` }],
  ['a page for people', { status: '200 OK', headers: ['Content-Type: text/html'], body: '<html>' }],
  ['a portal', { status: '403 No', headers: ['Content-Type: text/html'], body: '<html>' }],
  ['truncated JSON', { status: '200 OK', headers: [JSON_TYPE], body: '{"success":tr' }],
  ['a scalar', { status: '200 OK', headers: [JSON_TYPE], body: '5' }],
  ['null', { status: '200 OK', headers: [JSON_TYPE], body: 'null' }],
  ['a redirect', { status: '302 There', headers: ['Location: /elsewhere'], body: '' }],
];

/** Everything that an error shows. */
function facts(error: ConnectError | undefined): unknown {
  if (error === undefined) return undefined;
  const { code, status, stage, title, detail, reason, retryAfterSeconds, provider, headers, loginUrl } = error;
  return {
    code,
    status,
    stage,
    title,
    detail,
    reason,
    retryAfterSeconds,
    provider: { ...provider },
    headers: { ...headers },
    loginUrl,
  };
}

/** What our own client makes of it. */
async function ours(config: object = {}): Promise<unknown> {
  try {
    await world.clientWith({ loginUrl: '/login', statusByApiCode: { 2039: 418, 429: 529 } }).get('/me', config);
    return undefined;
  } catch (error) {
    return facts(error as ConnectError);
  }
}

const OPTIONS: ConnectErrorFromOptions = { loginUrl: '/login', statusByApiCode: { 2039: 418, 429: 529 } };

describe.each(ANSWERS)('%s means what client(req) makes of it', (_what, answer) => {
  test('fetched by fetch, body as text, bytes and ArrayBuffer', async () => {
    sent = answer;
    const expected = await ours();
    const response = await fetch(`${world.base}/me`, { redirect: 'manual' });
    const { status, headers } = response;
    const bytes = await response.arrayBuffer();
    for (const body of [
      Buffer.from(bytes),
      bytes,
      new Uint8Array(bytes),
      new DataView(bytes),
      Buffer.from(bytes).toString(),
    ]) {
      expect(facts(connectErrorFrom({ status, headers, body }, OPTIONS))).toEqual(expected);
    }
  });

  test('fetched by axios, body parsed or not, headers of axios or plain, in any spelling', async () => {
    sent = answer;
    const expected = await ours();
    for (const transformResponse of [axios.defaults.transformResponse, (text: string) => text]) {
      const response = await axios.get<unknown>(`${world.base}/me`, {
        transformResponse: transformResponse as never,
        validateStatus: () => true,
        maxRedirects: 0,
      });
      const { status, data: body } = response;
      const plain = Object.fromEntries(Object.entries(response.headers));
      const shouted = Object.fromEntries(Object.entries(plain).map(([name, value]) => [name.toUpperCase(), value]));
      for (const headers of [response.headers, plain, shouted, new Map(Object.entries(plain))]) {
        expect(facts(connectErrorFrom({ status, headers, body }, OPTIONS))).toEqual(expected);
      }
    }
  });

  test('asked for as text', async () => {
    sent = answer;
    const expected = await ours({ responseType: 'text' });
    const response = await fetch(`${world.base}/me`, { redirect: 'manual' });
    const { status, headers } = response;
    const body = await response.text();
    expect(facts(connectErrorFrom({ status, headers, body }, { ...OPTIONS, responseType: 'text' }))).toEqual(expected);
  });
});

describe.each(['exchange', 'refresh'] as const)('at stage %s', (stage) => {
  test.each([
    ['a token', 200, '{"access_token":"at","type":"bearer"}'],
    ['no token', 200, '{"success":true}'],
    ['a token beside an error', 200, '{"access_token":"at","error":{"code":2039}}'],
    ['an OAuth word', 400, '{"error":"invalid_grant"}'],
    ['a page', 401, '<html>'],
    ['a limit', 429, ''],
  ])('%s means what the token endpoint makes of it', (_what, status, body) => {
    const nowMs = Date.now();
    const { error } = readAnswer({ status, body, retryAfter: '7' }, { stage, statusByApiCode: { 2039: 418 }, nowMs });
    const answer = { status, headers: { 'Retry-After': 7 } };
    const options = { stage, statusByApiCode: { 2039: 418 } };
    expect(facts(connectErrorFrom({ ...answer, body }, options))).toEqual(facts(error));
    if (!body.startsWith('{')) return;
    expect(facts(connectErrorFrom({ ...answer, body: JSON.parse(body) as unknown }, options))).toEqual(facts(error));
  });
});

test.each(EXPECTED)(
  'API code %i (%s) in a parsed body',
  (apiCode, _meaning, [, signIn], [, refresh], [status, code]) => {
    const answer = { status: 200, body: { error: { code: apiCode } } };
    expect(connectErrorFrom(answer)).toMatchObject({ status, code, stage: 'api', provider: { status: 200, apiCode } });
    expect(connectErrorFrom(answer, { stage: 'exchange' })).toMatchObject({ code: signIn, stage: 'exchange' });
    expect(connectErrorFrom(answer, { stage: 'refresh' })).toMatchObject({ code: refresh, stage: 'refresh' });
    expect(connectErrorFrom(answer, { statusByApiCode: { [apiCode]: 418 } })).toMatchObject({ status: 418, code });
  },
);

describe('what others have made of it does no harm:', () => {
  const ok = { success: true, data: { id: 1 } };
  const trap = (): never => {
    throw new Error(CANARY);
  };
  const traps = Object.fromEntries(
    ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf'].map((name) => [name, trap]),
  );

  test('errors on a prototype, own or polluted, are none', () => {
    const forged = Object.assign(Object.create({ error: { code: 2036 }, code: 500 }) as object, ok);
    const own = JSON.parse('{"success":true,"__proto__":{"error":{"code":2036}}}') as object;
    expect(connectErrorFrom({ status: 200, body: forged })).toBeUndefined();
    expect(connectErrorFrom({ status: 200, body: own })).toBeUndefined();
    const polluted = Object.prototype as unknown as Record<string, unknown>;
    Object.assign(polluted, {
      error: 'access_denied',
      code: 2036,
      value: 2036,
      body: { code: 2036 },
      statusByApiCode: { 503: 599 },
    });
    try {
      expect(connectErrorFrom({ status: 200, body: ok })).toBeUndefined();
      expect(connectErrorFrom({ status: 204 })).toBeUndefined();
      expect(connectErrorFrom({ status: 503 })?.status).toBe(503);
    } finally {
      for (const name of ['error', 'code', 'value', 'body', 'statusByApiCode']) Reflect.deleteProperty(polluted, name);
    }
  });

  test('no getter of a body runs, and no method of a list', () => {
    let runs = 0;
    const counting = { get: () => (runs += 1) && 2036, enumerable: true };
    const object = Object.defineProperties({ success: true }, { error: counting, code: counting, status: counting });
    const list = Object.assign([{ id: 1 }], {
      slice: counting.get,
      every: counting.get,
      [Symbol.iterator]: counting.get,
    });
    for (const body of [object, [object], list, { error: list }]) connectErrorFrom({ status: 200, body });
    expect(runs).toBe(0);
  });

  test.each([
    ['a proxy of an object', new Proxy({}, traps)],
    ['a proxy of a list', new Proxy([], traps)],
    ['a proxy further inside', { error: new Proxy({}, traps) }],
    ['a getter of its own', Object.defineProperty({}, Symbol.toStringTag, { get: trap })],
  ])('%s that throws leaves the status to count', (_what, body) => {
    expect(connectErrorFrom({ status: 503, body })).toMatchObject({ status: 503, code: 'ERR_CONNECT_UNAVAILABLE' });
    expect(connectErrorFrom({ status: 200, body })).toMatchObject({ status: 502, reason: 'not_json' });
    expect(connectErrorFrom({ status: 200, body }, { stage: 'exchange' })).toMatchObject({ reason: 'no_token' });
  });

  test.each([
    ['an answer with getters', Object.defineProperties({}, { status: { get: trap }, body: { get: trap } })],
    ['an answer that is a proxy', new Proxy({}, traps)],
    ['no answer', null],
    ['a text', '503'],
    ['a Response that was not taken apart', new Response('{}', { status: 200 })],
    ['a status as text', { status: '200', body: ok }],
    ['no status', { body: ok }],
    ['a status that is no number', { status: Number.NaN }],
    ['a status out of range', { status: 42 }],
  ])('%s is an error that says what to pass', (_what, answer) => {
    const error = connectErrorFrom(answer as never);
    expect(error).toMatchObject({ status: 502, code: 'ERR_CONNECT_RESPONSE', reason: 'http_status', provider: {} });
    expect(error?.message).toContain('status (an HTTP status as a number)');
  });

  test.each([
    ['a proxy', new Proxy({}, traps)],
    ['a get() that throws', { get: trap }],
    ['a getter that throws', Object.defineProperty({}, 'retry-after', { get: trap, enumerable: true })],
    ['a text', 'Retry-After: 7'],
    ['null', null],
  ])('headers that are %s hold nothing', (_what, headers) => {
    const error = connectErrorFrom({ status: 429, headers: headers as never });
    expect(error).toMatchObject({ status: 429, code: 'ERR_CONNECT_RATE_LIMITED' });
    expect(error?.retryAfterSeconds).toBeUndefined();
  });

  test.each([
    ['as a number', { 'Retry-After': 7 }],
    ['as a list', { 'retry-after': ['7', '8'] }],
    ['in the headers of axios', new AxiosHeaders({ 'Retry-After': '7' })],
    ['of fetch', new Headers({ 'retry-after': '7' })],
    ['of another realm', runInNewContext('({ "RETRY-AFTER": "7" })') as object],
  ])('Retry-After %s is read', (_how, headers) => {
    expect(connectErrorFrom({ status: 503, headers })?.retryAfterSeconds).toBe(7);
  });

  test.each([
    ['a promise', Promise.resolve(ok)],
    ['a stream of Node', Readable.from(['{}'])],
    ['a stream of the web', new Response('{}').body],
    ['a Response', new Response('{}')],
    ['a Blob', new Blob(['{}'])],
    ['a function', () => ok],
    ['a symbol', Symbol('ok')],
    ['a bigint', 5n],
  ])('%s is no body that was read: never a success', (_what, body) => {
    expect(connectErrorFrom({ status: 200, body })).toMatchObject({ status: 502, reason: 'not_json' });
    expect(connectErrorFrom({ status: 401, body })).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED' });
  });

  test('objects of another realm and without prototype are bodies', () => {
    const foreign: unknown = runInNewContext('({ error: { code: 2039 } })');
    const bare = Object.assign(Object.create(null) as object, { error: { code: 2039 } });
    for (const body of [foreign, bare]) expect(connectErrorFrom({ status: 200, body })?.status).toBe(409);
    expect(connectErrorFrom({ status: 200, body: runInNewContext('({ success: true })') })).toBeUndefined();
  });

  test('nothing of the answer gets into the error', () => {
    const body = { error: CANARY, message: CANARY, error_description: CANARY, data: { [CANARY]: CANARY } };
    for (const status of [400, 401, 403, 422, 429, 500]) {
      const headers = { 'Retry-After': CANARY, 'WWW-Authenticate': CANARY, 'X-Token': CANARY };
      const error = connectErrorFrom({ status, headers, body });
      expect(`${inspect(error, { showHidden: true, depth: 20 })}${JSON.stringify(error)}${error?.stack}`).not.toContain(
        CANARY,
      );
      expect(error?.cause).toBeUndefined();
    }
  });
});

test('a refused token is told with the place to connect again, and with what to try first', () => {
  const error = connectErrorFrom({ status: 401 }, { loginUrl: '/login' });
  expect(error).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED', loginUrl: '/login' });
  expect(error?.message).toContain('getToken(req, { refused })');
  expect(connectErrorFrom({ status: 403 }, { loginUrl: '/login' })?.loginUrl).toBeUndefined();
});
