import type { Request } from 'express';
import type { ConnectionStore, ConnectToken } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, type Answer } from '../../support/app';
import { givenRotation, latch, tokenIn, type Latch, type Time } from '../../support/refreshing';
import { sharedStores, userApp, userOf, type Device, type Shared, type UserApp } from '../../support/users';

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
const startOn = ({ app }: UserApp, { browser }: Device): Promise<string> => beginSignIn(app, sandbox, browser);
const soon = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves once `isSo` holds, or after a while. */
async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400 && !(await isSo()); tries += 1) await soon(10);
}

/** A store whose saves a test may look into. */
function watched(
  aroundSave: (save: () => Promise<string | undefined>) => Promise<string | undefined>,
): ConnectionStore {
  const { connections } = shared;
  return {
    ...connections,
    encryptionKeys: connections.encryptionKeys,
    save: (key, record, ifVersion) => aroundSave(() => connections.save(key, record, ifVersion)),
  };
}

test('disconnect: with the cookie from before a sign-in of a moment ago it ends the connection, or says that it has not', async () => {
  const web = await userApp(sandbox, shared);
  const phone = await web.device('ada');
  const callback = await startOn(web, phone);
  // A click on "disconnect" that left the browser before the answer to the callback was there.
  const late = phone.browser.fork();
  expect((await phone.browser.visit(callback, script)).status).toBe(302);
  const { status } = await late.visit(
    `${web.app.url}/connect/disconnect`,
    { 'sec-fetch-site': 'same-origin', ...script },
    'POST',
  );
  const state = await web.connect.of('ada').status();
  expect([status < 300, state.connected]).not.toEqual([true, true]);
});

describe('undo', () => {
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

  test('(control) puts back what was there when one sign-in fails after it was recorded', async () => {
    const { web, failNext } = await failing();
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    failNext();
    const saves = shared.calls.save;
    expect((await laptop.browser.visit(callback, script)).status).toBe(403);
    await eventually(() => shared.calls.save === saves + 2);
    await expect(web.connect.of('ada').getToken()).resolves.toEqual(before);
  });

  test('that takes its time costs nobody the connection that is being put back', async () => {
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

  test('a job elsewhere that meets the dropped token meanwhile does not cost the living connection', async () => {
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
    await soon(100);
    await web.connect.close();
    await expect(worker.connect.of('ada').getToken()).resolves.toMatchObject({ access_token: before.access_token });
  });

  test('of a write that is carried out late takes it back all the same', async () => {
    const gate = latch();
    let isLate = false;
    const connections = watched(async (save) => {
      if (isLate) {
        isLate = false;
        // On its way in another connection of the pool: whoever comes later is faster.
        await gate.wait();
      }
      return save();
    });
    const web = await userApp(sandbox, shared, { options: { connections, storeTimeoutMs: 1000 } });
    const [phone, laptop] = [await web.device('ada'), await web.device('ada')];
    await phone.connect();
    const before = await web.connect.of('ada').getToken();
    const callback = await startOn(web, laptop);
    isLate = true;
    const { status, body } = await laptop.browser.visit(callback, script);
    expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([503, 'ERR_CONNECT_STORE']);
    await soon(300);
    await web.connect.close();
    gate.open();
    await soon(300);
    await web.connect.close();
    const other = await userApp(sandbox, shared);
    await expect(other.connect.of('ada').getToken()).resolves.toMatchObject({ access_token: before.access_token });
  });
});

describe('a token that was won', () => {
  test('is waited for by close() until the store has it', async () => {
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
    await soon(200);
    const wasClosed = isClosed;
    gate.open();
    await Promise.all([job, closing]);
    expect(wasClosed).toBe(false);
  });
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

test('import: a connection of a token that has ended does not come back after another one', async () => {
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

test("import: an anonymous connection that becomes a user's is never that of nobody in their sessions", async () => {
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
  const two = phone.fresh();
  await soon(150);
  sandbox.release();
  await Promise.all([one, two]);
  await phone.logOut();
  expect((await phone.plain()).body).toBe('null');
  expect((await phone.fresh()).status).toBe(401);
});

describe('a plain reader', () => {
  const readers = (): Promise<UserApp> =>
    userApp(sandbox, shared, {
      routes(app, connect) {
        app.get('/switch', (req, res) => {
          (req.session as { userId?: string }).userId = 'eve';
          res.json(req.session.connectToken ?? null);
        });
        app.get(
          '/back',
          (req, _res, next) => {
            (req.session as { userId?: string }).userId = 'ada';
            next();
          },
          connect.requireConnect(),
          (req, res) => void res.json(req.session.connectToken ?? null),
        );
      },
    });

  test('who logs in as somebody else in this very request sees nothing of the user before', async () => {
    const web = await readers();
    const shop = await web.device('ada');
    await shop.connect();
    expect((await shop.browser.visit(`${web.app.url}/switch`, script)).body).toBe('null');
  });

  test('behind the guard finds the token of the user who has logged in in this very request', async () => {
    const web = await readers();
    const shop = await web.device('ada');
    await shop.connect();
    const { access_token } = tokenIn(await shop.fresh());
    await shop.logOut();
    const answer = await shop.browser.visit(`${web.app.url}/back`, script);
    expect([answer.status, (JSON.parse(answer.body) as { access_token?: string } | null)?.access_token]).toEqual([
      200,
      access_token,
    ]);
  });
});

test('a user who logs in does not cost the session its anonymous connection', async () => {
  const web = await userApp(sandbox, shared);
  await (await web.device('ada')).connect();
  const shop = await web.device();
  await shop.connect();
  expect((await shop.guarded()).status).toBe(200);
  await shop.logIn('ada');
  expect((await shop.guarded()).status).toBe(200);
  await shop.logOut();
  const kept = await shop.guarded();
  // Either it is still there, or it has ended for good and the app was told.
  expect([kept.status === 200, web.told('ended').length > 0]).toContain(true);
});

const polluted = Object.prototype as unknown as Record<string, unknown>;
async function withPollution<T>(name: string, value: unknown, run: () => Promise<T>): Promise<T> {
  Object.defineProperty(polluted, name, { value, configurable: true, writable: true, enumerable: false });
  try {
    return await run();
  } finally {
    Reflect.deleteProperty(polluted, name);
  }
}

describe('a polluted Object.prototype', () => {
  test('removes no record', async () => {
    const web = await userApp(sandbox, shared);
    await (await web.device('ada')).connect();
    await withPollution('record', 'none', () => web.connect.of('ada').import({ access_token: 'a' }));
    await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: true });
  });

  test("makes nobody's token no user's, nor hides it", async () => {
    const web = await userApp(sandbox, shared);
    const eve = await web.device('eve');
    await eve.connect();
    const tag = tokenIn(await eve.fresh())
      .connection.split('.')
      .at(-1);
    const visitor = await web.device();
    const callback = await startOn(web, visitor);
    await withPollution('ownerTag', tag, () => visitor.browser.visit(callback, script));
    expect((await visitor.fresh()).status).toBe(200);
    await visitor.logIn('eve');
    const { connection } = tokenIn(await visitor.fresh());
    expect(connection).toBe(tokenIn(await eve.fresh()).connection);
  });
});

test.each([
  ['status', 200],
  ['reference', 'CANARY'],
])('a polluted Object.prototype.%s does not change the answer for an ended connection', async (name, value) => {
  const web = await userApp(sandbox, shared);
  const phone = await web.device('ada');
  await phone.connect();
  sandbox.revoke(tokenIn(await phone.fresh()).access_token);
  time.pass(3_600_000);
  await phone.fresh();
  const sound = await web.connect
    .of('ada')
    .getToken()
    .catch((error: unknown) => error);
  const spoiled = await withPollution(name, value, () =>
    web.connect
      .of('ada')
      .getToken()
      .catch((error: unknown) => error),
  );
  expect(sound).toMatchObject({ code: 'ERR_CONNECT_EXPIRED', status: 401 });
  expect(spoiled).toMatchObject({ code: 'ERR_CONNECT_EXPIRED', status: 401 });
  expect((spoiled as { reference: unknown }).reference).not.toBe('CANARY');
});

test('a store that hangs holds up a visitor with a valid token once, not at each request', async () => {
  const web = await userApp(sandbox, shared, { options: { storeTimeoutMs: 500 } });
  const phone = await web.device('ada');
  await phone.connect();
  time.pass(61_000);
  shared.hold();
  const startedMs = performance.now();
  for (let visits = 0; visits < 5; visits += 1) expect((await phone.guarded()).status).toBe(200);
  const tookMs = performance.now() - startedMs;
  shared.release();
  expect(tookMs).toBeLessThan(1500);
});

describe('an owner function that returns', () => {
  test('what throws when it is looked at: a clear 500 without its words', async () => {
    const trap = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('CANARY-secret');
      },
    });
    let isFaulty = false;
    const web = await userApp(sandbox, shared, {
      options: { owner: (req: Request) => (isFaulty ? (trap as unknown as string) : userOf(req)) },
    });
    const device = await web.device('ada');
    isFaulty = true;
    const answer: Answer = await device.guarded();
    expect(answer.body).not.toContain('CANARY');
    expect([answer.status, (JSON.parse(answer.body) as { code?: string }).code]).toEqual([500, 'ERR_CONNECT_OPTIONS']);
  });

  test('a promise that rejects: a clear 500, and no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      let isFaulty = false;
      const web = await userApp(sandbox, shared, {
        options: {
          owner: (req: Request) =>
            isFaulty ? (Promise.reject(new Error('no such user')) as unknown as string) : userOf(req),
        },
      });
      const device = await web.device('ada');
      isFaulty = true;
      expect((await device.guarded()).status).toBe(500);
      await soon(50);
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });
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

const keys = [{ id: 'k1', secret: 'a secret of key k1, long enough for anybody' }];
describe.each([
  ['plain', {}, {}],
  ['plain, with resave and rolling', {}, { resave: true, rolling: true }],
  ['sealed', { encryptionKeys: keys }, {}],
  ['sealed, with resave and rolling', { encryptionKeys: keys }, { resave: true, rolling: true }],
])('(control) sessions: %s', (_how, options, session) => {
  test('a user switch and back shows each user their own, and keeps nothing of theirs for the other', async () => {
    const web = await userApp(sandbox, shared, { options, session });
    const shop = await web.device('ada');
    await shop.connect();
    const ada = tokenIn(await shop.fresh()).access_token;
    await shop.logIn('eve');
    for (const path of [shop.plain, shop.guarded, shop.plain, shop.fresh, shop.me]) {
      expect((await path()).body).not.toContain(ada);
    }
    await shop.connect();
    const eve = tokenIn(await shop.fresh()).access_token;
    expect(eve).not.toBe(ada);
    await shop.logIn('ada');
    expect((await shop.plain()).body).toBe('null');
    expect(tokenIn(await shop.guarded()).access_token).toBe(ada);
    expect(tokenIn(await shop.plain()).access_token).toBe(ada);
    time.pass(3_600_000);
    const refreshed = tokenIn(await shop.fresh()).access_token;
    await shop.logIn('eve');
    expect((await shop.plain()).body).toBe('null');
    expect([ada, eve, refreshed]).not.toContain(tokenIn(await shop.fresh()).access_token);
  });

  test("a sign-in whose onConnect logs in with a new session id is that user's", async () => {
    const web = await userApp(sandbox, shared, {
      options: {
        ...options,
        onConnect: (req) =>
          new Promise<void>((resolve, reject) => {
            req.session.regenerate((error) => {
              (req.session as { userId?: string }).userId = 'new';
              if (error == null) resolve();
              else reject(new Error('store'));
            });
          }),
      },
      session,
    });
    const device = await web.device();
    expect((await device.connect()).status).toBe(302);
    expect((await device.guarded()).status).toBe(200);
    await expect(web.connect.of('new').status()).resolves.toMatchObject({ connected: true });
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
  await soon(100);
  await web.connect.close();
  await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: false });
  const ended = [...web.told('ended'), ...worker.told('ended')].map(({ connection }) => connection);
  expect(ended).toHaveLength(isConnected ? 2 : 1);
  if (isConnected) expect(ended).toContain(first?.connection);
});

test('(control) two users at once in one session get their own tokens only', async () => {
  const web = await userApp(sandbox, shared, {
    options: { owner: (req: Request) => req.get('x-user') },
    session: { resave: true, rolling: true },
  });
  const own: Record<string, string> = {};
  for (const user of ['ada', 'eve']) {
    const visitor = await web.device('somebody');
    const headers = { accept: 'text/html', 'x-user': user };
    const started = await visitor.browser.visit(`${web.app.url}/connect/authorize`, headers);
    expect((await visitor.browser.visit(await sandbox.allow(started.location), headers)).status).toBe(302);
    own[user] = (await web.connect.of(user).getToken()).access_token;
  }
  const { browser } = await web.device('somebody');
  const ask = async (user: string, path: string): Promise<void> => {
    const { status, body } = await browser.visit(web.app.url + path, { ...script, 'x-user': user });
    const found = JSON.parse(body) as { access_token?: string } | null;
    if (path === '/token') expect([undefined, own[user]]).toContain(found?.access_token);
    else expect([status, found?.access_token]).toEqual([200, own[user]]);
  };
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      ['ada', 'eve'].flatMap((user) => ['/token', '/fresh', '/guarded'].map((path) => ask(user, path))),
    );
  }
});

describe('(control) sign-ins, disconnects and jobs of one user in any order, in two processes', () => {
  test.each([1, 2, 3, 4, 5, 6])('leave what the record says: seed %i', async (seed) => {
    let state = seed * 7919;
    const random = (): number => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const { connections } = shared;
    const jitter = (): Promise<void> => soon(Math.floor(random() * 12));
    const slow: ConnectionStore = {
      encryptionKeys: connections.encryptionKeys,
      load: async (key) => {
        const found = await connections.load(key);
        await jitter();
        return found;
      },
      save: async (key, record, ifVersion) => {
        await jitter();
        return connections.save(key, record, ifVersion);
      },
      remove: async (key, ifVersion) => {
        await jitter();
        return connections.remove(key, ifVersion);
      },
    };
    const options = { connections: slow };
    const [one, two] = [await userApp(sandbox, shared, { options }), await userApp(sandbox, shared, { options })];
    const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
    for (let round = 0; round < 4; round += 1) {
      const work: (() => Promise<unknown>)[] = [
        () => phone.connect().catch(() => undefined),
        () => laptop.connect().catch(() => undefined),
        () =>
          random() < 0.5
            ? phone.disconnect()
            : two.connect
                .of('ada')
                .disconnect()
                .catch(() => undefined),
        () =>
          one.connect
            .of('ada')
            .getToken()
            .catch(() => undefined),
        () => laptop.fresh(),
      ];
      await Promise.all(
        work.map(async (run) => {
          await soon(Math.floor(random() * 60));
          await run();
        }),
      );
      await soon(50);
      time.pass(61_000);
      const status = await two.connect.of('ada').status();
      // Cookies of two tabs race, as they do with any new session id: a browser may have lost its login.
      await Promise.all([phone.logIn('ada'), laptop.logIn('ada')]);
      const answers = [await phone.guarded(), await laptop.guarded()];
      expect(answers.map((answer) => answer.status)).toEqual(status.connected ? [200, 200] : [401, 401]);
      time.pass(3_600_000);
      const later = await two.connect
        .of('ada')
        .getToken()
        .then(
          () => true,
          () => false,
        );
      expect(later).toBe(status.connected);
    }
  });
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
