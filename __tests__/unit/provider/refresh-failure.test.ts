import net from 'node:net';
import { ConnectError } from '../../../src/errors/connect-error';
import type { RefreshFailureKind } from '../../../src/errors/events';
import { refreshFailure, type RefreshFailure } from '../../../src/provider/token/refresh-failure';
import { tokenEndpoint, type TokenEndpoint } from '../../../src/provider/token/token-endpoint';
import type { Sandbox, SandboxFault, SandboxSwitches } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';
import { cleanup } from '../../support/cleanup';
import { exchange, signIn } from '../../support/sandbox-client';
import { configFor, http11, startServer } from '../../support/local-server';

let sandbox: Sandbox;
let refreshToken: string;
beforeAll(async () => {
  sandbox = await startSandbox();
  refreshToken = String((await exchange(sandbox, { code: (await signIn(sandbox)).code })).body.refresh_token);
});

const atSandbox = (changes: Parameters<typeof configFor>[1] = {}): TokenEndpoint => {
  const { clientId, clientSecret, tokenUrl } = sandbox.connectOptions;
  return tokenEndpoint(configFor(tokenUrl, { clientId, clientSecret, ...changes }));
};

/** What a refresh that must fail is classified as. */
async function failureOf(endpoint: TokenEndpoint, token = refreshToken): Promise<RefreshFailure> {
  const error = await endpoint.refresh(token).then(
    () => {
      throw new Error('The refresh succeeded.');
    },
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  return refreshFailure(error);
}

/** Of one answer as it stands on the wire. */
async function failureBy(status: string, body: string, ...headers: readonly string[]): Promise<RefreshFailure> {
  const local = await startServer((socket) => {
    socket.write(http11(body, status, ...headers));
  });
  return failureOf(tokenEndpoint(configFor(local.url)));
}

const BY_CODE: readonly (readonly [number, RefreshFailureKind])[] = [
  [400, 'refused'],
  [401, 'refused'],
  [403, 'refused'],
  [404, 'transient'],
  [405, 'transient'],
  [406, 'transient'],
  [410, 'transient'],
  [429, 'transient'],
  [500, 'transient'],
  [503, 'transient'],
  [2032, 'configuration'],
  [2034, 'refused'],
  [2036, 'configuration'],
  [2038, 'configuration'],
  [2039, 'refused'],
  [2040, 'refused'],
  [2041, 'refused'],
];
/** Shapes that hold the number, with any HTTP status below 500. */
const NUMBER_SHAPES = [
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
/** Shapes that hold nothing to recognise: the HTTP status alone tells. */
const BLIND_SHAPES = ['foreignNumber', 'text', 'empty', 'truncated', 'scalar'] as const;

describe.each(BY_CODE)('API code %i at a refresh', (apiCode, kind) => {
  test(`is ${kind} in every shape that holds its number, whatever the HTTP status`, async () => {
    for (const errorShape of NUMBER_SHAPES) {
      for (const errorStatus of ['matching', 200, 400] as const) {
        sandbox.set({ errorShape, errorStatus });
        sandbox.force(apiCode, { on: 'refresh' });
        expect({ errorShape, errorStatus, kind: (await failureOf(atSandbox())).kind }).toEqual({
          errorShape,
          errorStatus,
          kind,
        });
      }
    }
  });

  test('below HTTP 500 only a 20xx code and a 5xx number count', async () => {
    sandbox.set({ errorShape: 'flat', errorStatus: 500 });
    sandbox.force(apiCode, { on: 'refresh' });
    expect((await failureOf(atSandbox())).kind).toBe(apiCode < 500 ? 'transient' : kind);
  });

  if (apiCode > 2000) return;
  test.each(BLIND_SHAPES)('is told by its HTTP status where the body is %s', async (errorShape) => {
    sandbox.set({ errorShape });
    sandbox.force(apiCode, { on: 'refresh' });
    expect((await failureOf(atSandbox())).kind).toBe(kind);
  });
});

describe.each<[string, RefreshFailureKind]>([
  ['invalid_grant', 'terminal'],
  ['invalid_client', 'configuration'],
  ['unauthorized_client', 'configuration'],
  ['unsupported_grant_type', 'refused'],
  ['unsupported_response_type', 'refused'],
  ['invalid_scope', 'refused'],
  ['invalid_request', 'refused'],
  ['access_denied', 'refused'],
  ['server_error', 'transient'],
  ['temporarily_unavailable', 'transient'],
])('OAuth name %s at a refresh', (oauthError, kind) => {
  test.each([
    '200 OK',
    '400 Bad Request',
    '401 Unauthorized',
    '403 Forbidden',
    '500 Oops',
    '502 Bad Gateway',
    '503 Later',
  ])(`is ${kind} with HTTP %s`, async (status) => {
    expect((await failureBy(status, JSON.stringify({ error: oauthError }))).kind).toBe(kind);
    expect((await failureBy(status, `error=${oauthError}&error_description=text`)).kind).toBe(kind);
  });
});

describe('the sandbox refuses a refresh', () => {
  test.each<[string, Partial<SandboxSwitches>, Parameters<typeof configFor>[1], RefreshFailureKind]>([
    ['because the token is unknown', {}, {}, 'terminal'],
    ['because the token is unknown, as code 400 without a name', { errorShape: 'flat' }, {}, 'refused'],
    ['because the secret is wrong', {}, { clientSecret: 'wrong' }, 'configuration'],
    ['because the secret is wrong, as an empty 401', { errorShape: 'empty' }, { clientSecret: 'wrong' }, 'refused'],
    ['because the developer key is missing', { accessTokenKey: { required: 'key' } }, {}, 'configuration'],
    ['because the format is wrong', { requestFormat: 'form', errorShape: 'flat' }, {}, 'transient'],
  ])('%s', async (_why, switches, changes, kind) => {
    sandbox.set(switches);
    expect((await failureOf(atSandbox(changes), 'unknown')).kind).toBe(kind);
  });
});

describe('the answer is lost or unusable', () => {
  test.each<[string, SandboxFault, RefreshFailureKind]>([
    ['cut', { kind: 'reset' }, 'ambiguous'],
    ['silence', { kind: 'silence' }, 'ambiguous'],
    ['truncated', { kind: 'truncated' }, 'ambiguous'],
    ['without end', { kind: 'endless' }, 'ambiguous'],
    ['byte by byte', { kind: 'drip' }, 'ambiguous'],
    ['50 MB', { kind: 'large' }, 'ambiguous'],
    ['a bomb', { kind: 'gzipBomb' }, 'ambiguous'],
    ['broken gzip', { kind: 'corruptGzip' }, 'ambiguous'],
    ['later than the deadline', { kind: 'delayAfter', ms: 2000 }, 'ambiguous'],
    ['a maintenance page', { kind: 'html503' }, 'transient'],
    ['a redirect', { kind: 'redirect', status: 302, location: 'http://127.0.0.1:9/' }, 'transient'],
    [
      'a redirect that keeps the method',
      { kind: 'redirect', status: 307, location: 'http://127.0.0.1:9/' },
      'transient',
    ],
  ])('%s: %j is %s', async (_what, fault, kind) => {
    sandbox.fault(fault, { on: 'refresh', commit: true });
    // Short only where the deadline is what ends it.
    const changes = ['silence', 'drip', 'delayAfter'].includes(fault.kind) ? { timeoutMs: 300 } : {};
    expect((await failureOf(atSandbox(changes))).kind).toBe(kind);
  });

  const TOKEN = '{"access_token":"at","refresh_token":"rt","type":"bearer"}';
  test.each<[string, string, RefreshFailureKind]>([
    ['200 OK', '', 'ambiguous'],
    ['200 OK', '<h1>Welcome</h1>', 'ambiguous'],
    ['200 OK', '{}', 'ambiguous'],
    ['200 OK', '{"success":false}', 'ambiguous'],
    ['200 OK', '{"access_token":"at","error":"no_idea"}', 'ambiguous'],
    ['200 OK', '{"access_token":"at","type":"mac"}', 'ambiguous'],
    ['202 Accepted', TOKEN, 'ambiguous'],
    ['204 No Content', '', 'ambiguous'],
    ['206 Partial Content', TOKEN, 'ambiguous'],
    ['200 OK', '{"code":502}', 'ambiguous'],
    ['200 OK', '{"code":504}', 'ambiguous'],
    ['200 OK', '{"code":422}', 'transient'],
    ['502 Bad Gateway', '', 'ambiguous'],
    ['502 Bad Gateway', '<h1>Bad Gateway</h1>', 'ambiguous'],
    ['502 Bad Gateway', '{"code":400}', 'ambiguous'],
    ['504 Gateway Timeout', '', 'ambiguous'],
    ['504 Gateway Timeout', '{"code":403}', 'ambiguous'],
    ['502 Bad Gateway', '{"code":2036}', 'configuration'],
    ['500 Oops', '', 'transient'],
    ['501 No', '', 'transient'],
    ['520 Odd', '', 'transient'],
    ['599 Odd', '{"status":401}', 'transient'],
    ['400 Bad Request', '', 'refused'],
    ['400 Bad Request', '{"error":"no_idea"}', 'refused'],
    ['400 Bad Request', '{"error":"invalid_gran', 'refused'],
    ['401 Unauthorized', '', 'refused'],
    ['401 Unauthorized', '<h1>Log in</h1>', 'transient'],
    ['400 Bad Request', '\uFEFF\n<!doctype html><title>400</title>', 'transient'],
    ['401 Unauthorized', 'x'.repeat(70_000), 'transient'],
    ['404 Not Found', '<h1>Nothing here</h1>', 'transient'],
    ['429 Too Many Requests', '<h1>Slow down</h1>', 'transient'],
    ['503 Later', '<h1>Back soon</h1>', 'transient'],
    ['401 Unauthorized', 'Unauthenticated.', 'refused'],
    ['403 Forbidden', '{"message":"Forbidden"}', 'refused'],
    ['403 Forbidden', '"<p>in a string</p>"', 'refused'],
    ['200 OK', '{"code":401}', 'refused'],
    ['200 OK', '{"success":false,"error":{"code":"403"}}', 'refused'],
    ['404 Not Found', '{"code":400}', 'refused'],
    ['400 Bad Request', '{"code":404}', 'transient'],
    ['500 Oops', '{"code":401}', 'transient'],
    ['403 Forbidden', '<h1>Blocked</h1>', 'transient'],
    ['404 Not Found', '', 'transient'],
    ['409 Conflict', '', 'transient'],
    ['418 Teapot', '', 'transient'],
    ['451 Law', '', 'transient'],
    ['300 Choices', '', 'transient'],
    ['304 Not Modified', '', 'transient'],
    ['400 Bad Request', '{"error":"invalid_grant","code":2036}', 'configuration'],
    ['400 Bad Request', '{"error":"invalid_grant","code":401}', 'terminal'],
  ])('HTTP %s with body %p is %s', async (status, body, kind) => {
    expect((await failureBy(status, body)).kind).toBe(kind);
  });
});

test('nothing was sent where nobody listens, the name is unknown, or the certificate is bad', async () => {
  const closed = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => {
    closed.once('listening', done);
  });
  const { port } = closed.address() as net.AddressInfo;
  await new Promise((done) => {
    closed.close(done);
  });
  expect(await failureOf(tokenEndpoint(configFor(`http://127.0.0.1:${port}/token`)))).toEqual({ kind: 'not_sent' });
  expect(await failureOf(tokenEndpoint(configFor('http://nowhere.invalid/token')))).toEqual({ kind: 'not_sent' });
  const local = await startServer((socket) => {
    socket.write(http11());
  }, true);
  expect(await failureOf(tokenEndpoint(configFor(local.url)))).toEqual({ kind: 'not_sent' });
  expect(local.requests).toEqual([]);
});

test('a request that cannot be made was not sent: nobody has refused us', async () => {
  expect(await failureOf(tokenEndpoint(configFor('no URL')))).toEqual({ kind: 'not_sent' });
});

describe('the wait', () => {
  test.each<[string, string, string | undefined, number | undefined]>([
    ['429 Too Many', '', undefined, 30],
    ['429 Too Many', '', '7', 7],
    ['429 Too Many', '', '0', 1],
    ['429 Too Many', '', '500', 500],
    ['429 Too Many', '', '99999', 3600],
    ['429 Too Many', '', 'soon', 30],
    ['429 Too Many', '{"error":"temporarily_unavailable"}', undefined, 30],
    ['200 OK', '{"code":429}', undefined, 30],
    ['503 Later', '', undefined, undefined],
    ['503 Later', '', '90', 90],
    ['503 Later', '', '3600', 120],
    ['503 Later', '', '0', 1],
    ['500 Oops', '', '5', 5],
    ['400 Bad Request', '{"error":"temporarily_unavailable"}', '9', 9],
    ['400 Bad Request', '', '9', undefined],
    ['401 Unauthorized', '', '9', undefined],
    ['502 Bad Gateway', '', '9', undefined],
  ])('HTTP %s %p with Retry-After %p', async (status, body, retryAfter, seconds) => {
    const { retryAfterSeconds } = await failureBy(
      status,
      body,
      ...(retryAfter === undefined ? [] : [`Retry-After: ${retryAfter}`]),
    );
    expect(retryAfterSeconds).toBe(seconds);
  });
});

test('an error that says nothing of an answer leaves open whether the provider acted', () => {
  expect(refreshFailure(new ConnectError('ERR_CONNECT_UNAVAILABLE', { stage: 'refresh' }))).toEqual({
    kind: 'ambiguous',
  });
});

test('a polluted Object.prototype ends no connection', () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>;
  cleanup(() => ['oauthError', 'reason', 'provider'].forEach((name) => Reflect.deleteProperty(polluted, name)));
  const refused = new ConnectError('ERR_CONNECT_EXPIRED', { provider: { status: 401, apiCode: 401 } });
  const elsewhere = new ConnectError('ERR_CONNECT_RESPONSE', { provider: { status: 200 } });
  const unsent = new ConnectError('ERR_CONNECT_CONFIG');
  Object.assign(polluted, { oauthError: 'invalid_grant', reason: 'no_token', provider: { status: 401 } });
  expect([refused, elsewhere, unsent].map((error) => refreshFailure(error).kind)).toEqual([
    'refused',
    'transient',
    'not_sent',
  ]);
});

test('an error that no refresh makes is an outage: it ends no connection, and sends nobody to sign in', () => {
  for (const code of ['ERR_CONNECT_STORE', 'ERR_CONNECT_GRANT', 'ERR_CONNECT_DENIED', 'ERR_CONNECT_LEDGER'] as const) {
    expect(refreshFailure(new ConnectError(code))).toEqual({ kind: 'transient' });
  }
});

test('an answer that cannot be used, of which no status is known, may have been carried out', () => {
  const error = new ConnectError('ERR_CONNECT_RESPONSE', { stage: 'refresh', reason: 'not_json' });
  expect(refreshFailure(error)).toEqual({ kind: 'ambiguous' });
});
