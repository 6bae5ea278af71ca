import type { OutgoingHttpHeaders } from 'node:http';
import type { Express, NextFunction, Request, Response } from 'express';
import { MemoryStore, type Store } from 'express-session';
import { connectAuth, type ConnectEvent } from '../../../src';
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
  type TestAppParts,
} from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { clearSessions, onlySession, tokensIn } from '../../support/stored';

const OWN = { 'sec-fetch-site': 'same-origin' };

let sandbox: Sandbox;
let app: TestApp;
const events: ConnectEvent[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox, { routes: basketRoutes, options: { onEvent: (event) => events.push(event) } });
});
beforeEach(async () => {
  await clearSessions(app);
  events.length = 0;
});

const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, { routes: basketRoutes, ...parts }, check);

function basketRoutes(express: Express): void {
  express.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: 'apples' });
    req.session.cookie.maxAge = 7_777_000;
    res.send('filled');
  });
  express.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
}

const disconnect = (
  at: TestApp,
  visitor: Browser,
  headers: OutgoingHttpHeaders = {},
  path = '/connect/disconnect',
): Promise<Answer> => visitor.visit(at.url + path, { ...OWN, ...headers }, 'POST');

/** A visitor with a basket and a connected account. */
async function connected(at: TestApp, path?: string): Promise<Browser> {
  const visitor = browser();
  await visitor.visit(`${at.url}/fill`);
  await signIn(at, sandbox, visitor, path);
  return visitor;
}

async function holds(at: TestApp, visitor: Browser): Promise<{ connected: boolean; basket: string }> {
  const connected = (await visitor.visit(`${at.url}/token`)).body !== 'null';
  return { connected, basket: (await visitor.visit(`${at.url}/basket`)).body };
}

function problem(answer: Answer): readonly unknown[] {
  const { code, reason } = JSON.parse(answer.body) as Record<string, unknown>;
  return [answer.status, code, reason];
}

test('a visitor disconnects: new session id, no token, the rest of the session as it was', async () => {
  const visitor = await connected(app);
  const old = visitor.fork();
  const connectedAs = events.find((event) => event.type === 'connected') as { connection?: string } | undefined;
  events.length = 0;
  const answer = await disconnect(app, visitor);
  expect({ status: answer.status, body: answer.body, contentLength: answer.headers['content-length'] }).toEqual({
    status: 204,
    body: '',
    contentLength: undefined,
  });
  expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
  expect(visitor.cookies.get('connect.sid')).not.toBe(old.cookies.get('connect.sid'));
  expect(await holds(app, visitor)).toEqual({ connected: false, basket: '"apples"' });
  expect(await holds(app, old)).toEqual({ connected: false, basket: 'null' });
  const { cookie, ...rest } = await onlySession(app);
  // Cookie computes it from the clock, so that some milliseconds may be missing.
  expect({ rest, maxAgeSeconds: Math.round((cookie as { originalMaxAge: number }).originalMaxAge / 1000) }).toEqual({
    rest: { basket: 'apples' },
    maxAgeSeconds: 7777,
  });
  expect(events).toEqual([
    {
      type: 'ended',
      time: expect.any(Number) as number,
      connection: connectedAs?.connection,
      reason: 'disconnected',
    },
    { type: 'disconnected', time: expect.any(Number) as number, connection: connectedAs?.connection },
  ]);
  expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  expect(await holds(app, visitor)).toEqual({ connected: true, basket: '"apples"' });
});

const KINDS: readonly [string, OutgoingHttpHeaders, number][] = [
  ['a form', { 'sec-fetch-mode': 'navigate' }, 303],
  ['a form of a browser without that header', { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }, 303],
  ['fetch()', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, 204],
  ['a script that asks for anything', { accept: '*/*' }, 204],
  ['a script that says so', { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }, 204],
];

test.each(KINDS)('%s is answered as it needs', async (_words, headers, status) => {
  await within({ options: { afterDisconnect: '/bye?x=1' } }, async (own) => {
    const visitor = await connected(own);
    const answers = [await disconnect(own, visitor, headers), await disconnect(own, visitor, headers)];
    const expected = [status, status === 303 ? '/bye?x=1' : '', ''];
    expect(answers.map((answer) => [answer.status, answer.location, answer.body])).toEqual([expected, expected]);
    expect(await holds(own, visitor)).toEqual({ connected: false, basket: '"apples"' });
  });
});

test('a form lands on / by default', async () => {
  expect((await disconnect(app, browser(), { 'sec-fetch-mode': 'navigate' })).location).toBe('/');
});

describe('without a connection', () => {
  /** Every call on the store by its name. */
  function counted(): { store: Store; calls: string[] } {
    const store = new MemoryStore();
    const calls: string[] = [];
    const target = store as unknown as Record<string, (...args: unknown[]) => void>;
    for (const name of ['get', 'set', 'destroy', 'touch']) {
      const sound = target[name]!.bind(store);
      target[name] = (...args) => {
        calls.push(name);
        sound(...args);
      };
    }
    return { store, calls };
  }

  test.each([{}, { resave: true }, { rolling: true }, { saveUninitialized: true }, { unset: 'destroy' as const }])(
    'nothing is written and no cookie set, with %j',
    async (options) => {
      const { store, calls } = counted();
      await within({ store, session: options }, async (own) => {
        const visitor = browser();
        await visitor.visit(`${own.url}/fill`);
        const before = await own.sessions();
        for (const one of [visitor, browser(), browser(new Map([['connect.sid', 's%3Anothing.here']]))]) {
          calls.length = 0;
          const answer = await disconnect(own, one);
          expect({ status: answer.status, setCookie: answer.headers['set-cookie'] }).toEqual({
            status: 204,
            setCookie: undefined,
          });
          expect(calls.filter((name) => name !== 'get')).toEqual([]);
        }
        expect(await own.sessions()).toEqual(before);
      });
    },
  );

  test('a sign-in in progress ends', async () => {
    const visitor = browser();
    await visitor.visit(`${app.url}/fill`);
    const callback = await beginSignIn(app, sandbox, visitor);
    const old = visitor.fork();
    expect((await disconnect(app, visitor)).status).toBe(204);
    for (const one of [visitor, old]) {
      expect(problem(await one.visit(callback, {}))).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
    }
    expect({
      tokenCalls: sandbox.calls.token,
      sessionKeys: Object.keys(await onlySession(app)),
      events: events.map((event) => event.type),
    }).toEqual({ tokenCalls: 0, sessionKeys: ['cookie', 'basket'], events: ['error', 'error'] });
  });

  test.each(['a string', 7, null, { access_token: 1 }, ['x']])(
    'a token that is %j leaves the session too',
    async (value) => {
      await within(
        {
          routes: (express) =>
            express.get('/plant', (req, res) => {
              Object.assign(req.session, { connectToken: value, basket: 'apples' });
              res.end();
            }),
        },
        async (own) => {
          const visitor = browser();
          await visitor.visit(`${own.url}/plant`);
          expect((await disconnect(own, visitor)).status).toBe(204);
          expect(Object.keys(await onlySession(own)).sort()).toEqual(['basket', 'cookie']);
        },
      );
    },
  );
});

describe('a callback of the same session', () => {
  test.each(['before', 'after'] as const)('that is being exchanged (held %s) brings no token back', async (when) => {
    const visitor = browser();
    await visitor.visit(`${app.url}/fill`);
    const callback = await beginSignIn(app, sandbox, visitor);
    const other = visitor.fork();
    const twin = visitor.fork();
    sandbox.fault({ kind: 'hold', when });
    const running = visitor.visit(callback, {});
    await sandbox.waiting(1);
    const answer = await disconnect(app, other);
    sandbox.release();
    expect([answer.status, problem(await running)]).toEqual([204, [403, 'ERR_CONNECT_STATE', 'no_session']]);
    expect({
      storedTokens: await tokensIn(app),
      other: await holds(app, other),
      visitor: await holds(app, visitor),
    }).toEqual({
      storedTokens: 0,
      other: { connected: false, basket: '"apples"' },
      visitor: { connected: false, basket: 'null' },
    });
    expect(problem(await twin.visit(callback, {}))[0]).toBe(403);
    expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
      tokenCalls: 1,
      storedTokens: 0,
    });
  });

  test('that was completed a moment ago is followed: the old cookie ends the connection, and earns nothing', async () => {
    const visitor = browser();
    await visitor.visit(`${app.url}/fill`);
    const callback = await beginSignIn(app, sandbox, visitor);
    const [late, twin] = [visitor.fork(), visitor.fork()];
    expect((await visitor.visit(callback)).status).toBe(302);
    const cookie = visitor.cookies.get('connect.sid');
    const answer = await disconnect(app, late);
    expect({
      status: answer.status,
      setCookie: answer.headers['set-cookie'],
      storedTokens: await tokensIn(app),
    }).toEqual({ status: 204, setCookie: undefined, storedTokens: 0 });
    expect([await holds(app, visitor), visitor.cookies.get('connect.sid')]).toEqual([
      { connected: false, basket: '"apples"' },
      cookie,
    ]);
    for (const one of [twin, visitor]) expect(problem(await one.visit(callback, {}))[0]).toBe(403);
    expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
      tokenCalls: 1,
      storedTokens: 0,
    });
    expect(events.map((event) => event.type)).toEqual([
      'exchange',
      'connected',
      'ended',
      'disconnected',
      'error',
      'error',
    ]);
  });

  test('that moves the session while the disconnect waits for its turn is followed too', async () => {
    const store = new MemoryStore();
    const destroy = store.destroy.bind(store);
    let reached = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let release = (): void => undefined;
    store.destroy = (id, done) => {
      release = () => destroy(id, done);
      reached();
    };
    await within({ store }, async (own) => {
      const visitor = browser();
      await visitor.visit(`${own.url}/fill`);
      const callback = await beginSignIn(own, sandbox, visitor);
      const other = visitor.fork();
      const running = visitor.visit(callback);
      await held;
      store.destroy = destroy;
      const ending = disconnect(own, other);
      // The disconnect has loaded the old session once the app's next request is answered.
      await browser().visit(`${own.url}/basket`);
      release();
      expect({
        runningStatus: (await running).status,
        endingStatus: (await ending).status,
        storedTokens: await tokensIn(own),
      }).toEqual({ runningStatus: 302, endingStatus: 204, storedTokens: 0 });
      expect(await holds(own, visitor)).toEqual({ connected: false, basket: '"apples"' });
    });
  });

  test('that was followed by another sign-in is followed through both', async () => {
    const visitor = browser();
    const first = await beginSignIn(app, sandbox, visitor);
    const late = visitor.fork();
    await visitor.visit(first);
    await signIn(app, sandbox, visitor);
    expect((await disconnect(app, late)).status).toBe(204);
    expect({ storedTokens: await tokensIn(app), visitor: await holds(app, visitor) }).toEqual({
      storedTokens: 0,
      visitor: { connected: false, basket: 'null' },
    });
  });
});

describe('twice', () => {
  test('one after the other is two successes and one event', async () => {
    const visitor = await connected(app);
    const old = visitor.fork();
    const answers = [await disconnect(app, visitor), await disconnect(app, visitor), await disconnect(app, old)];
    expect(answers.map((answer) => answer.status)).toEqual([204, 204, 204]);
    expect(events.filter((event) => event.type === 'disconnected').length).toBe(1);
    expect({ visitor: await holds(app, visitor), sessionCount: Object.keys(await app.sessions()).length }).toEqual({
      visitor: { connected: false, basket: '"apples"' },
      sessionCount: 1,
    });
  });

  test('at once from eight tabs is eight successes, one event and one session', async () => {
    const visitor = await connected(app);
    const tabs = Array.from({ length: 8 }, () => visitor.fork());
    const answers = await Promise.all(tabs.map((tab) => disconnect(app, tab)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(8).fill(204));
    expect(events.filter((event) => event.type === 'disconnected').length).toBe(1);
    const cookies = answers.flatMap((answer) => answer.headers['set-cookie'] ?? []);
    expect({
      cookies: cookies.length,
      baskets: Object.values(await app.sessions()).map((session) => session['basket']),
    }).toEqual({ cookies: 1, baskets: ['apples'] });
    const winner = tabs.find((_tab, index) => answers[index]?.headers['set-cookie'] !== undefined)!;
    expect(await holds(app, winner)).toEqual({ connected: false, basket: '"apples"' });
  });

  test('at once through two instances on one session ends both connections', async () => {
    await within(
      {
        routes(express) {
          basketRoutes(express);
          express.get('/second', (req, res) => {
            Object.assign(req.session, { secondToken: { ...req.session.connectToken, connection: 'other.0' } });
            res.end();
          });
          express.post('/second', (req, res, next) => {
            const redirectUri = `http://${String(req.headers.host)}/connect/callback`;
            connectAuth({ ...sandbox.connectOptions, redirectUri, sessionKey: 'secondToken' }).disconnect(
              req,
              res,
              next,
            );
          });
        },
      },
      async (own) => {
        const visitor = await connected(own);
        await visitor.visit(`${own.url}/second`);
        expect(await tokensIn(own)).toBe(2);
        const answers = await Promise.all([
          disconnect(own, visitor.fork()),
          disconnect(own, visitor.fork(), {}, '/second'),
        ]);
        expect({ statuses: answers.map((answer) => answer.status), storedTokens: await tokensIn(own) }).toEqual({
          statuses: [204, 204],
          storedTokens: 0,
        });
        expect((await onlySession(own))['basket']).toBe('apples');
      },
    );
  });
});

test('a session that the app destroyed meanwhile is not brought back', async () => {
  const gone = { now: false };
  await within(
    {
      before: [
        (req, _res, next) => {
          if (gone.now) req.sessionStore.destroy(req.sessionID, () => next());
          else next();
        },
      ],
      session: { resave: true },
    },
    async (own) => {
      const visitor = await connected(own);
      gone.now = true;
      const answer = await disconnect(own, visitor);
      expect({
        status: answer.status,
        setCookie: answer.headers['set-cookie'],
        sessions: await own.sessions(),
      }).toEqual({ status: 204, setCookie: undefined, sessions: {} });
    },
  );
});

test('what another request has saved in the meantime is kept', async () => {
  const write: { now?: (id: string) => Promise<void> } = {};
  await within(
    {
      before: [(req, _res, next) => void (write.now?.(req.sessionID) ?? Promise.resolve()).then(() => next(), next)],
    },
    async (own) => {
      const visitor = await connected(own);
      write.now = async (id) => {
        const document = { ...(await own.sessions())[id], basket: 'pears' };
        await new Promise<void>((resolve) => own.store.set(id, document as never, () => resolve()));
      };
      expect((await disconnect(own, visitor)).status).toBe(204);
      delete write.now;
      expect(await holds(own, visitor)).toEqual({ connected: false, basket: '"pears"' });
    },
  );
});

test('the route lies under the mount', async () => {
  await within({ mount: '/app' }, async (own) => {
    const visitor = await connected(own, '/app/connect/authorize');
    expect((await disconnect(own, visitor)).status).toBe(404);
    expect({
      status: (await disconnect(own, visitor, {}, '/app/connect/disconnect')).status,
      storedTokens: await tokensIn(own),
    }).toEqual({ status: 204, storedTokens: 0 });
  });
});

test('with disconnectPath: false the app places the handler itself', async () => {
  await within(
    {
      options: { disconnectPath: false },
      routes(express) {
        express.all('/leave', (req, res, next) => {
          const { disconnect: leave } = connectAuth({
            ...sandbox.connectOptions,
            redirectUri: `http://${String(req.headers.host)}/connect/callback`,
            disconnectPath: false,
          });
          leave(req, res, next);
        });
      },
    },
    async (own) => {
      const visitor = await connected(own);
      expect({ status: (await disconnect(own, visitor)).status, storedTokens: await tokensIn(own) }).toEqual({
        status: 404,
        storedTokens: 1,
      });
      expect((await visitor.visit(`${own.url}/leave`, OWN)).status).toBe(405);
      expect({
        status: (await disconnect(own, visitor, {}, '/leave')).status,
        storedTokens: await tokensIn(own),
      }).toEqual({ status: 204, storedTokens: 0 });
    },
  );
});

test("with renderErrors: false the app's own middleware gets the error", async () => {
  const met: unknown[] = [];
  await within(
    {
      options: { renderErrors: false },
      routes: (express) =>
        void express.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
          const { code, stage, status } = error as Record<string, unknown>;
          met.push([code, stage, status]);
          if (res.headersSent) next(error);
          else res.status(418).end();
        }),
    },
    async (own) => {
      const visitor = await connected(own);
      const foreign = await visitor.visit(`${own.url}/connect/disconnect`, { origin: 'https://evil.example' }, 'POST');
      const wrong = await visitor.visit(`${own.url}/connect/disconnect`);
      expect({ foreignStatus: foreign.status, wrongStatus: wrong.status, storedTokens: await tokensIn(own) }).toEqual({
        foreignStatus: 418,
        wrongStatus: 418,
        storedTokens: 1,
      });
      expect(met).toEqual([
        ['ERR_CONNECT_ORIGIN', 'disconnect', 403],
        ['ERR_CONNECT_METHOD', 'disconnect', 405],
      ]);
    },
  );
});
