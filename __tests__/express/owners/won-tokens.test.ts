import type { ConnectionStore } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { latch, tokenIn, verdict, type Time } from '../../support/refreshing';
import { turns } from '../../support/turns';
import { givenUsers, sharedStores, userApp, watchSaves, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const watched = (around: Parameters<typeof watchSaves>[1]): ConnectionStore => watchSaves(shared, around);

test('close() waits until the store has what was won', async () => {
  const gate = latch();
  let isHeld = false;
  const connections = watched(async (save) => {
    if (isHeld) await gate.wait();
    return save();
  });
  const web = await userApp(sandbox, shared, { options: { connections } });
  await (await web.device('ada')).connect();
  time.pass(3_600_000);
  isHeld = true;
  const job = web.connect.of('ada').getToken();
  await gate.reached;
  let isClosed = false;
  const closing = web.connect.close().then(() => {
    isClosed = true;
  });
  await turns(20);
  const wasClosed = isClosed;
  gate.open();
  await Promise.all([job, closing]);
  expect(wasClosed).toBe(false);
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
  const gate = latch();
  let armed = false;
  let saved = 0;
  const connections: ConnectionStore = {
    ...plain,
    encryptionKeys: plain.encryptionKeys,
    save: async (...given) => {
      if (armed) {
        armed = false;
        await gate.wait();
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
  await gate.reached;
  // renewOnce falls back to change only when CAS is lost; a throw ends the first try.
  const before = saved;
  const closing = web.connect.close();
  await turns(10);
  gate.open();
  await closing;
  const atClose = saved - before;
  await job;
  expect(atClose).toBe(1);
});

test('a token set that was adopted a moment after it was won reaches the store, should the winner have died', async () => {
  let hasDied = false;
  const connections = watched((save) => (hasDied ? Promise.reject(new Error('died')) : save()));
  const winner = await userApp(sandbox, shared, { options: { connections } });
  const other = await userApp(sandbox, shared);
  await (await winner.device('ada')).connect();
  time.pass(3_600_000);
  hasDied = true;
  const won = await winner.connect.of('ada').getToken();
  expect((await other.connect.of('ada').getToken()).access_token).toBe(won.access_token);
  await other.connect.close();
  const after = await userApp(sandbox, { ...shared, ledger: sharedStores().ledger });
  await expect(after.connect.of('ada').getToken()).resolves.toMatchObject({ access_token: won.access_token });
});

test('a disconnect elsewhere is over within 60 s, however slowly the store has answered to the last write', async () => {
  let isSlow = true;
  const connections = watched(async (save) => {
    const version = await save();
    if (isSlow) time.pass(20_000);
    isSlow = false;
    return version;
  });
  const one = await userApp(sandbox, shared, { options: { connections } });
  const two = await userApp(sandbox, shared);
  time.stop();
  const phone = await one.device('ada');
  const savedAt = time.now();
  await phone.connect();
  expect(time.now() - savedAt).toBe(20_000);
  await two.connect.of('ada').disconnect();
  // 61 s after the moment at which the store was last known to hold the connection.
  time.pass(41_000);
  expect((await phone.guarded()).status).toBe(401);
});

test('a store that hangs holds up a visitor with a valid token once, not at each request', async () => {
  const web = await userApp(sandbox, shared, { options: { storeTimeoutMs: 100 } });
  const phone = await web.device('ada');
  await phone.connect();
  time.pass(61_000);
  shared.hold();
  shared.calls.load = 0;
  for (let visits = 0; visits < 5; visits += 1) expect((await phone.guarded()).status).toBe(200);
  shared.release();
  expect(shared.calls.load).toBe(1);
});

test('a device whose connection was replaced elsewhere is not told that it has ended while the store is away', async () => {
  const [one, two] = [await userApp(sandbox, shared), await userApp(sandbox, shared)];
  const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
  await phone.connect();
  time.pass(3_600_000 - 90_000);
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
