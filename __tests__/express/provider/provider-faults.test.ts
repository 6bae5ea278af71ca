import http from 'node:http';
import type { Sandbox, SandboxFault } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type TestApp } from '../../support/app';
import { givenDeadline } from '../../support/deadline';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';
import { clearSessions, tokensIn } from '../../support/stored';

const deadline = givenDeadline();
let sandbox: Sandbox;
let app: TestApp;
let elsewhereUrl: string;
let seenElsewhere = 0;
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox, { options: { timeoutMs: deadline.ms } });
  const elsewhere = http.createServer((_req, res) => {
    seenElsewhere += 1;
    res.setHeader('Content-Type', 'application/json');
    res.end('{"access_token":"stolen","type":"bearer"}');
  });
  elsewhereUrl = (await serve(elsewhere)).url;
});
beforeEach(async () => {
  await clearSessions(app);
  seenElsewhere = 0;
});

const codeOf = (body: string): unknown => (JSON.parse(body) as Record<string, unknown>)['code'];

interface Outcome {
  readonly status: number;
  readonly code: string;
}

const REDIRECTS = [301, 302, 303, 307, 308] as const;
const RESPONSE: Outcome = { status: 502, code: 'ERR_CONNECT_RESPONSE' };
const UNAVAILABLE: Outcome = { status: 502, code: 'ERR_CONNECT_UNAVAILABLE' };
const TIMEOUT: Outcome = { status: 504, code: 'ERR_CONNECT_TIMEOUT' };
const MAINTENANCE: Outcome = { status: 503, code: 'ERR_CONNECT_UNAVAILABLE' };

const ROWS: readonly [string, () => SandboxFault, Outcome][] = [
  ...REDIRECTS.map((status): [string, () => SandboxFault, Outcome] => [
    `a ${status} to another server is not followed`,
    () => ({ kind: 'redirect', status, location: `${elsewhereUrl}/token` }),
    RESPONSE,
  ]),
  ['a gzip bomb is not unpacked', () => ({ kind: 'gzipBomb' }), RESPONSE],
  ['corrupt gzip is no answer', () => ({ kind: 'corruptGzip' }), RESPONSE],
  ['50 MB of JSON are not read', () => ({ kind: 'large' }), RESPONSE],
  ['a body without end is cut', () => ({ kind: 'endless' }), RESPONSE],
  ['half a JSON is no token', () => ({ kind: 'truncated' }), RESPONSE],
  ['a body that drips meets the deadline', () => ({ kind: 'drip' }), TIMEOUT],
  ['silence meets the deadline', () => ({ kind: 'silence' }), TIMEOUT],
  ['an answer held back meets the deadline', () => ({ kind: 'hold', when: 'before' }), TIMEOUT],
  ['a maintenance page is no answer', () => ({ kind: 'html503' }), MAINTENANCE],
];

test.each(ROWS)('%s', async (_sentence, fault, { status, code }) => {
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor);
  sandbox.fault(fault());
  const visit = visitor.visit(callback, {});
  if (code === TIMEOUT.code) await deadline.passDuring(() => sandbox.calls.token === 1);
  const answer = await visit;
  expect([answer.status, codeOf(answer.body)]).toEqual([status, code]);
  expect({ tokenCalls: sandbox.calls.token, seenElsewhere, storedTokens: await tokensIn(app) }).toEqual({
    tokenCalls: 1,
    seenElsewhere: 0,
    storedTokens: 0,
  });
  // The visitor can start again at once, and an answer that comes late changes nothing.
  sandbox.release();
  expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  expect(await tokensIn(app)).toBe(1);
});

describe('a cut connection', () => {
  const onFreshSocket = async (commit: boolean): Promise<void> => {
    const own = await startApp(sandbox, { options: { timeoutMs: deadline.ms } });

    const visitor = browser();
    const callback = await beginSignIn(own, sandbox, visitor);
    sandbox.fault({ kind: 'reset' }, { commit });
    const answer = await visitor.visit(callback, {});
    expect([answer.status, codeOf(answer.body)]).toEqual([UNAVAILABLE.status, UNAVAILABLE.code]);
    const replay = await visitor.visit(callback, {});
    expect({ status: replay.status, tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(own) }).toEqual({
      status: 403,
      tokenCalls: 1,
      storedTokens: 0,
    });
  };
  test('on a fresh socket it is not tried again', () => onFreshSocket(false));
  test('on a fresh socket it is not tried again either when the code was spent', () => onFreshSocket(true));

  test('on a reused socket it is not tried again either: a code is sent once', async () => {
    await signIn(app, sandbox, browser());
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const before = sandbox.calls.token;
    sandbox.fault({ kind: 'reset' });
    const answer = await visitor.visit(callback, {});
    expect([answer.status, codeOf(answer.body)]).toEqual([UNAVAILABLE.status, UNAVAILABLE.code]);
    expect(sandbox.calls.token).toBe(before + 1);
  });
});

test('a maintenance page passes its Retry-After on', async () => {
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor);
  sandbox.fault({ kind: 'html503', retryAfter: '17' });
  const answer = await visitor.visit(callback, {});
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '17']);
});

test('a provider that is not there is a 502 that is worth another try', async () => {
  const own = await startApp(sandbox, { options: { timeoutMs: deadline.ms, tokenUrl: 'http://127.0.0.1:1/token' } });

  const answer = await signIn(own, sandbox, browser());
  expect({ status: answer.status, storedTokens: await tokensIn(own), tokenCalls: sandbox.calls.token }).toEqual({
    status: 502,
    storedTokens: 0,
    tokenCalls: 0,
  });
});
