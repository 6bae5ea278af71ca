import type { Request } from 'express';
import { MemoryStore } from 'express-session';
import type { ConnectionStore } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { latch, type Latch, type Time } from '../../support/refreshing';
import { turns } from '../../support/turns';
import {
  givenUsers,
  said,
  script,
  startOn as start,
  userApp,
  watchSaves,
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
const watched = (around: Parameters<typeof watchSaves>[1]): ConnectionStore => watchSaves(shared, around);

describe('taking back', () => {
  interface Failing {
    readonly web: UserApp;
    /** Has the next sign-in fail once it was recorded, as a logout in another tab does; the latch holds it before that. */
    readonly failNext: (gate?: Latch) => void;
    /** Has the next save wait, once it is its turn. */
    readonly holdSave: (gate: Latch) => void;
  }

  async function failing(): Promise<Failing> {
    let doomed: { req: Request; id: string; gate: Latch | undefined } | undefined;
    let next: { gate: Latch | undefined } | undefined;
    let held: Latch | undefined;
    const connections = watched(async (save) => {
      const gate = held;
      if (doomed === undefined && gate !== undefined) {
        held = undefined;
        await gate.wait();
      }
      const version = await save();
      if (doomed !== undefined && version !== undefined) {
        const { req, id, gate: own } = doomed;
        doomed = undefined;
        await new Promise<void>((resolve) => req.sessionStore.destroy(id, () => resolve()));
        await own?.wait();
      }
      return version;
    });
    const web = await userApp(sandbox, shared, {
      options: {
        connections,
        onConnect: (req) => {
          if (next !== undefined) doomed = { req, id: req.sessionID, ...next };
          next = undefined;
        },
      },
    });
    return {
      web,
      failNext: (gate) => {
        next = { gate };
      },
      holdSave: (gate) => {
        held = gate;
      },
    };
  }

  test('a sign-in that fails after it was recorded puts back what was there', async () => {
    const { web, failNext } = await failing();
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    failNext();
    expect((await laptop.browser.visit(callback, script)).status).toBe(403);
    await web.connect.close();
    await expect(web.connect.of('ada').getToken()).resolves.toEqual(before);
  });

  test('takes its time, and costs nobody the connection that is being put back', async () => {
    const { web, failNext, holdSave } = await failing();
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    expect((await phone.guarded()).status).toBe(200);
    const callback = await startOn(web, laptop);
    const slow = latch();
    failNext();
    holdSave(slow);
    expect((await laptop.browser.visit(callback, script)).status).toBe(403);
    await slow.reached;
    const { status } = await phone.guarded();
    slow.open();
    expect(status).toBe(200);
  });

  test('is not spoiled by a job elsewhere that meets the dropped token meanwhile', async () => {
    const { web, failNext, holdSave } = await failing();
    const worker = await userApp(sandbox, shared, { options: { owner: undefined } });
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    const slow = latch();
    failNext();
    holdSave(slow);
    expect((await laptop.browser.visit(callback, script)).status).toBe(403);
    await slow.reached;
    const dropped = await worker.connect.of('ada').getToken();
    time.pass(10_000);
    await worker.connect
      .of('ada')
      .getToken({ refused: dropped.access_token })
      .catch(() => undefined);
    slow.open();
    await web.connect.close();
    await expect(worker.connect.of('ada').getToken()).resolves.toMatchObject({ access_token: before.access_token });
  });

  test.each([
    ['and says so', false],
    ['and says that it was not', true],
  ])('reaches a write that is carried out late, %s', async (_what, isDenied) => {
    const gate = latch();
    let isLate = false;
    const connections = watched(async (save) => {
      if (!isLate) return save();
      isLate = false;
      // On its way in another connection of the pool: whoever comes later is faster.
      await gate.wait();
      const version = await save();
      if (isDenied) throw new Error('the answer got lost');
      return version;
    });
    const web = await userApp(sandbox, shared, { options: { connections, storeTimeoutMs: 100 } });
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    isLate = true;
    expect(said(await laptop.browser.visit(callback, script))).toEqual([503, 'ERR_CONNECT_STORE', 'timeout']);
    await web.connect.close();
    gate.open();
    await turns(20);
    await web.connect.close();
    const other = await userApp(sandbox, shared);
    await expect(other.connect.of('ada').getToken()).resolves.toMatchObject({ access_token: before.access_token });
  });
});

test.each([
  ['ends the connection before it as well', true],
  ['has nothing more to end where there was none before', false],
])('a disconnect during a sign-in that then fails %s', async (_what, isConnected) => {
  const gate = latch();
  let doomed: { req: Request; id: string } | undefined;
  let isNext = false;
  const connections = watched(async (save) => {
    const version = await save();
    if (doomed !== undefined) {
      const { req, id } = doomed;
      doomed = undefined;
      await new Promise<void>((resolve) => req.sessionStore.destroy(id, () => resolve()));
      await gate.wait();
    }
    return version;
  });
  const web = await userApp(sandbox, shared, {
    options: {
      connections,
      onConnect: (req) => {
        if (isNext) doomed = { req, id: req.sessionID };
        isNext = false;
      },
    },
  });
  const worker = await userApp(sandbox, shared, { options: { owner: undefined } });
  const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
  if (isConnected) await phone.connect();
  const [first] = web.told('connected');
  const callback = await startOn(web, laptop);
  isNext = true;
  const answer = laptop.browser.visit(callback, script);
  await gate.reached;
  await worker.connect.of('ada').disconnect();
  gate.open();
  expect((await answer).status).toBe(403);
  await web.connect.close();
  await turns(5);
  await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: false });
  const ended = [...web.told('ended'), ...worker.told('ended')].map(({ connection }) => connection);
  expect(ended).toHaveLength(isConnected ? 2 : 1);
  if (isConnected) expect(ended).toContain(first?.connection);
});

test('a process that dies after a sign-in has failed, before its record was taken back, leaves its user connected', async () => {
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
  time.pass(3_600_000);
  await expect(two.connect.of('ada').getToken()).resolves.toMatchObject({ type: 'bearer' });
  // What has died offers nothing any more.
  isDying = false;
  await one.connect.close();
});

test('a disconnect with the cookie from before a sign-in of a moment ago is sent again, and ends it then', async () => {
  const web = await userApp(sandbox, shared);
  const phone = await web.device('ada');
  const callback = await startOn(web, phone);
  // A click on "disconnect" that left the browser before the answer to the callback was there.
  const late = phone.browser.fork();
  expect((await phone.browser.visit(callback, script)).status).toBe(302);
  const answer = await late.visit(
    `${web.app.url}/connect/disconnect`,
    { 'sec-fetch-site': 'same-origin', ...script },
    'POST',
  );
  expect(said(answer)).toEqual([503, 'ERR_CONNECT_LEDGER', 'moved']);
  await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: true });
  expect((await phone.disconnect()).status).toBe(204);
  await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: false, reason: 'disconnected' });
});

test('a disconnect that has ended a sign-in in flight leaves nothing of it in the record', async () => {
  const { connections } = shared;
  const [afterLoad, afterSave] = [latch(), latch()];
  let holds: 'load' | 'save' | undefined;
  const slow: ConnectionStore = {
    ...connections,
    encryptionKeys: connections.encryptionKeys,
    load: async (key) => {
      const found = await connections.load(key);
      if (holds === 'load') {
        holds = undefined;
        await afterLoad.wait();
      }
      return found;
    },
    save: async (...given) => {
      const version = await connections.save(...given);
      if (holds === 'save') {
        holds = undefined;
        await afterSave.wait();
      }
      return version;
    },
  };
  const web = await userApp(sandbox, shared, { options: { connections: slow } });
  const worker = await userApp(sandbox, shared, { options: { owner: undefined } });
  const phone = await web.device('ada');
  const callback = await startOn(web, phone);
  const [tab, other] = [phone.browser, phone.browser.fork()];
  holds = 'load';
  const ending = other.visit(
    `${web.app.url}/connect/disconnect`,
    { 'sec-fetch-site': 'same-origin', ...script },
    'POST',
  );
  await afterLoad.reached;
  holds = 'save';
  const signingIn = tab.visit(callback, script);
  await afterSave.reached;
  afterLoad.open();
  afterSave.open();
  const [{ status }] = await Promise.all([ending, signingIn]);
  const { connected } = await worker.connect.of('ada').status();
  // Whoever was first: a disconnect that says so has ended it.
  expect([status < 300, connected]).not.toEqual([true, true]);
});

describe('a save that is said to have failed, and is carried out later,', () => {
  /** An app whose next sign-in meets that; `land` carries it out. */
  async function late(): Promise<{
    readonly web: UserApp;
    readonly arm: () => void;
    readonly land: () => Promise<unknown>;
  }> {
    let isArmed = false;
    let landing: (() => Promise<unknown>) | undefined;
    const connections = watched((save) => {
      if (!isArmed) return save();
      isArmed = false;
      landing = save;
      // As a database does whose statement waits for a lock for longer than anybody waits for it.
      return Promise.reject(new Error('timeout'));
    });
    return {
      web: await userApp(sandbox, shared, { options: { connections } }),
      arm: () => {
        isArmed = true;
      },
      land: async () => landing?.(),
    };
  }

  test('does not take the place of the connection that was there', async () => {
    const { web, arm, land } = await late();
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    arm();
    expect(said(await laptop.browser.visit(callback, script)).slice(0, 2)).toEqual([503, 'ERR_CONNECT_STORE']);
    await web.connect.close();
    expect(await land()).toBeUndefined();
    const elsewhere = await userApp(sandbox, shared);
    expect(await elsewhere.connect.of('ada').getToken()).toEqual(before);
    expect((await phone.guarded()).status).toBe(200);
  });

  test('leaves nothing where nothing was there: the user connects again', async () => {
    const { web, arm, land } = await late();
    const phone = await web.device('ada');
    const callback = await startOn(web, phone);
    arm();
    expect((await phone.browser.visit(callback, script)).status).toBe(503);
    await web.connect.close();
    expect(await land()).toBeUndefined();
    const elsewhere = await userApp(sandbox, shared);
    expect(await elsewhere.connect.of('ada').status()).toMatchObject({ connected: false });
    await expect(elsewhere.connect.of('ada').getToken()).rejects.toMatchObject({ code: 'ERR_CONNECT_REQUIRED' });
    await phone.connect();
    expect((await phone.guarded()).status).toBe(200);
  });

  test('before it was taken back is taken back then', async () => {
    const { web, arm, land } = await late();
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    arm();
    const answering = laptop.browser.visit(callback, script);
    await turns(20);
    await land();
    expect((await answering).status).toBe(503);
    await web.connect.close();
    const elsewhere = await userApp(sandbox, shared);
    expect(await elsewhere.connect.of('ada').getToken()).toEqual(before);
  });
});

test('a refreshed token that is not recorded at the first try is reported, once, and recorded later', async () => {
  let failures = 0;
  const connections = watched((save) => {
    if (failures === 0) return save();
    failures -= 1;
    return Promise.reject(new Error('no right to write'));
  });
  const web = await userApp(sandbox, shared, { options: { connections } });
  const phone = await web.device('ada');
  await phone.connect();
  time.pass(3_600_000);
  // More than one try has.
  failures = 3;
  const { status } = await phone.guarded();
  const told = web.told('error');
  expect(status).toBe(200);
  expect(told).toMatchObject([{ code: 'ERR_CONNECT_STORE', reason: 'failed', stage: 'refresh', owner: 'ada' }]);
  await web.connect.close();
  expect(failures).toBe(0);
  expect(web.told('error')).toHaveLength(1);
  const elsewhere = await userApp(sandbox, shared);
  expect((await elsewhere.connect.of('ada').getToken()).connection).toMatch(/\.1/u);
});
