import type { ErrorRequestHandler, Request } from 'express';
import { connectAuth, ConnectError } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, withApp, type Answer, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { attemptsOf, editSessions, onlySession, tokensIn } from '../../support/stored';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, parts, check);

const problemOf = (answer: Answer): Record<string, unknown> => JSON.parse(answer.body) as Record<string, unknown>;

describe('a session cookie', () => {
  const byName = 'http://shop.app.localhost/connect/callback';
  const SOUND: readonly [string, TestAppParts['session'], string | undefined][] = [
    ['of the very host of redirectUri', { cookie: { domain: 'shop.app.localhost' } }, byName],
    ['of a domain above it', { cookie: { domain: 'app.localhost' } }, byName],
    ['of a domain above it, with a dot in front and in capitals', { cookie: { domain: '.App.LocalHost' } }, byName],
    ['without a path', { cookie: { path: undefined } }, undefined],
    ["with sameSite 'none' that is secure", { proxy: true, cookie: { sameSite: 'none', secure: true } }, undefined],
  ];
  test.each(SOUND)('%s starts a sign-in', async (_words, session, redirectUri) => {
    await within({ session: session ?? {}, options: redirectUri === undefined ? {} : { redirectUri } }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, { 'x-forwarded-proto': 'https' });
      expect({ status: answer.status, cookies: answer.headers['set-cookie']?.length }).toEqual({
        status: 302,
        cookies: 1,
      });
    });
  });

  const UNFIT: readonly [string, object, string][] = [
    ['of a domain that its host only ends like', { domain: 'pp.localhost' }, 'domain'],
    ['of a domain below its host', { domain: 'www.shop.app.localhost' }, 'domain'],
    ["with sameSite 'none' that is not secure", { sameSite: 'none' }, 'same_site'],
  ];
  test.each(UNFIT)('%s starts none', async (_words, cookie, reason) => {
    await within({ session: { cookie }, options: { redirectUri: byName } }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, {});
      expect({
        status: answer.status,
        code: problemOf(answer)['code'],
        reason: problemOf(answer)['reason'],
        sessions: await own.sessions(),
      }).toEqual({ status: 500, code: 'ERR_CONNECT_COOKIE', reason, sessions: {} });
    });
  });
});

test.each([
  'sameSite',
  'secure behind a proxy',
  'localhost is not 127.0.0.1',
  'MemoryStore',
  'maxAge counts milliseconds',
])('a callback without the session of its sign-in tells the developer of a likely cause: %s', async (cause) => {
  const said: string[] = [];
  const onError: ErrorRequestHandler = (error: Error, _req, _res, next) => {
    said.push(error.message);
    next(error);
  };
  const parts: TestAppParts = { options: { renderErrors: false }, routes: (app) => void app.use(onError) };
  await within(parts, async (own) => {
    const callback = await beginSignIn(own, sandbox, browser());
    await browser().visit(callback);
    expect(said).toEqual([expect.stringContaining(cause)]);
  });
});

test('a sign-in whose session ends while it starts does not bring it back', async () => {
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
      const visitor = browser();
      await visitor.visit(`${own.url}/connect/authorize`);
      gone.now = true;
      const answer = await visitor.visit(`${own.url}/connect/authorize`, {});
      expect({ status: answer.status, code: problemOf(answer)['code'], reason: problemOf(answer)['reason'] }).toEqual({
        status: 503,
        code: 'ERR_CONNECT_STORE',
        reason: 'gone',
      });
      expect({ setCookie: answer.headers['set-cookie'], sessions: await own.sessions() }).toEqual({
        setCookie: undefined,
        sessions: {},
      });
    },
  );
});

test("an error that is none of ours goes to the app's error middleware as it is", async () => {
  const own = new Error('of the app');
  const met: unknown[] = [];
  const last: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    met.push(error);
    if (res.headersSent) next(error);
    else res.status(418).end();
  };
  await within(
    {
      before: [
        (req, _res, next) => {
          const touch = req.session.touch.bind(req.session);
          req.session.touch = () => {
            req.session.touch = touch;
            throw own;
          };
          next();
        },
      ],
      routes: (express) => void express.use(last),
    },
    async (app) => {
      expect((await browser().visit(`${app.url}/connect/authorize`)).status).toBe(418);
      expect(met).toEqual([own]);
      expect(met[0]).toBe(own);
    },
  );
});

describe('a callback', () => {
  test('never lands outside, whatever the store says meanwhile', async () => {
    await within({ options: { afterConnect: '/home' } }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor, '/connect/authorize?returnTo=/in');
      const attempts = await attemptsOf(own);
      for (const attempt of attempts.p) attempt.r = '//evil.example/';
      await editSessions(own, (document) => {
        document['connectPending'] = attempts;
      });
      expect({ location: (await visitor.visit(callback)).location, storedTokens: await tokensIn(own) }).toEqual({
        location: '/home',
        storedTokens: 1,
      });
    });
  });

  test.each([
    ['an error', 'error=access_denied'],
    ['no code', 'x=1'],
    ['two codes', 'code=a&code=b'],
  ])('that comes again with %s, in the session that it has connected, lands where it landed', async (_words, query) => {
    await within({}, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor, '/connect/authorize?returnTo=/in');
      const state = new URL(callback).searchParams.get('state') ?? '';
      await visitor.visit(callback);
      const again = await visitor.visit(`${own.url}/connect/callback?state=${state}&${query}`, {});
      expect({
        status: again.status,
        location: again.location,
        tokenCalls: sandbox.calls.token,
        storedTokens: await tokensIn(own),
      }).toEqual({ status: 302, location: '/in', tokenCalls: 1, storedTokens: 1 });
    });
  });

  test('gives the new session the usual life where the store has kept none', async () => {
    await within({ session: { cookie: { maxAge: 3_600_000 } } }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor);
      await editSessions(own, (document) => {
        document['cookie'] = { path: '/', httpOnly: true };
      });
      const answer = await visitor.visit(callback);
      const { cookie } = await onlySession(own);
      // express-session computes it from the clock at every touch, so that some milliseconds may be missing.
      const seconds = Math.round((cookie as { originalMaxAge: number }).originalMaxAge / 1000);
      expect({ status: answer.status, seconds }).toEqual({ status: 302, seconds: 3600 });
      expect(String(answer.headers['set-cookie'])).toMatch(/Expires=/u);
    });
  });

  test('may be refused by one frozen error again and again', async () => {
    const refusal = new ConnectError('ERR_CONNECT_FORBIDDEN', { reason: 'staff_only' });
    Object.freeze(refusal);
    await within(
      {
        options: {
          onConnect: () => {
            throw refusal;
          },
        },
      },
      async (own) => {
        for (const visitor of [browser(), browser()]) {
          const answer = await visitor.visit(await beginSignIn(own, sandbox, visitor), {});
          expect({
            status: answer.status,
            code: problemOf(answer)['code'],
            reason: problemOf(answer)['reason'],
            storedTokens: await tokensIn(own),
          }).toEqual({ status: 403, code: 'ERR_CONNECT_FORBIDDEN', reason: 'staff_only', storedTokens: 0 });
        }
      },
    );
  });
});

test('with callbackPath: false the app places the handler itself', async () => {
  const by = (req: Request): ReturnType<typeof connectAuth> =>
    connectAuth({
      ...sandbox.connectOptions,
      redirectUri: `http://${String(req.headers.host)}/back`,
      callbackPath: false,
    });
  await within(
    {
      options: { callbackPath: false },
      routes(express) {
        express.get('/login', (req, res, next) => by(req).authorize(req, res, next));
        express.get('/back', (req, res, next) => by(req).callback(req, res, next));
      },
    },
    async (own) => {
      expect((await browser().visit(`${own.url}/connect/callback?code=a&state=b`)).status).toBe(404);
      const landed = await signIn(own, sandbox, browser(), '/login?returnTo=/in');
      expect({ status: landed.status, location: landed.location, storedTokens: await tokensIn(own) }).toEqual({
        status: 302,
        location: '/in',
        storedTokens: 1,
      });
    },
  );
});

/** As an older copy of the session does that another process saves. */
const withoutSignIns = (app: TestApp): Promise<void> =>
  editSessions(app, (document) => Reflect.deleteProperty(document, 'connectPending'));

describe('a session whose sign-ins are taken out of the store', () => {
  test('after the callback has loaded it: 403 names that, nothing is exchanged', async () => {
    const own: { app?: TestApp } = {};
    const takeOut = (path: string): Promise<void> | undefined =>
      own.app !== undefined && path === '/connect/callback' ? withoutSignIns(own.app) : undefined;
    const before: TestAppParts['before'] = [
      (req, _res, next) => void Promise.resolve(takeOut(req.path)).then(() => next(), next),
    ];
    await within({ before }, async (app) => {
      own.app = app;
      const visitor = browser();
      const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor), {});
      expect({ status: answer.status, ...problemOf(answer), exchanges: sandbox.calls.exchange }).toMatchObject({
        status: 403,
        code: 'ERR_CONNECT_STATE',
        reason: 'overwritten',
        exchanges: 0,
      });
    });
  });

  test('while onConnect is asked: the visitor is connected, and the state stays spent', async () => {
    const own: { app?: TestApp } = {};
    const onConnect = (): Promise<void> | undefined => (own.app === undefined ? undefined : withoutSignIns(own.app));
    await within({ options: { onConnect } }, async (app) => {
      own.app = app;
      const visitor = browser();
      const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
      const landed = await visitor.visit(callback);
      expect({ status: landed.status, tokens: await tokensIn(app) }).toEqual({ status: 302, tokens: 1 });
      const { p, s } = await attemptsOf(app);
      expect({ pending: p.length, spent: s.length }).toEqual({ pending: 0, spent: 1 });
    });
  });
});
