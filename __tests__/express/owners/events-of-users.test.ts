import type { ConnectEvent } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { type Time } from '../../support/refreshing';
import { givenUsers, userApp, type Device, type Shared, type UserApp } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

/** Whatever can happen to one user's connection, from the sign-in to its end. */
async function live(web: UserApp, phone: Device, laptop: Device, fail: (isAway: boolean) => void): Promise<void> {
  await phone.connect();
  await laptop.me();
  time.pass(3_600_000);
  sandbox.force(503, { on: 'refresh' });
  await phone.fresh();
  time.pass(60_000);
  await phone.fresh();
  await laptop.fresh();
  fail(true);
  time.pass(3_600_000);
  await phone.fresh();
  fail(false);
  await phone.browser.visit(`${web.app.url}/connect/callback?code=forged&state=forged`, { accept: 'application/json' });
  await phone.connect();
  await phone.disconnect();
  await laptop.guarded();
}

/** An app whose ledger can go away. */
async function appWithLedger(): Promise<{ web: UserApp; fail: (isAway: boolean) => void }> {
  let isAway = false;
  const { ledger } = shared;
  const away = <Given extends readonly unknown[], Answer>(run: (...given: Given) => Promise<Answer>) => {
    return (...given: Given): Promise<Answer> => (isAway ? Promise.reject(new Error('away')) : run(...given));
  };
  const web = await userApp(
    sandbox,
    { ...shared, ledger: { ...ledger, acquire: away(ledger.acquire), once: away(ledger.once) } },
    {},
  );
  return {
    web,
    fail(next) {
      isAway = next;
    },
  };
}

const TYPES: readonly ConnectEvent['type'][] = [
  'exchange',
  'connected',
  'api_call',
  'refresh_failed',
  'refreshed',
  'ledger_error',
  'ended',
  'disconnected',
  'error',
];

test.each([
  ['of a user names them', 'ada'],
  ['of nobody names nobody', undefined],
] as const)('every event %s', async (_what, user) => {
  const { web, fail } = await appWithLedger();
  const phone = await web.device(user);
  const laptop = user === undefined ? phone : await web.device(user);
  await live(web, phone, laptop, fail);
  const seen = new Set(web.events.map(({ type }) => type));
  expect([...seen].sort()).toEqual([...TYPES].sort());
  for (const event of web.events) expect([event.type, event.owner]).toEqual([event.type, user]);
});

test('events of a job name its user', async () => {
  const web = await userApp(sandbox, shared);
  const account = web.connect.of('ada');
  await expect(account.getToken()).rejects.toThrow();
  await (await web.device('ada')).connect();
  time.pass(3_600_000);
  await account.client().get('/me');
  await account.disconnect();
  const seen = web.events.map(({ type, owner }) => [type, owner]);
  expect(seen).toEqual(
    ['error', 'exchange', 'connected', 'refreshed', 'api_call', 'ended', 'disconnected'].map((type) => [type, 'ada']),
  );
});

test('a token that another process has refreshed is adopted from the ledger, for its user', async () => {
  const [one, two] = [await userApp(sandbox, shared), await userApp(sandbox, shared)];
  const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
  await phone.connect();
  time.pass(3_500_000);
  await Promise.all([phone.fresh(), laptop.fresh()]);
  time.pass(45_000);
  await phone.fresh();
  await laptop.fresh();
  expect(sandbox.calls.refresh).toBe(1);
  expect(two.told('adopted')).toMatchObject([{ owner: 'ada', generation: 1 }]);
});
