import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { SessionData, SessionOptions } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Browser, type TestApp } from '../../support/app';
import { HeldStore } from '../../support/held-store';
import { latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

declare module 'express-session' {
  interface SessionData {
    visits?: number;
  }
}

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

const DAY_MS = 86_400_000;
const FORM = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };

/** The session is new to its visitor, who has put something into it. */
const begin: RequestHandler = (req, res) => {
  req.session.visits = 1;
  res.send('begun');
};

const change = (req: Request): void => {
  req.session.visits = 100;
};
const read = (): void => undefined;

interface World {
  readonly app: TestApp;
  readonly visitor: Browser;
  /** Has a request of the app wait while something else is done, with the same cookies. */
  during(meanwhile: () => Promise<unknown>): Promise<string>;
}

/** An app with a page that loads the session, waits, and answers in the end. */
async function visited(session: Partial<SessionOptions>, work: (req: Request) => unknown): Promise<World> {
  const gate = latch();
  const { store } = session;
  const app = await startApp(sandbox, {
    ...(store === undefined ? {} : { store }),
    session,
    routes: (express) => {
      express.get('/begin', begin);
      express.get('/slow', (req, res, next) => {
        gate
          .wait()
          .then(() => work(req))
          .then((answer) => res.headersSent || res.json(answer ?? 'done'))
          .catch(next);
      });
    },
  });
  const visitor = browser();
  await visitor.visit(`${app.url}/begin`);
  return {
    app,
    visitor,
    async during(meanwhile) {
      const slow = visitor.visit(`${app.url}/slow`);
      await gate.reached;
      await meanwhile();
      gate.open();
      const { status, body } = await slow;
      return `${status} ${body}`;
    },
  };
}

const tokenType = async ({ app, visitor }: Pick<World, 'app' | 'visitor'>): Promise<unknown> =>
  (JSON.parse((await visitor.visit(`${app.url}/token`)).body) as { type?: string } | null)?.type;

describe.each<[string, Partial<SessionOptions>, (req: Request) => void]>([
  ['rolling: true', { rolling: true }, read],
  ['rolling: true and a change', { rolling: true }, change],
  ['resave and rolling: true', { resave: true, rolling: true }, read],
  ['a maxAge and a change', { cookie: { maxAge: DAY_MS } }, change],
  ['a maxAge, rolling: true and a change', { rolling: true, cookie: { maxAge: DAY_MS } }, change],
  ['resave', { resave: true }, read],
  ['a change', {}, change],
])('a request of the app that began before and ends after, with %s', (_how, session, work) => {
  test('leaves the visitor connected, and brings no old session back', async () => {
    const world = await visited(session, work);
    const callback = await beginSignIn(world.app, sandbox, world.visitor);
    expect(await world.during(() => world.visitor.visit(callback))).toBe('200 "done"');
    expect(await tokenType(world)).toBe('bearer');
    expect(Object.values(await world.app.sessions())).toEqual([expect.objectContaining({ visits: 1 })]);
  });

  test("leaves the visitor the app's session after a disconnect", async () => {
    const world = await visited(session, work);
    await signIn(world.app, sandbox, world.visitor);
    const { app, visitor } = world;
    await world.during(() => visitor.visit(`${app.url}/connect/disconnect`, FORM, 'POST'));
    expect(Object.values(await app.sessions())).toEqual([expect.objectContaining({ visits: 1 })]);
    await visitor.visit(`${app.url}/begin`);
    expect(Object.keys(await app.sessions())).toHaveLength(1);
  });
});

test.each<[string, (req: Request, res: Response, next: NextFunction) => void]>([
  ['waits before connectAuth()', (_req, _res, next) => next()],
  [
    'ends before connectAuth()',
    (_req, res) => {
      res.json('done');
    },
  ],
])('a request that %s leaves the visitor connected', async (_where, goOn) => {
  const gate = latch();
  const app = await startApp(sandbox, {
    session: { rolling: true },
    before: [
      (req, res, next) => {
        if (req.path === '/slow') gate.wait().then(() => goOn(req, res, next), next);
        else next();
      },
    ],
    routes: (express) => {
      express.get('/begin', begin);
      express.get('/slow', (_req, res) => res.json('done'));
    },
  });
  const visitor = browser();
  await visitor.visit(`${app.url}/begin`);
  const callback = await beginSignIn(app, sandbox, visitor);
  const slow = visitor.visit(`${app.url}/slow`);
  await gate.reached;
  await visitor.visit(callback);
  gate.open();
  expect(await slow).toMatchObject({ status: 200, body: '"done"' });
  expect(await tokenType({ app, visitor })).toBe('bearer');
});

const saved = (req: Request): Promise<unknown> =>
  new Promise((resolve) => req.session.save((error: unknown) => resolve(error ?? 'saved')));

test('an app that saves its session in the middle of such a request goes on with it', async () => {
  const world = await visited({ rolling: true, cookie: { maxAge: DAY_MS } }, async (req) => {
    change(req);
    const { sessionID } = req;
    return [await saved(req), req.sessionID === sessionID, req.session.visits];
  });
  const callback = await beginSignIn(world.app, sandbox, world.visitor);
  expect(await world.during(() => world.visitor.visit(callback))).toBe('200 ["saved",true,100]');
  expect(await tokenType(world)).toBe('bearer');
});

test('an app that saves such a session while its answer is under way keeps the id', async () => {
  const world = await visited({}, async (req) => {
    req.res?.write('[');
    change(req);
    const { sessionID } = req;
    const answer = await saved(req);
    req.res?.end(`"${answer as string}", ${req.sessionID === sessionID}]`);
  });
  const callback = await beginSignIn(world.app, sandbox, world.visitor);
  expect(await world.during(() => world.visitor.visit(callback))).toBe('200 ["saved", true]');
});

test('an app that stores such a session under an id of its own finds it there', async () => {
  const world = await visited({}, async (req) => {
    change(req);
    await new Promise((resolve) => req.sessionStore.set('copy', req.session, resolve));
  });
  const callback = await beginSignIn(world.app, sandbox, world.visitor);
  await world.during(() => world.visitor.visit(callback));
  expect((await world.app.sessions())['copy']).toMatchObject({ visits: 100 });
});

test('an app that logs its visitor in during such a request gives them the session of the login', async () => {
  const world = await visited({ rolling: true }, async (req) => {
    const { session: older } = req;
    await new Promise((resolve) => req.session.regenerate(resolve));
    req.session.visits = 7;
    older.save();
    req.res?.json('logged in');
  });
  const { app, visitor } = world;
  const callback = await beginSignIn(app, sandbox, visitor);
  expect(await world.during(() => visitor.visit(callback))).toBe('200 "logged in"');
  const [login] = Object.entries(await app.sessions()).find(([, { visits }]) => visits === 7) ?? [];
  expect(visitor.cookies.get('connect.sid')).toContain(`s%3A${login}.`);
});

test('a session that another process has brought back is written as any other', async () => {
  const world = await visited({ rolling: true }, change);
  const { app, visitor } = world;
  const [id = '', older] = Object.entries(await app.sessions())[0] ?? [];
  const former = visitor.fork();
  await signIn(app, sandbox, visitor);
  await new Promise((resolve) => app.store.set(id, older as unknown as SessionData, resolve));
  for (const [name, value] of former.cookies) visitor.cookies.set(name, value);
  expect(await world.during(() => signIn(app, sandbox, browser()))).toBe('200 "done"');
  expect((await app.sessions())[id]).toMatchObject({ visits: 100 });
});

test('a session that the store has failed to end is written as any other', async () => {
  const store = new HeldStore();
  const world = await visited({ rolling: true, store }, change);
  const { app, visitor } = world;
  const [id] = Object.keys(await app.sessions());
  const callback = await beginSignIn(app, sandbox, visitor);
  store.kept = id;
  expect(await world.during(async () => expect((await visitor.visit(callback)).status).toBe(503))).toBe('200 "done"');
  expect(await app.sessions()).toEqual({ [id ?? '']: expect.objectContaining({ visits: 100 }) as unknown });
});
