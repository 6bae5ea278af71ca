import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { HeldStore } from '../../support/held-store';
import { startSandbox } from '../../support/sandbox';

/*
 * express-session has asked the store, the store has read, and its answer is on its way (a round trip to Redis; one
 * setImmediate of MemoryStore). Meanwhile the session ends in this process.
 */
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

const SCRIPT = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };

async function start(): Promise<{ app: TestApp; store: HeldStore; visitor: Browser }> {
  const store = new HeldStore();
  const app = await startApp(sandbox, {
    store,
    routes: (own) => {
      own.get('/login', (req, res) => {
        Object.assign(req.session, { user: 'v' });
        res.send('welcome');
      });
      own.get('/who', (req, res) => void res.send(String((req.session as unknown as { user?: string }).user)));
      own.get('/destroy', (req, res) => req.session.destroy(() => void res.send('bye')));
      own.get('/regenerate', (req, res) => req.session.regenerate(() => void res.send('bye')));
    },
  });
  const visitor = browser();
  await visitor.visit(`${app.url}/login`);
  return { app, store, visitor };
}

async function whileLoading(
  store: HeldStore,
  visit: () => Promise<Answer>,
  meanwhile: () => Promise<unknown>,
): Promise<{ status: number; reason: unknown; alive: number }> {
  const gate = store.hold('get');
  const answering = visit();
  await gate.reached;
  await meanwhile();
  gate.open();
  const { status, body } = await answering;
  const alive = Object.values(store.documents).filter((text) => text.includes('"user":"v"')).length;
  return { status, reason: body === '' ? undefined : (JSON.parse(body) as { reason?: unknown }).reason, alive };
}

describe.each(['/destroy', '/regenerate'])('a session that ends by %s while express-session loads it', (path) => {
  test('is not brought back by the start of a sign-in', async () => {
    const { app, store, visitor } = await start();
    const found = await whileLoading(
      store,
      () => visitor.fork().visit(`${app.url}/connect/authorize`, SCRIPT),
      () => visitor.fork().visit(app.url + path),
    );
    expect(found).toEqual({ status: 503, reason: 'gone', alive: 0 });
  });

  test('is not brought back by a callback, whose code is not exchanged', async () => {
    const { app, store, visitor } = await start();
    const callback = await beginSignIn(app, sandbox, visitor);
    const late = visitor.fork();
    const found = await whileLoading(
      store,
      () => late.visit(callback, SCRIPT),
      () => visitor.fork().visit(app.url + path),
    );
    expect({ ...found, who: (await late.visit(`${app.url}/who`)).body, exchanges: sandbox.calls.exchange }).toEqual({
      status: 403,
      reason: 'no_session',
      alive: 0,
      who: 'undefined',
      exchanges: 0,
    });
  });
});

test('a session that a disconnect moves meanwhile is not brought back by the start of a sign-in', async () => {
  const { app, store, visitor } = await start();
  await signIn(app, sandbox, visitor);
  const [old = ''] = Object.keys(store.documents);
  const found = await whileLoading(
    store,
    () => visitor.fork().visit(`${app.url}/connect/authorize`, SCRIPT),
    () => visitor.fork().visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST'),
  );
  expect({ ...found, old: store.documents[old] }).toEqual({ status: 503, reason: 'gone', alive: 1, old: undefined });
  expect(Object.values(store.documents).filter((text) => text.includes('access_token'))).toEqual([]);
});

test('a session that another callback moves meanwhile is not brought back by the start of a sign-in', async () => {
  const { app, store, visitor } = await start();
  const callback = await beginSignIn(app, sandbox, visitor);
  const [old = ''] = Object.keys(store.documents);
  const found = await whileLoading(
    store,
    () => visitor.fork().visit(`${app.url}/connect/authorize`, SCRIPT),
    () => visitor.fork().visit(callback),
  );
  expect({ ...found, old: store.documents[old] }).toEqual({ status: 503, reason: 'gone', alive: 1, old: undefined });
});

test('a session that a callback moves meanwhile is not brought back by a refusal for the same state', async () => {
  const { app, store, visitor } = await start();
  const callback = await beginSignIn(app, sandbox, visitor);
  const [old = ''] = Object.keys(store.documents);
  const state = new URL(callback).searchParams.get('state') ?? '';
  const found = await whileLoading(
    store,
    () => visitor.fork().visit(`${app.url}/connect/callback?error=access_denied&state=${state}`, SCRIPT),
    () => visitor.fork().visit(callback),
  );
  expect({ alive: found.alive, old: store.documents[old] }).toEqual({ alive: 1, old: undefined });
});

test('a token that a disconnect with the old cookie removes meanwhile stays removed', async () => {
  const { app, store, visitor } = await start();
  const old = visitor.fork();
  const callback = await beginSignIn(app, sandbox, visitor);
  await visitor.visit(callback);
  const found = await whileLoading(
    store,
    () => visitor.fork().visit(`${app.url}/connect/authorize`, SCRIPT),
    () => old.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST'),
  );
  expect(found.alive).toBe(1);
  expect(Object.values(store.documents).filter((text) => text.includes('access_token'))).toEqual([]);
});
