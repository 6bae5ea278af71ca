import type { Store } from 'express-session';
import type { TestAppParts } from '../../support/app';
import type { Sandbox } from '../../../src/testing';
import { givenRotation, tokenIn, verdict, type Time } from '../../support/refreshing';
import { sharedStores, userApp, userOf, type Device, type Shared, type UserApp } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const WAYS = ['plain', 'reloaded', 'fresh', 'guarded'] as const;
/** The access token that each way to read gives, or what it says instead. */
async function seenBy(device: Device): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const way of WAYS) {
    const answer = await device[way]();
    const body = JSON.parse(answer.body === '' ? 'null' : answer.body) as {
      access_token?: string;
      code?: string;
    } | null;
    seen[way] = body?.access_token ?? body?.code ?? body;
  }
  return seen;
}
const everyWay = (value: unknown): object => Object.fromEntries(WAYS.map((way) => [way, value]));
const NOTHING = { plain: null, reloaded: null, fresh: 'ERR_CONNECT_REQUIRED', guarded: 'ERR_CONNECT_REQUIRED' };

const SEALING: readonly (readonly [string, NonNullable<TestAppParts['options']>])[] = [
  ['plain', {}],
  ['sealed', { encryptionKeys: [{ id: 'k1', secret: 'a secret of the session, long enough for anybody' }] }],
];

describe.each(SEALING)('with a %s token in the session', (_kind, options) => {
  const start = (shared: Shared, store?: Store): Promise<UserApp> =>
    userApp(sandbox, shared, { options, ...(store === undefined ? {} : { store }) });

  test('who connects on one device is connected on another, in another process too', async () => {
    const shared = sharedStores();
    const [one, two] = [await start(shared), await start(shared)];
    const phone = await one.device('ada');
    expect((await phone.connect()).status).toBe(302);
    const { access_token } = tokenIn(await phone.fresh());
    const [tablet, laptop] = [await one.device('ada'), await two.device('ada')];
    expect((await laptop.guarded()).status).toBe(200);
    expect((await tablet.me()).status).toBe(200);
    expect(await seenBy(laptop)).toEqual(everyWay(access_token));
    expect(await seenBy(tablet)).toEqual(everyWay(access_token));
    expect(sandbox.calls.exchange).toBe(1);
  });

  test('what was loaded for a session stays in it, and costs one look a minute', async () => {
    const shared = sharedStores();
    const one = await start(shared);
    await (await one.device('ada')).connect();
    const laptop = await one.device('ada');
    shared.calls.load = 0;
    shared.hold();
    const first = [laptop.fresh(), laptop.guarded(), laptop.me()];
    await one.asked(3);
    shared.release();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(shared.calls.load).toBe(1);
    time.pass(59_000);
    for (let visits = 0; visits < 5; visits += 1) await laptop.guarded();
    expect(shared.calls.load).toBe(1);
    time.pass(2_000);
    for (let visits = 0; visits < 5; visits += 1) await laptop.guarded();
    expect(shared.calls.load).toBe(2);
    expect((await laptop.plain()).body).toBe((await laptop.guarded()).body);
  });

  test.each([
    ['another user', 'eve'],
    ['nobody', undefined],
  ] as const)('after a logout, %s in the same session sees nothing of the first user', async (_who, next) => {
    const shared = sharedStores();
    const one = await start(shared);
    const shop = await one.device('ada');
    await shop.connect();
    const { access_token } = tokenIn(await shop.fresh());
    await shop.logOut();
    if (next !== undefined) await shop.logIn(next);
    expect(await seenBy(shop)).toEqual(NOTHING);
    // Nor do they end it: it is not theirs.
    expect((await shop.disconnect()).status).toBe(204);
    expect((await one.connect.of('ada').getToken()).access_token).toBe(access_token);
    await shop.logIn('ada');
    expect(await seenBy(shop)).toEqual({ ...everyWay(access_token), plain: null, reloaded: null });
    expect(await seenBy(shop)).toEqual(everyWay(access_token));
  });

  test('nor when the connection store is away', async () => {
    const shared = sharedStores();
    const one = await start(shared);
    const shop = await one.device('ada');
    await shop.connect();
    await shop.logIn('eve');
    shared.fail(true);
    expect(await seenBy(shop)).toEqual({
      plain: null,
      reloaded: null,
      fresh: 'ERR_CONNECT_STORE',
      guarded: 'ERR_CONNECT_STORE',
    });
    // What is hers stays in the session, for when she is back.
    await shop.logIn('ada');
    expect((await shop.guarded()).status).toBe(200);
  });

  test('a sign-in of another user in the same session leaves the first one connected', async () => {
    const shared = sharedStores();
    const one = await start(shared);
    const shop = await one.device('ada');
    await shop.connect();
    await shop.logOut();
    await shop.logIn('eve');
    expect((await shop.connect()).status).toBe(302);
    const tokens = await Promise.all(['ada', 'eve'].map((user) => one.connect.of(user).getToken()));
    expect(tokens[0]?.access_token).not.toBe(tokens[1]?.access_token);
    time.pass(3_600_000);
    await Promise.all(['ada', 'eve'].map((user) => one.connect.of(user).getToken()));
    expect(sandbox.calls.refresh).toBe(2);
    expect(one.told('ended')).toEqual([]);
  });

  test('nobody inherits the connection of whoever used the session before they logged in', async () => {
    const shared = sharedStores();
    const one = await start(shared);
    const shop = await one.device();
    await shop.connect();
    expect((await shop.guarded()).status).toBe(200);
    await shop.logIn('ada');
    expect(await seenBy(shop)).toEqual(NOTHING);
    await expect(one.connect.of('ada').status()).resolves.toEqual({ connected: false });
  });

  test('a disconnect on one device is over at once in its process, and within a minute in others', async () => {
    const shared = sharedStores();
    const [one, two] = [await start(shared), await start(shared)];
    const phone = await one.device('ada');
    await phone.connect();
    const [tablet, laptop] = [await one.device('ada'), await two.device('ada')];
    await Promise.all([tablet.fresh(), laptop.fresh()]);
    expect((await phone.disconnect()).status).toBe(204);
    expect(await seenBy(tablet)).toEqual(NOTHING);
    expect((await laptop.fresh()).status).toBe(200);
    time.pass(60_000);
    const over = await laptop.guarded();
    expect(verdict(over)).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
    expect(JSON.parse(over.body)).toMatchObject({ reason: 'disconnected' });
    expect(await seenBy(laptop)).toEqual(NOTHING);
    expect(one.told('ended')).toMatchObject([{ owner: 'ada', reason: 'disconnected' }]);
    expect(one.told('disconnected')).toMatchObject([{ owner: 'ada' }]);
  });

  test('two devices that sign in at the same time leave one connection, and both go on', async () => {
    const shared = sharedStores();
    const [one, two] = [await start(shared), await start(shared)];
    const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
    const answers = await Promise.all([phone.connect(), laptop.connect()]);
    expect(answers.map(({ status }) => status)).toEqual([302, 302]);
    time.pass(61_000);
    const [mine, yours] = [tokenIn(await phone.fresh()), tokenIn(await laptop.fresh())];
    expect(mine.access_token).toBe(yours.access_token);
    time.pass(3_600_000);
    const refreshed = await Promise.all([phone.fresh(), laptop.fresh()]);
    expect(new Set(refreshed.map((answer) => tokenIn(answer).access_token)).size).toBe(1);
    expect([...one.told('ended'), ...two.told('ended')]).toMatchObject([{ owner: 'ada', reason: 'replaced' }]);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('a refresh in one session reaches the record, and through it every device', async () => {
    const shared = sharedStores();
    const [one, two] = [await start(shared), await start(shared)];
    const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
    await phone.connect();
    await laptop.fresh();
    time.pass(3_600_000);
    const { access_token } = tokenIn(await phone.fresh());
    expect(tokenIn(await laptop.fresh()).access_token).toBe(access_token);
    await expect(two.connect.of('ada').getToken()).resolves.toMatchObject({ access_token });
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('a ledger that has lost everything costs nothing: connections go on from the store', async () => {
    const shared = sharedStores();
    const one = await start(shared);
    const [phone, laptop] = [await one.device('ada'), await one.device('ada')];
    await phone.connect();
    await laptop.fresh();
    time.pass(3_600_000);
    await phone.fresh();
    const two = await start({ ...shared, ledger: sharedStores().ledger }, one.app.store);
    const visitor = laptop.browser.fork();
    time.pass(3_600_000);
    const answer = await visitor.visit(`${two.app.url}/fresh`, { accept: 'application/json' });
    expect(answer.status).toBe(200);
    expect(sandbox.calls.refresh).toBe(2);
  });
});

test('a copy that another process has ended while it was trusted goes on with the connection that has taken its place', async () => {
  const shared = sharedStores();
  const [one, two] = [await userApp(sandbox, shared), await userApp(sandbox, shared)];
  const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
  await phone.connect();
  time.pass(3_500_000);
  await laptop.fresh();
  await phone.connect();
  const { access_token } = tokenIn(await phone.fresh());
  // Due, and its ledger says that it is over, before the minute is.
  time.pass(59_000);
  expect(tokenIn(await laptop.fresh()).access_token).toBe(access_token);
  expect(sandbox.calls.refresh).toBe(0);
});

test('a request without a session of its own costs one look, and no session', async () => {
  const shared = sharedStores();
  const one = await userApp(sandbox, shared, { options: { owner: (req) => req.get('x-user') } });
  const phone = await one.device();
  const asAda = { accept: 'application/json', 'x-user': 'ada' };
  await one.connect.of('ada').import({ access_token: 'a' });
  const before = Object.keys(await one.app.sessions()).length;
  shared.calls.load = 0;
  const read = jest.spyOn(one.app.store, 'get');
  const answer = await phone.browser.visit(`${one.app.url}/guarded`, asAda);
  expect(tokenIn(answer).access_token).toBe('a');
  expect(shared.calls.load).toBe(1);
  expect(read).not.toHaveBeenCalled();
  expect(Object.keys(await one.app.sessions())).toHaveLength(before);
});

test('an app that mounts its login after connectAuth() is told so on a page, instead of in a circle of redirects', async () => {
  const shared = sharedStores();
  const messages: string[] = [];
  const web = await userApp(sandbox, shared, {
    options: {
      owner: (req) => (req.path.startsWith('/connect/') ? undefined : userOf(req)),
      renderError: (error, _req, res) => {
        messages.push(error.message);
        res.status(error.status).json({ reason: error.reason });
      },
    },
  });
  const phone = await web.device('ada');
  const page = `${web.app.url}/guarded`;
  expect((await phone.browser.visit(page)).status).toBe(302);
  expect((await phone.connect()).status).toBe(302);
  const answer = await phone.browser.visit(page);
  expect([answer.status, answer.body]).toEqual([401, '{"reason":"nobody"}']);
  expect(messages.join()).toContain('mount connectAuth() after your login');
  // Later it is a visitor who may want to connect.
  time.pass(60_000);
  expect((await phone.browser.visit(page)).status).toBe(302);
});

test('a user who has disconnected before is not sent in a circle either, where the login is mounted too late', async () => {
  const web = await userApp(sandbox, sharedStores());
  const account = web.connect.of('ada');
  await account.import({ access_token: 'a', refresh_token: 'r' });
  await account.disconnect();
  const shop = await web.device();
  await shop.connect();
  await shop.logIn('ada');
  expect((await shop.browser.visit(`${web.app.url}/guarded`)).status).toBe(401);
});

test('a session store that is away is that, whatever the function of the users makes of it', async () => {
  let isAway = false;
  const shared = sharedStores();
  const web = await userApp(sandbox, shared, {
    before: [
      (req, _res, next) => {
        // As express-session leaves a request while its store is disconnected.
        if (isAway) Reflect.deleteProperty(req, 'session');
        next();
      },
    ],
  });
  const phone = await web.device('ada');
  await phone.connect();
  isAway = true;
  for (const answer of [await phone.fresh(), await phone.guarded(), await phone.disconnect()]) {
    expect(verdict(answer)).toEqual([503, 'ERR_CONNECT_STORE', '2']);
  }
});
