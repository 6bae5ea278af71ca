import { isConnectError, type ConnectionStore, type ConnectToken } from '../../../src';
import { redisConnections } from '../../../src/redis';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn } from '../../support/app';
import { givenRotation, tokenIn, type Time } from '../../support/refreshing';
import { sharedStores, userApp, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenRotation((...given) => {
  [sandbox, time] = given;
});
beforeEach(() => {
  shared = sharedStores();
});
const script = { accept: 'application/json' };
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const said = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    (v) => v,
    (e: unknown) => (isConnectError(e) ? [e.code, e.reason] : e),
  );

test('the connection of nobody that is imported for a user stays theirs when they log in in that session', async () => {
  const web = await userApp(sandbox, shared);
  const shop = await web.device();
  await shop.connect();
  const token = tokenIn(await shop.fresh());
  expect(await web.connect.of('ada').import(token as ConnectToken)).toBe(true);
  await shop.logIn('ada');
  expect((await shop.guarded()).status).toBe(200);
  await soon(50);
  expect((await shop.guarded()).status).toBe(200);
  expect(web.told('ended')).toEqual([]);
});

test('an import that is repeated after a 503 is not taken back by the first one', async () => {
  let mode: 'ok' | 'save-fails' | 'away' = 'ok';
  const plain = shared.connections;
  const connections: ConnectionStore = {
    encryptionKeys: plain.encryptionKeys,
    load: async (key) => {
      if (mode === 'away') throw new Error('away');
      return plain.load(key);
    },
    save: async (...given) => {
      if (mode === 'save-fails') {
        mode = 'away';
        throw new Error('away');
      }
      if (mode === 'away') throw new Error('away');
      return plain.save(...given);
    },
    remove: plain.remove,
  };
  const web = await userApp(sandbox, shared, { options: { connections } });
  mode = 'save-fails';
  const account = web.connect.of('ada');
  expect(await said(account.import({ access_token: 'a', refresh_token: 'r' }))).toEqual([
    'ERR_CONNECT_STORE',
    'failed',
  ]);
  await soon(20);
  mode = 'ok';
  const two = await said(account.import({ access_token: 'a', refresh_token: 'r' }));
  await soon(300);
  await web.connect.close();
  const after = await account.status();
  expect([two, after.connected]).toEqual([true, true]);
});

test('what redisConnections() says of its trouble reaches the app', async () => {
  const encryptionKeys = [{ id: 'k', secret: 'x'.repeat(40) }];
  const slow = redisConnections({
    sendCommand: () => new Promise(() => undefined),
    commandTimeoutMs: 50,
    encryptionKeys,
  });
  const odd = redisConnections({ sendCommand: () => Promise.resolve('OK'), encryptionKeys });
  const web1 = await userApp(sandbox, shared, { options: { connections: slow } });
  const web2 = await userApp(sandbox, shared, { options: { connections: odd } });
  expect(await said(web1.connect.of('ada').status())).toEqual(['ERR_CONNECT_STORE', 'timeout']);
  expect(await said(web2.connect.of('ada').status())).toEqual(['ERR_CONNECT_STORE', 'answer']);
});

test('close() waits until what a job refreshes is recorded', async () => {
  const web = await userApp(sandbox, shared);
  await (await web.device('ada')).connect();
  time.pass(3_600_000);
  sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
  const job = web.connect.of('ada').getToken();
  await sandbox.waiting();
  const saves = shared.calls.save;
  let atClose: number | undefined;
  const closing = web.connect.close().then(() => {
    atClose = shared.calls.save - saves;
  });
  sandbox.release();
  await Promise.all([job, closing]);
  expect(atClose).toBe(1);
});

test('close() waits for the second try, should the first one fail while it waits', async () => {
  const plain = shared.connections;
  let fail: (() => void) | undefined;
  let armed = false;
  let reached = false as boolean;
  let saved = 0;
  const connections: ConnectionStore = {
    ...plain,
    encryptionKeys: plain.encryptionKeys,
    save: async (...given) => {
      if (armed) {
        armed = false;
        reached = true;
        await new Promise<void>((resolve) => (fail = resolve));
        throw new Error('away');
      }
      saved += 1;
      return plain.save(...given);
    },
  };
  const web = await userApp(sandbox, shared, { options: { connections } });
  await (await web.device('ada')).connect();
  time.pass(3_600_000);
  armed = true;
  const job = web.connect.of('ada').getToken();
  while (!reached) await soon(5);
  // renewOnce falls back to change only when CAS is lost; a throw ends the first try.
  const before = saved;
  const closing = web.connect.close();
  await soon(20);
  fail?.();
  await closing;
  const atClose = saved - before;
  await job;
  expect(atClose).toBe(1);
});

test('what has run out and cannot be renewed is not a connection, and makes room', async () => {
  const web = await userApp(sandbox, shared);
  const account = web.connect.of('ada');
  await account.import({ access_token: 'a', expires_at: Math.floor(time.now() / 1000) + 60 });
  time.pass(120_000);
  expect(await said(account.getToken())).toEqual(['ERR_CONNECT_EXPIRED', undefined]);
  await expect(account.status()).resolves.toEqual({ connected: false });
  await expect(account.import({ access_token: 'b', refresh_token: 'r' })).resolves.toBe(true);
});

test('a user who has disconnected before is not sent in a circle either, where the login is mounted too late', async () => {
  const web = await userApp(sandbox, shared);
  const account = web.connect.of('ada');
  await account.import({ access_token: 'a', refresh_token: 'r' });
  await account.disconnect();
  const shop = await web.device();
  await shop.connect();
  await shop.logIn('ada');
  expect((await shop.browser.visit(`${web.app.url}/guarded`)).status).toBe(401);
});

test('a sign-in that failed, whose record was written late and reported as failed, is taken back', async () => {
  const plain = shared.connections;
  let late = false;
  const connections: ConnectionStore = {
    ...plain,
    encryptionKeys: plain.encryptionKeys,
    save: async (...given) => {
      if (!late) return plain.save(...given);
      late = false;
      await soon(400).then(() => plain.save(...given));
      throw new Error('the answer got lost');
    },
  };
  const web = await userApp(sandbox, shared, { options: { connections, storeTimeoutMs: 100 } });
  const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
  await phone.connect();
  const before = await web.connect.of('ada').getToken();
  const callback = await beginSignIn(web.app, sandbox, laptop.browser);
  late = true;
  const answer = await laptop.browser.visit(callback, script);
  await soon(800);
  await web.connect.close();
  expect(answer.status).toBe(503);
  const other = await userApp(sandbox, shared);
  await expect(other.connect.of('ada').getToken()).resolves.toEqual(before);
});
