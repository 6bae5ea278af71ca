import type { Request } from 'express';
import type { ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { tokenIn, type Time } from '../../support/refreshing';
import {
  givenUsers,
  said,
  script,
  sharedStores,
  startOn as start,
  userApp,
  userOf,
  type Device,
  type Shared,
  type UserApp,
} from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const startOn = (app: UserApp, device: Device): Promise<string> => start(sandbox, app, device);

/** That no token was got, or none is left: not in the session, not in the record, not in use. */
async function expectNothingKept(app: UserApp, user: string): Promise<void> {
  await expect(app.connect.of(user).status()).resolves.toEqual({ connected: false });
  const sessions = Object.values(await app.app.sessions());
  expect(sessions.map(({ connectToken }) => connectToken)).toEqual(sessions.map(() => undefined));
}

describe.each([
  ['somebody else logs in', 'ada', (device: Device) => device.logIn('eve')],
  ['the user logs out', 'ada', (device: Device) => device.logOut()],
  ['somebody logs in', undefined, (device: Device) => device.logIn('ada')],
] as const)('when %s between the start of a sign-in and its callback', (_what, first, change) => {
  test('nothing is exchanged or stored, and the sign-in may still be finished by whom it was for', async () => {
    const web = await userApp(sandbox, shared);
    const device = await web.device(first);
    const callback = await startOn(web, device);
    await change(device);
    const answer = await device.browser.visit(callback, script);
    expect(said(answer)).toEqual([403, 'ERR_CONNECT_STATE', 'owner']);
    expect(sandbox.calls.exchange).toBe(0);
    await expectNothingKept(web, 'ada');
    if (first === undefined) await device.logOut();
    else await device.logIn(first);
    expect((await device.browser.visit(callback, script)).status).toBe(302);
  });
});

test('the message names the login cookie that browsers leave out', async () => {
  const messages: string[] = [];
  const web = await userApp(sandbox, shared, {
    options: {
      renderError: (error, _req, res) => {
        messages.push(error.message);
        res.status(error.status).end();
      },
    },
  });
  const device = await web.device('ada');
  const callback = await startOn(web, device);
  await device.logOut();
  expect((await device.browser.visit(callback, script)).status).toBe(403);
  expect(messages).toEqual([expect.stringMatching(/login cookie has sameSite: 'strict'.*'lax'/u)]);
});

const FAULTY: readonly (readonly [string, (req: Request) => unknown])[] = [
  [
    'throws',
    () => {
      throw new Error('CANARY-secret');
    },
  ],
  ['returns an object', () => ({ id: 'CANARY-secret' })],
  ['returns 300 characters', () => 'x'.repeat(300)],
  ['returns __proto__', () => '__proto__'],
  ['returns null', () => null],
  ['returns an empty string', () => ''],
  ['returns a fraction', () => 0.5],
  ['returns a promise', () => Promise.resolve('ada')],
  ['returns a bigint', () => 1n],
  ['returns control characters', () => 'a\u0000b'],
];

describe.each(FAULTY)('an owner function that %s', (_what, faulty) => {
  test('is a clear 500 at every route that needs it; nothing is exchanged or stored', async () => {
    let isFaulty = false;
    const owner = ((req: Request) => (isFaulty ? faulty(req) : userOf(req))) as NonNullable<
      ConnectAuthOptions['owner']
    >;
    const web = await userApp(sandbox, shared, { options: { owner } });
    const device = await web.device('ada');
    const callback = await startOn(web, device);
    isFaulty = true;
    const start = `${web.app.url}/connect/authorize`;
    const answers = [
      await device.browser.visit(start, script),
      await device.browser.visit(callback, script),
      await device.guarded(),
      await device.fresh(),
      await device.disconnect(),
    ];
    for (const { status, body } of answers) {
      expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([500, 'ERR_CONNECT_OPTIONS']);
      expect(body).not.toContain('CANARY');
    }
    expect(sandbox.calls.exchange).toBe(0);
    expect(shared.calls).toMatchObject({ save: 0 });
    isFaulty = false;
    expect((await device.browser.visit(callback, script)).status).toBe(302);
  });

  test('hides a token from plain readers', async () => {
    let isFaulty = false;
    const owner = ((req: Request) => (isFaulty ? faulty(req) : userOf(req))) as NonNullable<
      ConnectAuthOptions['owner']
    >;
    const web = await userApp(sandbox, shared, { options: { owner } });
    const device = await web.device('ada');
    await device.connect();
    isFaulty = true;
    const { status, body } = await device.plain();
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([500, 'ERR_CONNECT_OPTIONS']);
  });
});

describe('onConnect', () => {
  const logsIn = (user: string | undefined): UserOptions => ({
    onConnect: (req) => {
      (req.session as { userId?: string | undefined }).userId = user;
    },
  });
  type UserOptions = Pick<ConnectAuthOptions, 'onConnect'>;

  test('may create the user: the connection is theirs', async () => {
    const web = await userApp(sandbox, shared, { options: logsIn('new') });
    const device = await web.device();
    expect((await device.connect()).status).toBe(302);
    const { access_token, connection } = tokenIn(await device.fresh());
    expect(connection).toMatch(/\.0\.o/u);
    await expect(web.connect.of('new').getToken()).resolves.toMatchObject({ access_token });
    expect(web.told('connected')).toMatchObject([{ owner: 'new' }]);
  });

  test.each([
    ['another user', 'eve'],
    ['nobody', undefined],
  ] as const)('must not make %s of a user: the token is dropped', async (_who, other) => {
    const web = await userApp(sandbox, shared, { options: logsIn(other) });
    const device = await web.device('ada');
    const answer = await device.browser.visit(await startOn(web, device), script);
    expect(said(answer)).toEqual([403, 'ERR_CONNECT_STATE', 'owner']);
    await expectNothingKept(web, 'ada');
    await expectNothingKept(web, 'eve');
  });
});

describe('a connection store', () => {
  test('that is away at the callback is a 503, and no token is anywhere', async () => {
    const web = await userApp(sandbox, shared);
    const device = await web.device('ada');
    const callback = await startOn(web, device);
    shared.fail(true);
    const answer = await device.browser.visit(callback, script);
    expect(said(answer)).toEqual([503, 'ERR_CONNECT_STORE', 'failed']);
    expect(answer.body).not.toContain('CANARY');
    shared.fail(false);
    await expectNothingKept(web, 'ada');
    expect((await device.connect()).status).toBe(302);
  });

  test('that answers too late, and has written, is a 503; the record is taken back', async () => {
    const { connections } = shared;
    let isLate = true;
    const late = {
      ...connections,
      async save(key: string, record: string, ifVersion: string | undefined) {
        const version = await connections.save(key, record, ifVersion);
        if (!isLate) return version;
        isLate = false;
        throw new Error('the answer got lost');
      },
    };
    const web = await userApp(sandbox, shared, { options: { connections: late } });
    const device = await web.device('ada');
    const answer = await device.browser.visit(await startOn(web, device), script);
    expect(said(answer)).toEqual([503, 'ERR_CONNECT_STORE', 'failed']);
    await web.connect.close();
    await expectNothingKept(web, 'ada');
  });

  test('that is away serves valid tokens, and run-out ones are a 503 that loses nothing', async () => {
    const web = await userApp(sandbox, shared);
    const [phone, tablet] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    time.pass(61_000);
    shared.fail(true);
    expect((await phone.guarded()).status).toBe(200);
    expect(said(await tablet.guarded())).toEqual([503, 'ERR_CONNECT_STORE', 'failed']);
    time.pass(3_600_000);
    const answer = await phone.guarded();
    expect([...said(answer), answer.headers['retry-after']]).toEqual([503, 'ERR_CONNECT_STORE', 'failed', '2']);
    expect(said(await phone.disconnect())).toEqual([503, 'ERR_CONNECT_STORE', 'failed']);
    expect(sandbox.calls.refresh).toBe(0);
    shared.fail(false);
    expect((await phone.guarded()).status).toBe(200);
    expect((await tablet.guarded()).status).toBe(200);
  });

  test('that goes away during a refresh gets the new token set as soon as it is back, also at close()', async () => {
    const web = await userApp(sandbox, shared);
    const phone = await web.device('ada');
    await phone.connect();
    time.pass(3_600_000);
    await phone.plain();
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const answer = phone.fresh();
    await sandbox.waiting();
    shared.fail(true);
    sandbox.release();
    const { access_token } = tokenIn(await answer);
    const closing = web.connect.close();
    shared.fail(false);
    await closing;
    const other = await userApp(sandbox, { ...shared, ledger: sharedStores().ledger });
    await expect(other.connect.of('ada').getToken()).resolves.toMatchObject({ access_token });
  });

  test('that has missed a refresh, because the process died, learns it from the session', async () => {
    const { connections } = shared;
    let saves = 0;
    const deaf: typeof connections = {
      ...connections,
      save: (...given) => ((saves += 1) > 1 ? Promise.reject(new Error('away')) : connections.save(...given)),
    };
    const web = await userApp(sandbox, shared, { options: { connections: deaf } });
    const phone = await web.device('ada');
    await phone.connect();
    time.pass(3_600_000);
    const { access_token } = tokenIn(await phone.fresh());
    const next = await userApp(sandbox, { ...shared, ledger: sharedStores().ledger }, { store: web.app.store });
    const answer = await phone.browser.visit(`${next.app.url}/fresh`, script);
    expect(tokenIn(answer).access_token).toBe(access_token);
    await next.connect.close();
    await expect(next.connect.of('ada').getToken()).resolves.toMatchObject({ access_token });
    expect(sandbox.calls.refresh).toBe(1);
    // The process that has died would go on offering.
    saves = -Infinity;
    await web.connect.close();
  });
});

test('a sign-in replaces the connection of its user, and ends it on every device', async () => {
  const [one, two] = [await userApp(sandbox, shared), await userApp(sandbox, shared)];
  const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
  await phone.connect();
  await laptop.fresh();
  await phone.connect();
  const { access_token } = tokenIn(await phone.fresh());
  time.pass(61_000);
  expect(tokenIn(await laptop.fresh()).access_token).toBe(access_token);
  expect(one.told('ended')).toMatchObject([{ owner: 'ada', reason: 'replaced' }]);
});

test('a sign-in that fails after it was recorded puts back what was there', async () => {
  const { connections } = shared;
  let endSession = (): void => undefined;
  const watched: typeof connections = {
    ...connections,
    async save(...given) {
      const version = await connections.save(...given);
      endSession();
      return version;
    },
  };
  const web = await userApp(sandbox, shared, { options: { connections: watched } });
  const phone = await web.device('ada');
  await phone.connect();
  const before = await web.connect.of('ada').getToken();
  const phones = Object.keys(await web.app.sessions());
  const laptop = await web.device('ada');
  const callback = await startOn(web, laptop);
  const [own] = Object.keys(await web.app.sessions()).filter((id) => !phones.includes(id));
  // As a logout in another tab would, once the new connection is recorded.
  endSession = () => web.app.store.destroy(own ?? '');
  expect(said(await laptop.browser.visit(callback, script))).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
  endSession = () => undefined;
  await web.connect.close();
  await expect(web.connect.of('ada').getToken()).resolves.toEqual(before);
  expect((await phone.guarded()).status).toBe(200);
  expect(sandbox.calls.exchange).toBe(2);
});

test('a disconnect that meets a sign-in of its session between record and session ends that one, too', async () => {
  const { connections } = shared;
  let signIn = (): Promise<unknown> => Promise.resolve();
  const watched: typeof connections = {
    ...connections,
    async load(key) {
      const found = await connections.load(key);
      const now = signIn;
      signIn = () => Promise.resolve();
      await now();
      return found;
    },
  };
  const web = await userApp(sandbox, shared, { options: { connections: watched } });
  const phone = await web.device('ada');
  const callback = await startOn(web, phone);
  const tab = phone.browser.fork();
  signIn = () => tab.visit(callback, script);
  expect((await phone.disconnect()).status).toBe(204);
  await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: false, reason: 'disconnected' });
  expect(said(await tab.visit(`${web.app.url}/guarded`, script))[0]).toBe(401);
  expect(web.told('disconnected')).toHaveLength(1);
});

test('an app whose users have no owner function goes on as before', async () => {
  const web = await userApp(sandbox, shared, { options: { owner: undefined, connections: undefined } });
  const device = await web.device('ada');
  await device.connect();
  expect(tokenIn(await device.fresh()).connection).toMatch(/^[\w-]{22}\.0$/u);
  await device.logIn('eve');
  expect((await device.guarded()).status).toBe(200);
  expect(shared.calls).toEqual({ load: 0, save: 0, remove: 0 });
});
