import type { Express, RequestHandler } from 'express';
import type { ConnectAuth } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, withApp, type Answer, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** The app logs the visitor out, then something behind it asks for the token. */
const logOut: RequestHandler = (req, _res, next) => req.session.destroy(next);
/** The same in the store alone; the request keeps its copy. */
const endInStore: RequestHandler = (req, _res, next) => req.sessionStore.destroy(req.sessionID, next);
/** The ways of express-session's option `unset`. */
const unset: Readonly<Record<string, RequestHandler>> = {
  'req.session = null': (req, _res, next) => {
    Object.assign(req, { session: null });
    next();
  },
  'delete req.session': (req, _res, next) => {
    Reflect.deleteProperty(req, 'session');
    next();
  },
};

const WAYS: Readonly<Record<string, (connect: ConnectAuth) => RequestHandler>> = {
  'getToken()': (connect) => (req, res, next) => {
    connect.getToken(req).then((token) => void res.json(token), next);
  },
  'a call of the API': (connect) => (req, res, next) => {
    connect
      .client(req)
      .get('/me')
      .then(({ data }) => void res.json(data), next);
  },
  'the guard': (connect) => connect.requireConnect(),
};

test('without a route of ours to sign in nothing is offered', async () => {
  const routes = (app: Express, connect: ConnectAuth): unknown =>
    app.get('/late', logOut, WAYS['getToken()']!(connect));
  await withApp(sandbox, { routes, options: { authorizePath: false } }, async (app) => {
    const visitor = browser();
    const { status, body } = await visitor.visit(`${app.url}/late`, { accept: 'application/json' });
    expect({ status, ...(JSON.parse(body) as object) }).toMatchObject({ status: 401, code: 'ERR_CONNECT_REQUIRED' });
    expect(body).not.toContain('loginUrl');
  });
});

const ENDINGS = Object.entries({ 'session.destroy()': logOut, 'sessionStore.destroy()': endInStore, ...unset }).flatMap(
  ([ending, end]) => Object.entries(WAYS).map(([way, make]) => ({ way, ending, make, end })),
);

test.each(ENDINGS)('$way after $ending is 401, and the sign-in is offered', async ({ make, end }) => {
  const parts: TestAppParts = {
    routes: (app, connect) => app.get('/late', end, make(connect)),
    session: { unset: 'destroy' },
  };
  await withApp(sandbox, parts, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const answer: Answer = await visitor.visit(`${app.url}/late`, { accept: 'application/json' });
    expect({ status: answer.status, ...(JSON.parse(answer.body) as object) }).toMatchObject({
      status: 401,
      code: 'ERR_CONNECT_REQUIRED',
      loginUrl: '/connect/authorize',
    });
    expect(await app.sessions()).toEqual({});
  });
});
