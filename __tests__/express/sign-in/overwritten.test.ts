import { MemoryStore, type Store } from 'express-session';
import type { ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, startApp, type Browser, type TestApp } from '../../support/app';
import { latch, type Latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

declare module 'express-session' {
  interface SessionData {
    visits?: number;
  }
}

/** An app with a page that loads the session, waits, and saves it in the end. */
interface SlowApp extends TestApp {
  readonly gate: Latch;
}

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

async function slowApp(store: Store = new MemoryStore(), options: Partial<ConnectAuthOptions> = {}): Promise<SlowApp> {
  const gate = latch();
  const app = await startApp(sandbox, {
    store,
    options,
    routes: (express) => {
      express.get('/visit', (req, res) => {
        req.session.visits = (req.session.visits ?? 0) + 1;
        res.send('seen');
      });
      express.get('/logout', (req, res) => {
        req.session.destroy(() => res.send('bye'));
      });
      express.get('/slow', async (req, res) => {
        await gate.wait();
        req.session.visits = 100;
        res.send('done');
      });
    },
  });
  return { ...app, gate };
}

/** The visitor starts a sign-in at one app while a request of theirs that has begun before waits at another. */
async function overwritten(at: SlowApp, by: SlowApp, visitor: Browser): Promise<string> {
  await visitor.visit(`${at.url}/visit`);
  const slow = visitor.fork().visit(`${by.url}/slow`);
  await by.gate.reached;
  const callback = await beginSignIn(at, sandbox, visitor);
  by.gate.open();
  expect((await slow).body).toBe('done');
  return callback;
}

test('a slow request of the app that saves its older copy does not undo a sign-in that began meanwhile', async () => {
  const app = await slowApp();
  const visitor = browser();
  const callback = await overwritten(app, app, visitor);
  expect((await visitor.visit(callback)).status).toBe(302);
  const [session] = Object.values(await app.sessions());
  expect({ visits: session?.['visits'], type: (session?.['connectToken'] as { type?: string }).type }).toEqual({
    visits: 100,
    type: 'bearer',
  });
});

describe('over a sign-in that another process has started', () => {
  let one: SlowApp;
  let other: SlowApp;
  beforeEach(async () => {
    const store = new MemoryStore();
    one = await slowApp(store);
    other = await slowApp(store, { redirectUri: `${one.url}/connect/callback` });
  });

  test.each([
    ['nothing of ours', 0],
    ['an earlier sign-in', 1],
  ])('the reason says what happened, where %s was in the copy', async (_words, earlier) => {
    const visitor = browser();
    for (let n = 0; n < earlier; n += 1) await beginSignIn(other, sandbox, visitor);
    const callback = await overwritten(one, other, visitor);
    const answer = await visitor.visit(callback.replace(one.url, other.url), { accept: '*/*' });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      403,
      expect.objectContaining({ code: 'ERR_CONNECT_STATE', reason: 'overwritten', loginUrl: '/connect/authorize' }),
    ]);
  });

  test('the process that has started it goes on with it, where an earlier sign-in was in the copy', async () => {
    const visitor = browser();
    await beginSignIn(other, sandbox, visitor);
    const callback = await overwritten(one, other, visitor);
    expect((await visitor.visit(callback)).status).toBe(302);
    expect((await visitor.visit(`${one.url}/token`)).body).not.toBe('null');
  });

  test('somebody else with a session of their own is not told so', async () => {
    const callback = await overwritten(one, other, browser());
    const stranger = browser();
    await stranger.visit(`${other.url}/visit`);
    const answer = await stranger.visit(callback.replace(one.url, other.url), { accept: '*/*' });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([403, expect.objectContaining({ reason: 'no_session' })]);
  });
});

test('a sign-in that has been finished is not brought back by an older copy', async () => {
  const app = await slowApp();
  const visitor = browser();
  await visitor.visit(`${app.url}/visit`);
  sandbox.force(400);
  const callback = await beginSignIn(app, sandbox, visitor);
  const slow = visitor.fork().visit(`${app.url}/slow`);
  await app.gate.reached;
  expect((await visitor.visit(callback)).status).toBe(400);
  app.gate.open();
  await slow;
  const again = await visitor.visit(callback, { accept: '*/*' });
  expect([again.status, JSON.parse(again.body)]).toEqual([403, expect.objectContaining({ reason: 'used' })]);
});

test('a sign-in that has ended with its session is not brought back by an older copy', async () => {
  const app = await slowApp();
  const visitor = browser();
  await visitor.visit(`${app.url}/visit`);
  const slow = visitor.fork().visit(`${app.url}/slow`);
  await app.gate.reached;
  const callback = await beginSignIn(app, sandbox, visitor);
  const [id = ''] = Object.keys(await app.sessions());
  await visitor.fork().visit(`${app.url}/logout`);
  app.gate.open();
  await slow;
  // The app itself has saved a session that had ended; at least nothing of ours is in it.
  const { [id]: document } = await app.sessions();
  expect(document).toMatchObject({ visits: expect.any(Number) as number });
  expect(document).not.toHaveProperty('connectPending');
  const answer = await visitor.visit(callback, { accept: '*/*' });
  expect([answer.status, JSON.parse(answer.body)]).toEqual([
    403,
    expect.objectContaining({ code: 'ERR_CONNECT_STATE' }),
  ]);
});
