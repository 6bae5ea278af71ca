import { once } from 'node:events';
import { connect } from 'node:net';
import type { Sandbox, SandboxEndpoint, SandboxFault, SandboxSwitches } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { api, authorizationUrl, call, exchange, refresh, signIn } from '../../support/sandbox-client';

let sandbox: Sandbox;
beforeEach(async () => (sandbox = await startSandbox({ switches: { errorShape: 'flat' } })));

test.each([
  [{ state: 'drop' }, 'startSandbox() has no option "state". It is a switch: switches: { state }.'],
  [{ prot: 1 }, 'startSandbox() has no option "prot". Did you mean port?'],
  [{ nonsense: 1 }, 'startSandbox() has no option "nonsense".'],
])('%j is refused', async (options, message) => {
  await expect(startSandbox(options as never)).rejects.toThrow(new TypeError(message));
});

test('every kind of call is counted', async () => {
  const { calls } = sandbox;
  const { code } = await signIn(sandbox);
  await sandbox.decline(authorizationUrl(sandbox));
  const { body } = await exchange(sandbox, { code });
  await refresh(sandbox, String(body.refresh_token));
  await refresh(sandbox, String(body.refresh_token));
  await api(sandbox, '/me', String(body.access_token));
  expect(calls).toEqual({ authorize: 2, consent: 2, token: 3, exchange: 1, refresh: 2, api: 1 });
  expect(sandbox.presentations(code)).toBe(1);
  expect(sandbox.presentations(String(body.refresh_token))).toBe(2);
  expect(sandbox.presentations('never seen')).toBe(0);
});

test('reset() brings back the switches of the start, plans nothing, counts from 0 and keeps the grants', async () => {
  const { code } = await signIn(sandbox);
  await exchange(sandbox, { code: 'x' });
  sandbox.set({ errorShape: 'html', envelope: 'data' });
  sandbox.force(503);
  sandbox.fault({ kind: 'reset' });
  sandbox.reset();
  expect(sandbox.calls).toEqual({ authorize: 0, consent: 0, token: 0, exchange: 0, refresh: 0, api: 0 });
  expect(sandbox.presentations('x')).toBe(0);
  expect((await exchange(sandbox, { code: 'x' })).body).toEqual({ code: 400 });
  expect((await exchange(sandbox, { code })).body.type).toBe('bearer');
});

test('reset() lets held calls go', async () => {
  sandbox.fault({ kind: 'hold', when: 'before' });
  const held = exchange(sandbox, { code: 'x' });
  await sandbox.waiting();
  sandbox.reset();
  expect((await held).status).toBe(400);
});

test('set() changes what it names, from the next call on', async () => {
  sandbox.set({ errorStatus: 500 });
  sandbox.set({ errorShape: 'failedCode' });
  const { status, body } = await exchange(sandbox, { code: 'x' });
  expect([status, body]).toEqual([500, { success: false, data: { code: 400 } }]);
});

const KEY_EXPECTED = 'accessTokenKey" takes "ignored" or { required: key }, the key in printable ASCII.';
test.each([
  ['an unknown switch', { colour: 'red' }, 'The sandbox has no switch "colour".'],
  ['a misspelt switch', { requestformat: 'json' }, '"requestformat". Did you mean requestFormat?'],
  ['a name from the prototype', { constructor: 1 }, 'The sandbox has no switch "constructor".'],
  ['an unknown value', { state: 'forget' }, 'switch "state" takes one of: "echo", "drop", "alter".'],
  ['a misspelt value', { refresh: 'rotated' }, '"new", "same", "omitted", "rotate". Did you mean "rotate"?'],
  ['a number as text', { errorStatus: '200' }, 'one of: "matching", 200, 400, 500. Did you mean 200?'],
  ['a negative time', { graceMs: -1 }, 'The sandbox\'s switch "graceMs" takes a number from 0 on.'],
  ['no number', { lifetimeSeconds: NaN }, 'switch "lifetimeSeconds" takes a number from 1 on.'],
  ['no time at all', { lifetimeSeconds: 0 }, 'switch "lifetimeSeconds" takes a number from 1 on.'],
  ['text for a number', { lifetimeSeconds: '60' }, 'switch "lifetimeSeconds" takes a number from 1 on.'],
  ['an empty key', { accessTokenKey: { required: '' } }, KEY_EXPECTED],
  ['a key with a space around it', { accessTokenKey: { required: 'key ' } }, KEY_EXPECTED],
  ['a key that no header holds', { accessTokenKey: { required: 'schlüssel' } }, KEY_EXPECTED],
  ['a key that is no text', { accessTokenKey: { required: 1 } }, KEY_EXPECTED],
  ['a bare key', { accessTokenKey: 'key' }, KEY_EXPECTED],
  ['no rule', { accessTokenKey: {} }, KEY_EXPECTED],
  ['null', { accessTokenKey: null }, KEY_EXPECTED],
])('set() and startSandbox() refuse %s', async (_, switches, message) => {
  expect(() => sandbox.set(switches as Partial<SandboxSwitches>)).toThrow(TypeError);
  expect(() => sandbox.set(switches as Partial<SandboxSwitches>)).toThrow(message);
  await expect(startSandbox({ switches: switches as Partial<SandboxSwitches> })).rejects.toThrow(message);
});

test.each([
  { graceMs: 0 },
  { lifetimeSeconds: 1 },
  { lifetimeSeconds: 1.5 },
  { accessTokenKey: { required: 'a' } },
  { accessTokenKey: { required: 'dev key' } },
  { deadGrantAs: 403 },
] as const)('set() takes %j', (switches) => {
  expect(() => sandbox.set(switches)).not.toThrow();
});

test('a plan for a misspelt endpoint, and a misspelt fault, are refused with what was meant', () => {
  const on = 'refesh' as SandboxEndpoint;
  const message = 'The sandbox has no endpoint of this name. Did you mean refresh?';
  expect(() => sandbox.force(503, { on })).toThrow(new TypeError(message));
  expect(() => sandbox.fault({ kind: 'reset' }, { on })).toThrow(new TypeError(message));
  const fault = { kind: 'restet' } as unknown as SandboxFault;
  expect(() => sandbox.fault(fault)).toThrow(new TypeError('The sandbox has no such fault. Did you mean reset?'));
});

test('a port that is taken is an error', async () => {
  await expect(startSandbox({ port: Number(new URL(sandbox.url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('a given port, id and secret are used', async () => {
  const port = Number(new URL(sandbox.url).port);
  await sandbox.close();
  const again = await startSandbox({ port, clientId: 'my-id', clientSecret: 'my-secret' });
  expect(again.url).toBe(sandbox.url);
  expect(again.connectOptions).toMatchObject({ clientId: 'my-id', clientSecret: 'my-secret' });
});

test('close() ends idle connections too, and may be called again', async () => {
  const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await call(sandbox.url);
  const closed = once(socket, 'close');
  await Promise.all([sandbox.close(), closed]);
  await sandbox.close();
  await expect(call(sandbox.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await expect(sandbox.allow(authorizationUrl(sandbox))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a request target that is no path, or a client that breaks off, ends its own connection only', async () => {
  for (const text of [
    'GET * HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /v1/oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{',
  ]) {
    const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1');
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.end(text);
    await closed;
  }
  expect((await signIn(sandbox)).code).toHaveLength(32);
});

test('every answer is dated by the given clock, also one that a fault replaces', async () => {
  const ahead = await startSandbox({ now: () => Date.UTC(2030, 0, 1) });
  ahead.fault({ kind: 'html503' });
  const dates = [(await exchange(ahead, { code: 'x' })).headers.date, (await call(ahead.url)).headers.date];
  expect(dates).toEqual(['Tue, 01 Jan 2030 00:00:00 GMT', 'Tue, 01 Jan 2030 00:00:00 GMT']);
});

test('works() tells which access tokens the API takes now, and is no call', async () => {
  const { access_token: accessToken } = (await exchange(sandbox, { code: (await signIn(sandbox)).code })).body as {
    access_token: string;
  };
  expect({ own: sandbox.works(accessToken), another: sandbox.works('another') }).toEqual({
    own: true,
    another: false,
  });
  sandbox.expireAccessTokens();
  expect(sandbox.works(accessToken)).toBe(false);
  expect(sandbox.calls.api).toBe(0);
});

test('a plan for Infinity calls lasts until reset()', async () => {
  sandbox.fault({ kind: 'html503' }, { times: Infinity });
  for (let n = 0; n < 20; n += 1) expect((await exchange(sandbox, { code: 'x' })).status).toBe(503);
  sandbox.reset();
  expect((await exchange(sandbox, { code: 'x' })).status).toBe(400);
  for (const times of [0, -1, 1.5, NaN, -Infinity])
    expect(() => {
      sandbox.force(500, { times });
    }).toThrow(RangeError);
});

describe('what a refresh can meet under "rotate"', () => {
  async function connected(): Promise<string> {
    sandbox.set({ refresh: 'rotate' });
    return String((await exchange(sandbox, { code: (await signIn(sandbox)).code })).body.refresh_token);
  }

  test('an answer lost after the commit: the token is used up, and both presentations are counted', async () => {
    const token = await connected();
    sandbox.fault({ kind: 'reset' }, { on: 'refresh', commit: true });
    await expect(refresh(sandbox, token)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await refresh(sandbox, token)).status).toBe(400);
    expect(sandbox.presentations(token)).toBe(2);
  });

  test('an answer lost without commit leaves the token good', async () => {
    const token = await connected();
    sandbox.fault({ kind: 'reset' }, { on: 'refresh' });
    await expect(refresh(sandbox, token)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect((await refresh(sandbox, token)).status).toBe(200);
  });

  test.each([
    ['before', 'the client that comes first by release has the token', 200],
    ['after', 'the held one has it already', 400],
  ] as const)('a hold %s the commit: %s', async (when, _outcome, otherStatus) => {
    const token = await connected();
    sandbox.fault({ kind: 'hold', when }, { on: 'refresh' });
    const held = refresh(sandbox, token);
    await sandbox.waiting();
    expect(sandbox.presentations(token)).toBe(1);
    expect((await refresh(sandbox, token)).status).toBe(otherStatus);
    sandbox.release();
    expect((await held).status).toBe(otherStatus === 200 ? 400 : 200);
    expect(sandbox.presentations(token)).toBe(2);
  });
});

test.each([undefined, null, 5, {}, Symbol('reset')])(
  'what is not a word (%p) is refused in plain words',
  (value: unknown) => {
    expect(() => {
      sandbox.fault({ kind: value } as SandboxFault);
    }).toThrow(/^The sandbox has no such fault\.$/);
    expect(() => {
      sandbox.fault(value as SandboxFault);
    }).toThrow(/^The sandbox has no such fault\.$/);
  },
);

test.each([null, 5, {}, Symbol('reset')])('an endpoint that is not a word (%p) too', (value: unknown) => {
  expect(() => {
    sandbox.fault({ kind: 'reset' }, { on: value as SandboxEndpoint });
  }).toThrow(/^The sandbox has no endpoint of this name\.$/);
});
