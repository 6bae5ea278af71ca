import type { Express, NextFunction, Request, Response } from 'express';
import type { SessionOptions } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { givenDeadline } from '../../support/deadline';
import { faultyStore, STORE_ADDRESS, watchProcess, type FaultPlan, type FaultyStore } from '../../support/faulty-store';
import { startSandbox } from '../../support/sandbox';

const SCRIPT = { accept: 'application/json' };

const deadline = givenDeadline();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

let watched: ReturnType<typeof watchProcess>;
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

/** A visitor who remembers every cookie ever handed out. */
function collector(): Browser & { readonly handedOut: Set<string> } {
  const plain = browser();
  const handedOut = new Set<string>();
  return {
    ...plain,
    handedOut,
    async visit(url, headers, method) {
      const answer = await plain.visit(url, headers, method);
      for (const line of answer.headers['set-cookie'] ?? []) handedOut.add(line.split(';', 1)[0] ?? '');
      return answer;
    },
  };
}

function basketRoutes(app: Express): void {
  app.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: 'apples' });
    res.send('filled');
  });
  app.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
}

async function reachableTokens(app: TestApp, cookies: Iterable<string>): Promise<string[]> {
  const bodies: string[] = [];
  for (const cookie of cookies) bodies.push((await browser().visit(`${app.url}/token`, { ...SCRIPT, cookie })).body);
  return bodies.filter((body) => body !== 'null');
}

async function storedTokens(app: TestApp): Promise<unknown[]> {
  return Object.values(await app.sessions())
    .map((session) => session['connectToken'])
    .filter((token) => token != null);
}

function expectStoreAnswer(answer: Answer): void {
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect({ answerStatus: answer.status, problemStatus: problem['status'], code: problem['code'] }).toEqual({
    answerStatus: 503,
    problemStatus: 503,
    code: 'ERR_CONNECT_STORE',
  });
  expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.body));
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect([answer.headers['cache-control'], answer.headers['retry-after']]).toEqual(['no-store', '2']);
  expect(answer.headers['set-cookie']).toBeUndefined();
  expect(JSON.stringify(answer)).not.toMatch(/storepassword|redis|10\.9\.8\.7/u);
}

const OPERATIONS = ['get', 'set', 'destroy'] as const;
const FAULTS = ['fails', 'throws', 'hangs'] as const;
const once: FaultPlan[] = OPERATIONS.flatMap((operation) =>
  FAULTS.flatMap((fault) => [1, 2].map((call) => ({ operation, fault, call }))),
);
const plans: FaultPlan[] = [...once, ...once.map((plan) => ({ ...plan, lasting: true }))];
const named = (plan: FaultPlan): [string, FaultPlan] => [
  `${plan.operation} ${plan.fault} on our ${plan.call === 1 ? 'first' : 'second'} call${plan.lasting ? ' and later' : ''}`,
  plan,
];

const SESSION_OPTIONS: readonly [string, Partial<SessionOptions>, FaultPlan[]][] = [
  ['the usual session options', {}, plans],
  ["unset: 'destroy'", { unset: 'destroy' }, once],
  ['rolling: true', { rolling: true }, once],
  ['resave: true', { resave: true }, once],
];

describe.each(SESSION_OPTIONS)('with %s', (_name, sessionOptions, rows) => {
  let faulty: FaultyStore;
  let app: TestApp;
  const stages: string[] = [];
  beforeAll(async () => {
    faulty = faultyStore(deadline.pass);
    app = await startApp(sandbox, {
      store: faulty.store,
      session: sessionOptions,
      before: [faulty.watch],
      options: {
        storeTimeoutMs: deadline.ms,
        onEvent: (event) => {
          if (event.type === 'error') stages.push(event.stage);
        },
      },
      routes: basketRoutes,
    });
  });
  beforeEach(() => {
    stages.length = 0;
  });

  afterEach(async () => {
    faulty.heal();
    // Each row starts with an empty store.
    await new Promise<void>((resolve) => faulty.store.clear?.(() => resolve()));
  });

  test.each(rows.map(named))('authorize answers 503 or is not concerned when %s', async (_row, plan) => {
    const visitor = collector();
    await visitor.visit(`${app.url}/fill`);
    faulty.plan(plan);
    const answer = await visitor.visit(`${app.url}/connect/authorize`, SCRIPT);
    // A returning visitor's sign-in starts with one read and one write.
    const concerned = plan.operation !== 'destroy' && plan.call === 1;
    expect(faulty.faults()).toBe(concerned ? 1 : 0);
    expect(stages).toEqual(concerned ? ['authorize'] : []);
    if (concerned) expectStoreAnswer(answer);
    else expect(answer.status).toBe(302);
    faulty.heal();
    expect((await visitor.visit(`${app.url}/basket`)).body).toBe('"apples"');
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
    expect((await visitor.visit(`${app.url}/basket`)).body).toBe('"apples"');
  });

  test.each(rows.map(named))('callback answers 503 and connects nobody when %s', async (_row, plan) => {
    const visitor = collector();
    await visitor.visit(`${app.url}/fill`);
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    const code = new URL(callbackUrl).searchParams.get('code') ?? '';
    faulty.plan(plan);
    const answer = await visitor.visit(callbackUrl, SCRIPT);
    if (plan.operation === 'destroy' && plan.call === 2) {
      // The old session is gone; the second time is for what another process may have brought back.
      expect({ status: answer.status, faults: faulty.faults() }).toEqual({ status: 302, faults: 1 });
      return;
    }
    expectStoreAnswer(answer);
    expect(stages).toEqual(['callback']);
    expect(faulty.faults()).toBeGreaterThan(0);
    faulty.heal();
    expect(await reachableTokens(app, visitor.handedOut)).toEqual([]);
    if (plan.lasting !== true) expect(await storedTokens(app)).toEqual([]);
    expect((await visitor.visit(`${app.url}/basket`)).body).toBe('"apples"');
    // Nothing is spent before the first save succeeds, and everything after it.
    const spent = plan.call === 2 || plan.operation === 'destroy';
    expect(sandbox.presentations(code)).toBe(spent ? 1 : 0);
    const retry = await visitor.visit(callbackUrl);
    expect({ status: retry.status, presentations: sandbox.presentations(code) }).toEqual({
      status: spent ? 403 : 302,
      presentations: 1,
    });
    expect((await reachableTokens(app, visitor.handedOut)).length).toBe(spent ? 0 : 1);
    expect((await visitor.visit(`${app.url}/basket`)).body).toBe('"apples"');
  });

  test('a store that writes the new session and still reports an error leaves no token behind', async () => {
    const visitor = collector();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    faulty.plan({ operation: 'set', fault: 'fails after writing', call: 2 });
    const answer = await visitor.visit(callbackUrl, SCRIPT);
    expectStoreAnswer(answer);
    await nextTurn();
    expect(await storedTokens(app)).toEqual([]);
  });

  test("a first visitor's failed save is a whole error page without a cookie", async () => {
    const visitor = collector();
    faulty.plan({ operation: 'set', fault: 'hangs', call: 1, lasting: true });
    const answer = await visitor.visit(`${app.url}/connect/authorize`);
    expect({ status: answer.status, cookiesHandedOut: visitor.handedOut.size }).toEqual({
      status: 503,
      cookiesHandedOut: 0,
    });
    expect(answer.body).toMatch(/^<!doctype html>[\s\S]*ERR_CONNECT_STORE[\s\S]*<\/html>\n$/u);
    expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.body));
  });

  test('a store that goes away between the two visits is 503, and the sign-in can be finished later', async () => {
    const visitor = collector();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    faulty.store.emit('disconnect');
    const answer = await visitor.visit(callbackUrl, SCRIPT);
    faulty.store.emit('connect');
    expectStoreAnswer(answer);
    expect((await visitor.visit(callbackUrl)).status).toBe(302);
    expect((await reachableTokens(app, visitor.handedOut)).length).toBe(1);
  });

  test('a duplicate that cannot read the new session is 503 and gets no cookie', async () => {
    const visitor = collector();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    const late = browser(visitor.cookies);
    await visitor.visit(callbackUrl);
    faulty.plan({ operation: 'get', fault: 'throws', call: 1 });
    const answer = await late.visit(callbackUrl, SCRIPT);
    expectStoreAnswer(answer);
  });
});

test.each(FAULTS)(
  "with renderErrors: false the app's middleware gets the error and sees no session when set %s",
  async (fault) => {
    const faulty = faultyStore(deadline.pass);
    const met: unknown[] = [];
    const app = await startApp(sandbox, {
      store: faulty.store,
      session: { unset: 'destroy' },
      before: [faulty.watch],
      options: { storeTimeoutMs: deadline.ms, renderErrors: false },
      routes: (express) => {
        basketRoutes(express);
        express.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
          const { code, stage, status } = error as Record<string, unknown>;
          met.push([code, stage, status, typeof req.session, typeof req.sessionID]);
          next(error);
        });
      },
    });
    const visitor = collector();
    await visitor.visit(`${app.url}/fill`);
    for (const call of [1, 2]) {
      const callbackUrl = await beginSignIn(app, sandbox, visitor);
      faulty.plan({ operation: 'set', fault, call });
      const answer = await visitor.visit(callbackUrl, SCRIPT);
      expectStoreAnswer(answer);
      faulty.heal();
    }
    expect(met).toEqual(Array(2).fill(['ERR_CONNECT_STORE', 'callback', 503, 'undefined', 'undefined']));
    expect({
      reachableTokens: await reachableTokens(app, visitor.handedOut),
      storedTokens: await storedTokens(app),
    }).toEqual({ reachableTokens: [], storedTokens: [] });
    expect((await visitor.visit(`${app.url}/basket`)).body).toBe('"apples"');
  },
);

test('the watch on the process sees a rejection that nobody handles', async () => {
  const reason = new Error(STORE_ADDRESS);
  void Promise.reject(reason);
  await nextTurn();
  expect(watched.seen.splice(0)).toEqual([reason]);
});
