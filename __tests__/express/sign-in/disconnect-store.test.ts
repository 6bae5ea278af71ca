import type { Express, NextFunction, Request, Response } from 'express';
import { MemoryStore, type SessionOptions } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import {
  beginSignIn,
  browser,
  signIn,
  startApp,
  withApp,
  type Answer,
  type Browser,
  type TestApp,
} from '../../support/app';
import { givenDeadline } from '../../support/deadline';
import { faultyStore, watchProcess, type FaultPlan, type FaultyStore } from '../../support/faulty-store';
import { latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { clearSessions, tokensIn } from '../../support/stored';

const deadline = givenDeadline();
let sandbox: Sandbox;
let watched: ReturnType<typeof watchProcess>;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => {
  watched = watchProcess();
});
afterEach(async () => {
  await nextTurn();
  watched.stop();
  expect(watched.seen).toEqual([]);
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

function basketRoutes(express: Express): void {
  express.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: 'apples' });
    res.send('filled');
  });
  express.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
}

async function connected(app: TestApp): Promise<Browser> {
  const visitor = browser();
  await visitor.visit(`${app.url}/fill`);
  await signIn(app, sandbox, visitor);
  return visitor;
}

function disconnect(app: TestApp, visitor: Browser): Promise<Answer> {
  return visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
}

async function holds(app: TestApp, visitor: Browser): Promise<{ connected: boolean; basket: string }> {
  const connected = (await visitor.visit(`${app.url}/token`)).body !== 'null';
  return { connected, basket: (await visitor.visit(`${app.url}/basket`)).body };
}

function expectStoreAnswer(answer: Answer): void {
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect({ answerStatus: answer.status, problemStatus: problem['status'], code: problem['code'] }).toEqual({
    answerStatus: 503,
    problemStatus: 503,
    code: 'ERR_CONNECT_STORE',
  });
  expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.body));
  expect([answer.headers['cache-control'], answer.headers['retry-after']]).toEqual(['no-store', '2']);
  expect({ setCookie: answer.headers['set-cookie'], loginUrl: problem['loginUrl'] }).toEqual({
    setCookie: undefined,
    loginUrl: undefined,
  });
  expect(JSON.stringify(answer)).not.toMatch(/storepassword|redis|10\.9\.8\.7/u);
}

const OPERATIONS = ['get', 'set', 'destroy'] as const;
const FAULTS = ['fails', 'throws', 'hangs'] as const;
const single: FaultPlan[] = OPERATIONS.flatMap((operation) => FAULTS.map((fault) => ({ operation, fault, call: 1 })));
const lasting: FaultPlan[] = single.map((plan) => ({ ...plan, lasting: true }));
const named = (plan: FaultPlan): [string, FaultPlan] => [
  `${plan.operation} ${plan.fault}${plan.lasting === true ? ' and goes on so' : ''}`,
  plan,
];

const SESSION_OPTIONS: readonly [string, Partial<SessionOptions>, FaultPlan[]][] = [
  ['the usual session options', {}, [...single, ...lasting]],
  ["unset: 'destroy'", { unset: 'destroy' }, single],
  ['rolling: true', { rolling: true }, single],
  ['resave: true', { resave: true }, single],
];

describe.each(SESSION_OPTIONS)('with %s', (_name, session, plans) => {
  let faulty: FaultyStore;
  let app: TestApp;
  beforeAll(async () => {
    faulty = faultyStore(deadline.pass);
    app = await startApp(sandbox, {
      store: faulty.store,
      session,
      before: [faulty.watch],
      options: { storeTimeoutMs: deadline.ms },
      routes: basketRoutes,
    });
  });
  beforeEach(async () => {
    faulty.heal();
    await clearSessions(app);
  });

  test.each(plans.map(named))('%s: 503, the basket stays, and the next try succeeds', async (_words, plan) => {
    const visitor = await connected(app);
    const old = visitor.fork();
    faulty.plan(plan);
    const answer = await disconnect(app, visitor);
    expectStoreAnswer(answer);
    expect(faulty.faults()).toBeGreaterThan(0);
    faulty.heal();
    expect((await holds(app, visitor)).basket).toBe('"apples"');
    expect((await disconnect(app, visitor)).status).toBe(204);
    expect({
      visitor: await holds(app, visitor),
      old: await holds(app, old),
      storedTokens: await tokensIn(app),
    }).toEqual({
      visitor: { connected: false, basket: '"apples"' },
      old: { connected: false, basket: 'null' },
      storedTokens: 0,
    });
  });

  test.each(single.filter((plan) => plan.operation !== 'destroy').map(named))(
    '%s while a moved session is followed: 503, and the next try with the old cookie succeeds',
    async (_words, plan) => {
      const visitor = browser();
      await visitor.visit(`${app.url}/fill`);
      const callback = await beginSignIn(app, sandbox, visitor);
      const late = visitor.fork();
      await visitor.visit(callback);
      faulty.plan(plan);
      const answer = await disconnect(app, late);
      expectStoreAnswer(answer);
      faulty.heal();
      expect((await disconnect(app, late)).status).toBe(204);
      expect({ visitor: await holds(app, visitor), storedTokens: await tokensIn(app) }).toEqual({
        visitor: { connected: false, basket: '"apples"' },
        storedTokens: 0,
      });
    },
  );
});

describe('a store that is not to be believed', () => {
  let faulty: FaultyStore;
  let app: TestApp;
  beforeAll(async () => {
    faulty = faultyStore();
    app = await startApp(sandbox, { store: faulty.store, before: [faulty.watch], routes: basketRoutes });
  });
  beforeEach(() => faulty.heal());

  test('a set that writes and still reports an error: 503, and only the old session is left', async () => {
    await clearSessions(app);
    const visitor = await connected(app);
    faulty.plan({ operation: 'set', fault: 'fails after writing', call: 1 });
    const answer = await disconnect(app, visitor);
    expectStoreAnswer(answer);
    faulty.heal();
    await nextTurn();
    expect({
      sessionCount: Object.keys(await app.sessions()).length,
      basket: (await holds(app, visitor)).basket,
    }).toEqual({
      sessionCount: 1,
      basket: '"apples"',
    });
  });

  test('a destroy that removes and still reports an error: the token is gone, the basket is not', async () => {
    await clearSessions(app);
    const visitor = await connected(app);
    faulty.plan({ operation: 'destroy', fault: 'fails after writing', call: 1 });
    const answer = await disconnect(app, visitor);
    faulty.heal();
    expect({ status: answer.status, storedTokens: await tokensIn(app), visitor: await holds(app, visitor) }).toEqual({
      status: 204,
      storedTokens: 0,
      visitor: { connected: false, basket: '"apples"' },
    });
  });

  test('a store that has gone away is 503, and the connection can be ended later', async () => {
    const visitor = await connected(app);
    faulty.store.emit('disconnect');
    const answer = await disconnect(app, visitor);
    faulty.store.emit('connect');
    expectStoreAnswer(answer);
    expect((await disconnect(app, visitor)).status).toBe(204);
    expect(await holds(app, visitor)).toEqual({ connected: false, basket: '"apples"' });
  });
});

test.each(OPERATIONS)(
  'a %s that is carried out after our time was up changes no answer and brings nothing back',
  async (operation) => {
    const { store } = faultyStore();
    const target = store as unknown as Record<string, (...args: unknown[]) => void>;
    await withApp(sandbox, { store, routes: basketRoutes, options: { storeTimeoutMs: deadline.ms } }, async (app) => {
      const visitor = await connected(app);
      const sound = target[operation]!;
      const late: (() => void)[] = [];
      let skip = operation === 'get' ? 1 : 0;
      target[operation] = (...args) => {
        skip -= 1;
        // The first read is express-session's own.
        if (skip >= 0) sound(...args);
        else {
          late.push(() => sound(...args));
          setImmediate(deadline.pass);
        }
      };
      const answer = await disconnect(app, visitor);
      expectStoreAnswer(answer);
      target[operation] = sound;
      for (const run of late) run();
      await nextTurn();
      await nextTurn();
      const again = await disconnect(app, visitor);
      expect({ status: again.status, storedTokens: await tokensIn(app) }).toEqual({ status: 204, storedTokens: 0 });
      // A destroy that succeeds late takes the old session with it, as a visitor's own logout would.
      expect((await holds(app, visitor)).basket).toBe(operation === 'destroy' ? 'null' : '"apples"');
    });
  },
);

test('two tabs on a hanging store are both 503 in time', async () => {
  const faulty = faultyStore(deadline.pass);
  const parts = {
    store: faulty.store,
    before: [faulty.watch],
    routes: basketRoutes,
    options: { storeTimeoutMs: deadline.ms },
  };
  await withApp(sandbox, parts, async (app) => {
    const visitor = await connected(app);
    faulty.plan({ operation: 'set', fault: 'hangs', call: 1, lasting: true });
    const answers = await Promise.all([disconnect(app, visitor.fork()), disconnect(app, visitor.fork())]);
    for (const answer of answers) expectStoreAnswer(answer);
    faulty.heal();
    expect([(await disconnect(app, visitor)).status, await holds(app, visitor)]).toEqual([
      204,
      { connected: false, basket: '"apples"' },
    ]);
  });
});

test.each(OPERATIONS)(
  "with renderErrors: false the app's middleware gets the error of %s and sees no session",
  async (operation) => {
    const faulty = faultyStore();
    const met: unknown[] = [];
    await withApp(
      sandbox,
      {
        store: faulty.store,
        session: { unset: 'destroy' },
        before: [faulty.watch],
        options: { renderErrors: false },
        routes: (express) => {
          basketRoutes(express);
          express.use((error: unknown, req: Request, _res: Response, next: NextFunction) => {
            const { code, stage, status } = error as Record<string, unknown>;
            met.push([code, stage, status, typeof req.session, typeof req.sessionID]);
            next(error);
          });
        },
      },
      async (app) => {
        const visitor = await connected(app);
        faulty.plan({ operation, fault: 'fails', call: 1 });
        const answer = await disconnect(app, visitor);
        expectStoreAnswer(answer);
        faulty.heal();
        expect(met).toEqual([['ERR_CONNECT_STORE', 'disconnect', 503, 'undefined', 'undefined']]);
        expect((await holds(app, visitor)).basket).toBe('"apples"');
      },
    );
  },
);

test('a slow request that meets the session while it is being destroyed does not bring it back', async () => {
  const store = new MemoryStore();
  const [destroying, answering] = [latch(), latch()];
  const app = await startApp(sandbox, {
    store,
    routes: (express) => {
      basketRoutes(express);
      express.get('/slow', (req, res) => {
        // Reading is not changing, whatever the app finds there.
        const found = req.session.connectToken ?? null;
        void answering.wait().then(() => void res.json(found));
      });
    },
  });
  const visitor = await connected(app);
  const old = visitor.fork();
  const destroy = store.destroy.bind(store);
  store.destroy = (id, done) => void destroying.wait().then(() => destroy(id, done));
  const ending = disconnect(app, visitor);
  await destroying.reached;
  const slow = old.visit(`${app.url}/slow`);
  await answering.reached;
  destroying.open();
  expect((await ending).status).toBe(204);
  answering.open();
  expect((await slow).body).toBe('null');
  expect(Object.keys(await app.sessions())).toHaveLength(1);
  expect(await holds(app, old)).toEqual({ connected: false, basket: 'null' });
});
