import type { Request } from 'express';
import { MemoryStore } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { givenRotation, tokenIn, verdict, type Time } from '../../support/refreshing';
import { sharedStores, userApp } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const HOUR_MS = 3_600_000;

test('a device whose connection was replaced elsewhere is not told that it has ended while the store is away', async () => {
  const shared = sharedStores();
  const [one, two] = [await userApp(sandbox, shared), await userApp(sandbox, shared)];
  const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
  await phone.connect();
  time.pass(HOUR_MS - 90_000);
  expect((await laptop.fresh()).status).toBe(200);
  expect((await phone.connect()).status).toBe(302);
  const { access_token } = tokenIn(await phone.fresh());
  // Due, and looked at less than a minute ago.
  time.pass(45_000);
  shared.fail(true);
  // Nobody knows what has taken its place.
  expect(verdict(await laptop.fresh())).toEqual([503, 'ERR_CONNECT_STORE', '2']);
  shared.fail(false);
  expect(tokenIn(await laptop.fresh()).access_token).toBe(access_token);
});

test('a process that dies after a sign-in has failed, before its record was taken back, leaves its user connected', async () => {
  const shared = sharedStores();
  const { connections } = shared;
  const sessions = new MemoryStore();
  let isDying = false;
  let sessionId = '';
  const dying = {
    ...connections,
    load: (key: string) => (isDying ? Promise.reject(new Error('away')) : connections.load(key)),
    async save(key: string, record: string, ifVersion: string | undefined) {
      const version = await connections.save(key, record, ifVersion);
      // The second sign-in fails once it has been recorded: a logout in another tab has ended its session.
      isDying = ifVersion !== undefined;
      if (isDying) await new Promise<void>((resolve) => sessions.destroy(sessionId, () => resolve()));
      return version;
    },
  };
  const onConnect = (req: Request): void => void (sessionId = req.sessionID);
  const one = await userApp(sandbox, shared, { store: sessions, options: { connections: dying, onConnect } });
  const two = await userApp(sandbox, shared);
  const phone = await one.device('ada');
  await phone.connect();
  expect((await phone.connect()).status).toBe(403);
  expect(isDying).toBe(true);
  time.pass(HOUR_MS);
  await expect(two.connect.of('ada').getToken()).resolves.toMatchObject({ type: 'bearer' });
  // What has died offers nothing any more.
  isDying = false;
  await one.connect.close();
});
