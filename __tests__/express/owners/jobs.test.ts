import { ConnectError, isConnectError, type ConnectAccount } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { cleanup } from '../../support/cleanup';
import { givenRotation, tokenIn, verdict, type Time } from '../../support/refreshing';
import { sharedStores, userApp, type Shared, type UserApp } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
let web: UserApp;
let worker: UserApp;
givenRotation((...given) => {
  [sandbox, time] = given;
});
beforeEach(async () => {
  shared = sharedStores();
  [web, worker] = [await userApp(sandbox, shared), await userApp(sandbox, shared, { options: { owner: undefined } })];
});

/** What a call rejects with. */
async function refusal(call: Promise<unknown>): Promise<readonly [string, string | undefined]> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isConnectError(error)) throw new Error('it did not reject with a ConnectError');
  return [error.code, error.reason];
}

const NEVER = ['ERR_CONNECT_REQUIRED', undefined];

describe('an account', () => {
  test('is not connected until its user is, and then says since when', async () => {
    const account = worker.connect.of('ada');
    expect(Object.isFrozen(account)).toBe(true);
    await expect(account.status()).resolves.toEqual({ connected: false });
    expect(await refusal(account.getToken())).toEqual(NEVER);
    expect(await refusal(account.client().get('/me'))).toEqual(NEVER);
    await expect(account.disconnect()).resolves.toBeUndefined();
    time.stop();
    await (await web.device('ada')).connect();
    await expect(account.status()).resolves.toEqual({
      connected: true,
      since: new Date(time.now()),
      expiresAt: expect.any(Date) as Date,
    });
  });

  test('acts for its user without a request, with one look into the store and nothing else', async () => {
    await (await web.device('7')).connect();
    shared.calls.load = shared.calls.save = 0;
    const { getToken, client } = worker.connect.of(7);
    const token = await getToken();
    expect(shared.calls).toEqual({ load: 1, save: 0, remove: 0 });
    expect(sandbox.calls.refresh).toBe(0);
    await expect(client().get('/me')).resolves.toMatchObject({ status: 200 });
    expect(token.connection).toMatch(/^[\w-]{22}\.0\.o[\w-]{22}$/u);
  });

  test('gives its token to an app that has put a Promise of its own in place', async () => {
    await (await web.device('ada')).connect();
    const native = globalThis.Promise;
    globalThis.Promise = class Other<T> extends native<T> {};
    cleanup(() => {
      globalThis.Promise = native;
    });
    await expect(worker.connect.of('ada').getToken()).resolves.toMatchObject({ type: 'bearer' });
    await expect(worker.connect.of('eve').getToken()).rejects.toMatchObject({ code: NEVER[0] });
  });

  test('refreshes a token that the API refuses, once, and records the new one', async () => {
    await (await web.device('ada')).connect();
    const { access_token } = await worker.connect.of('ada').getToken();
    time.pass(10_000);
    sandbox.force(401, { on: 'api' });
    await expect(worker.connect.of('ada').client().get('/me')).resolves.toMatchObject({ status: 200 });
    expect(sandbox.calls.refresh).toBe(1);
    expect((await web.connect.of('ada').getToken()).access_token).not.toBe(access_token);
  });

  test('a refresh of a job costs four operations: load, acquire, settle, save', async () => {
    await (await web.device('ada')).connect();
    time.pass(3_600_000);
    shared.calls.load = shared.calls.save = 0;
    await worker.connect.of('ada').getToken();
    expect(shared.calls).toEqual({ load: 1, save: 1, remove: 0 });
  });

  test('disconnects everywhere', async () => {
    const phone = await web.device('ada');
    await phone.connect();
    time.stop();
    await worker.connect.of('ada').disconnect();
    time.pass(60_000);
    expect(verdict(await phone.guarded())).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
    expect(await refusal(worker.connect.of('ada').getToken())).toEqual(['ERR_CONNECT_REQUIRED', 'disconnected']);
    await expect(worker.connect.of('ada').status()).resolves.toEqual({
      connected: false,
      reason: 'disconnected',
      since: new Date(time.now() - 60_000),
    });
    expect(worker.told('ended', 'disconnected')).toMatchObject([
      { type: 'ended', owner: 'ada', reason: 'disconnected' },
      { type: 'disconnected', owner: 'ada' },
    ]);
  });
});

test('25 requests and 25 jobs on one expired connection present the refresh token once', async () => {
  const phone = await web.device('ada');
  await phone.connect();
  const { refresh_token } = tokenIn(await phone.fresh());
  time.pass(3_600_000);
  const requests = Array.from({ length: 25 }, async () => tokenIn(await phone.fresh()).access_token);
  const jobs = Array.from({ length: 25 }, async () => (await worker.connect.of('ada').getToken()).access_token);
  const tokens = await Promise.all([...requests, ...jobs]);
  expect(new Set(tokens).size).toBe(1);
  expect(sandbox.presentations(refresh_token)).toBe(1);
  expect((await phone.me()).status).toBe(200);
});

test("a disconnect in the browser during a job's refresh: the job gets EXPIRED, and nothing comes back", async () => {
  const phone = await web.device('ada');
  await phone.connect();
  time.pass(3_600_000);
  sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
  const job = refusal(worker.connect.of('ada').getToken());
  await sandbox.waiting();
  expect((await phone.disconnect()).status).toBe(204);
  sandbox.release();
  expect(await job).toEqual(['ERR_CONNECT_EXPIRED', 'revoked']);
  await expect(worker.connect.of('ada').status()).resolves.toMatchObject({ connected: false, reason: 'disconnected' });
  expect(await refusal(worker.connect.of('ada').getToken())).toEqual(['ERR_CONNECT_REQUIRED', 'disconnected']);
});

test('a connection that the provider has ended is recorded as that, and the app hears it once, with its user', async () => {
  const phone = await web.device('ada');
  await phone.connect();
  sandbox.revoke(tokenIn(await phone.fresh()).access_token);
  time.pass(3_600_000);
  expect(await refusal(worker.connect.of('ada').getToken())).toEqual(['ERR_CONNECT_EXPIRED', 'invalid_grant']);
  await expect(worker.connect.of('ada').status()).resolves.toMatchObject({ connected: false, reason: 'invalid_grant' });
  expect(verdict(await phone.guarded())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect([...web.told('ended'), ...worker.told('ended')]).toMatchObject([{ owner: 'ada', reason: 'invalid_grant' }]);
  // And they can connect again.
  expect((await phone.connect()).status).toBe(302);
  await expect(worker.connect.of('ada').status()).resolves.toMatchObject({ connected: true });
});

describe('a token set that the app already has', () => {
  let mine: { access_token: string; refresh_token?: string; expires_at?: number };
  beforeEach(async () => {
    const visitor = await web.device('somebody else');
    await visitor.connect();
    const { access_token, refresh_token, expires_at } = tokenIn(await visitor.fresh());
    mine = { access_token, refresh_token, expires_at };
  });

  test('is taken over, and refreshed from then on', async () => {
    const account = worker.connect.of('ada');
    await expect(account.import(mine)).resolves.toBe(true);
    expect(worker.told('connected')).toMatchObject([{ owner: 'ada' }]);
    expect((await account.getToken()).access_token).toBe(mine.access_token);
    time.pass(3_600_000);
    expect((await account.getToken()).access_token).not.toBe(mine.access_token);
    expect((await (await web.device('ada')).guarded()).status).toBe(200);
  });

  test('without a refresh token ends when it runs out', async () => {
    const account = worker.connect.of('ada');
    const expires_at = Math.floor(time.now() / 1000) + 60;
    await account.import({ access_token: 'a', expires_at });
    await expect(account.getToken()).resolves.toMatchObject({ access_token: 'a', expires_at });
    time.pass(60_000);
    expect(await refusal(account.getToken())).toEqual(['ERR_CONNECT_EXPIRED', undefined]);
    expect(sandbox.calls.refresh).toBe(0);
  });

  test('never takes the place of a connection, nor comes back after a disconnect', async () => {
    const account = worker.connect.of('ada');
    await account.import({ ...mine, type: 'Bearer' });
    time.pass(3_600_000);
    const { access_token } = await account.getToken();
    await expect(account.import(mine)).resolves.toBe(false);
    expect((await account.getToken()).access_token).toBe(access_token);
    await account.disconnect();
    await expect(account.import(mine)).resolves.toBe(false);
    await expect(account.status()).resolves.toMatchObject({ connected: false, reason: 'disconnected' });
  });

  test('may come from a session of nobody, which goes on with it', async () => {
    const shop = await web.device();
    await shop.connect();
    const account = worker.connect.of('ada');
    await expect(account.import(tokenIn(await shop.fresh()))).resolves.toBe(true);
    time.pass(3_600_000);
    const { access_token } = await account.getToken();
    expect(tokenIn(await shop.fresh()).access_token).toBe(access_token);
    expect((await shop.guarded()).status).toBe(200);
    expect(sandbox.calls.refresh).toBe(1);
  });

  const UNUSABLE: readonly (readonly [string, unknown])[] = [
    ['nothing', undefined],
    ['text', 'a token'],
    ['names of its own', { accessToken: 'a' }],
    ['no access token', { refresh_token: 'a' }],
    ['another type', { access_token: 'a', type: 'mac' }],
    ['a date', { access_token: 'a', expires_at: new Date() }],
    ['milliseconds', { access_token: 'a', expires_at: Date.UTC(2026, 1) }],
  ];
  test.each(UNUSABLE)('%s is refused with what it takes instead', async (_what, value) => {
    const account = worker.connect.of('ada') as Omit<ConnectAccount, 'import'> & { import(value: unknown): unknown };
    await expect(account.import(value)).rejects.toThrow(/expires_at as a number of seconds since 1970/u);
    await expect(account.status()).resolves.toEqual({ connected: false });
  });
});

describe('of()', () => {
  test('needs option owner or connections', async () => {
    const plain = await userApp(sandbox, shared, { options: { owner: undefined, connections: undefined } });
    expect(() => plain.connect.of('ada')).toThrow(/needs option owner or connections/u);
  });

  const UNPLAIN = 'a string that is too long, not plain text, or __proto__';
  test.each<[unknown, string]>([
    [undefined, 'a value of type undefined'],
    [null, 'null'],
    [{}, 'a value of type object'],
    [Promise.resolve('a'), 'a promise: it must be synchronous'],
    ...[1.5, NaN].map((value): [unknown, string] => [value, 'a number, but not a safe integer']),
    ['', 'an empty string'],
    ...['x'.repeat(257), 'a\nb', '\ud800', '__proto__'].map((value): [unknown, string] => [value, UNPLAIN]),
  ])('refuses %p as a user: it is %s', (value, words) => {
    const refused = (): unknown => worker.connect.of(value as string);
    expect(refused).toThrow(ConnectError);
    expect(refused).toThrow(`connect.of() is ${words}`);
    expect(refused).toThrow('Expected a string of 1–256 characters');
  });

  test.each(['x'.repeat(256), ' ', 'ada@example.com', '日本 🎉', 'constructor', '{user}:1', "'; --", -1, 2 ** 53 - 1])(
    'takes %p',
    async (user) => {
      await expect(worker.connect.of(user).import({ access_token: 'a' })).resolves.toBe(true);
      await expect(web.connect.of(user).getToken()).resolves.toMatchObject({ access_token: 'a' });
    },
  );
});
