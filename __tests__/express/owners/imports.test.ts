import { isConnectError, type ConnectionStore, type ConnectToken } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { latch, tokenIn, type Time } from '../../support/refreshing';
import { turns } from '../../support/turns';
import { givenUsers, userApp, watchSaves, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (isConnectError(error) ? [error.code, error.reason] : error));

test('a connection of a token that has ended does not come back after another one', async () => {
  const web = await userApp(sandbox, shared);
  const visitor = await web.device('somebody else');
  await visitor.connect();
  const { access_token, refresh_token, expires_at } = tokenIn(await visitor.fresh());
  const mine = { access_token, refresh_token, expires_at };
  const account = web.connect.of('ada');
  await expect(account.import(mine)).resolves.toBe(true);
  await account.disconnect();
  await expect(account.import(mine)).resolves.toBe(false);
  const phone = await web.device('ada');
  await phone.connect();
  await account.disconnect();
  const other = await userApp(sandbox, shared);
  await expect(other.connect.of('ada').import(mine)).resolves.toBe(false);
  await expect(other.connect.of('ada').status()).resolves.toMatchObject({ connected: false });
});

test("an anonymous connection that becomes a user's is never that of nobody in their sessions", async () => {
  let found: ConnectToken | undefined;
  const web = await userApp(sandbox, shared, {
    session: { resave: true },
    routes(app) {
      app.get('/show', (req, res) => {
        found = req.session.connectToken;
        res.send('ok');
      });
    },
  });
  const visitor = await web.device();
  await visitor.connect();
  await visitor.browser.visit(`${web.app.url}/show`);
  if (found === undefined) throw new Error('not connected');
  // As apps may do that let a visitor keep what they have connected.
  const { access_token, refresh_token, expires_at, type, connection } = found;
  await web.connect.of('ada').import({ access_token, refresh_token, expires_at, type, connection } as ConnectToken);
  const phone = await web.device('ada');
  expect((await phone.guarded()).status).toBe(200);
  time.pass(3_600_000);
  await phone.plain();
  // The visitor refreshes; the user joins.
  sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
  const one = visitor.fresh();
  await sandbox.waiting();
  await web.asked(0);
  const two = phone.fresh();
  await web.asked(1);
  await turns(20);
  sandbox.release();
  await Promise.all([one, two]);
  await phone.logOut();
  expect((await phone.plain()).body).toBe('null');
  expect((await phone.fresh()).status).toBe(401);
});

test('the connection of nobody that is imported for a user stays theirs when they log in in that session', async () => {
  const web = await userApp(sandbox, shared);
  const shop = await web.device();
  await shop.connect();
  const token = tokenIn(await shop.fresh());
  expect(await web.connect.of('ada').import(token as ConnectToken)).toBe(true);
  await shop.logIn('ada');
  expect((await shop.guarded()).status).toBe(200);
  await turns(10);
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
  expect(await outcomeOf(account.import({ access_token: 'a', refresh_token: 'r' }))).toEqual([
    'ERR_CONNECT_STORE',
    'failed',
  ]);
  mode = 'ok';
  const two = await outcomeOf(account.import({ access_token: 'a', refresh_token: 'r' }));
  await web.connect.close();
  const after = await account.status();
  expect([two, after.connected]).toEqual([true, true]);
});

test('what has run out and cannot be renewed is not a connection, and makes room', async () => {
  const web = await userApp(sandbox, shared);
  const account = web.connect.of('ada');
  await account.import({ access_token: 'a', expires_at: Math.floor(time.now() / 1000) + 60 });
  time.pass(120_000);
  expect(await outcomeOf(account.getToken())).toEqual(['ERR_CONNECT_EXPIRED', undefined]);
  await expect(account.status()).resolves.toEqual({ connected: false });
  await expect(account.import({ access_token: 'b', refresh_token: 'r' })).resolves.toBe(true);
});

test('an import that was carried out late, and was repeated before, stays', async () => {
  const gate = latch();
  let isLate = true;
  const connections = watchSaves(shared, async (save) => {
    if (!isLate) return save();
    isLate = false;
    await gate.wait();
    return save();
  });
  const web = await userApp(sandbox, shared, { options: { connections, storeTimeoutMs: 100 } });
  const account = web.connect.of('ada');
  const mine = { access_token: 'a', refresh_token: 'r' };
  expect(await outcomeOf(account.import(mine))).toEqual(['ERR_CONNECT_STORE', 'timeout']);
  await expect(account.import(mine)).resolves.toBe(true);
  gate.open();
  await turns(20);
  await web.connect.close();
  await expect(account.status()).resolves.toMatchObject({ connected: true });
});
