import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import http from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import {
  connectAuth,
  ConnectError,
  connectErrorHandler,
  memoryLedger,
  type ConnectAuthOptions,
  type ConnectEvent,
  type RefreshLedger,
} from '../../src';
import { postgresConnections, postgresLedger } from '../../src/postgres';
import type { Sandbox } from '../../src/testing';
import { browser, signIn, startApp, type TestApp, type TestAppParts } from '../support/app';
import { connectedWorld } from '../support/refreshing';
import { startSandbox } from '../support/sandbox';
import { serve } from '../support/serve';
import { watchStderr } from '../support/stderr';
import { REFERENCE } from '../support/told';

// What is wrong with the set-up of an app is told to whoever runs it, also where nobody listens to events.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

beforeEach(() => sandbox.reset());
const stderr = watchStderr();

/** The lines without their reference, which differs each time. */
function said(): readonly string[] {
  return stderr
    .lines()
    .map((text) =>
      text.replace(/, reference (\w+);/u, (all, reference: string) =>
        REFERENCE.test(reference) ? ', reference R;' : all,
      ),
    );
}

const line = (code: string, message: string): string =>
  `express-connect-auth: ${message} (${code}, reference R; once a minute at most; onEvent or silent: true turns this off)\n`;
const withDocs = (code: string, message: string): string =>
  line(code, `${message} See express-connect-auth/docs/errors.md#${code.toLowerCase()}.`);

const OWNER = { owner: () => 'ada' };
const encryptionKeys = [{ id: 'one', secret: 'the secret of the tests, forty letters ok' }];
/** A database without our tables. */
const empty = { query: () => Promise.reject(Object.assign(new Error('canary'), { code: '42P01' })), encryptionKeys };
const NO_TABLE =
  'does not find its table with the columns that it needs: create it as docs/postgres.md shows (SQLSTATE 42P01).';

interface Mistake {
  readonly code: string;
  readonly says: string;
  readonly parts: TestAppParts;
  /** What a visitor does. */
  readonly visit?: (url: string) => Promise<unknown>;
}

/** What was done wrong, and what stderr says once a visitor meets it. */
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a cookie that can never come back to the callback': {
    parts: { session: { cookie: { sameSite: 'strict' } } },
    code: 'ERR_CONNECT_COOKIE',
    says:
      "The session cookie has sameSite 'strict': browsers do not send it when the provider redirects back. Use cookie: " +
      "{ sameSite: 'lax' }.",
  },
  'credentials that the provider refuses': {
    parts: { options: { clientSecret: 'canary of another registration' } },
    visit: (url) => signIn({ url } as TestApp, sandbox, browser()),
    code: 'ERR_CONNECT_CONFIG',
    says:
      "The provider refuses your app's credentials or the request: check clientId, clientSecret, redirectUri, scope, " +
      'accessTokenKey, clientAuthentication and requestFormat against the registration.',
  },
  'a store of connections without its table': {
    parts: {
      options: { ...OWNER, connections: postgresConnections(empty), ledger: postgresLedger(empty) },
      routes: (app, connect) => void app.get('/page', connect.requireConnect()),
    },
    visit: (url) => browser().visit(`${url}/page`),
    code: 'ERR_CONNECT_STORE',
    says: `postgresConnections() ${NO_TABLE}`,
  },
};

test.each(Object.entries(MISTAKES))('%s is told on stderr', async (_what, { parts, visit, code, says }) => {
  const app = await startApp(sandbox, parts);
  await (visit ?? ((url) => browser().visit(`${url}/connect/authorize`)))(app.url);
  expect(said()).toEqual([withDocs(code, says)]);
});

test('a ledger without its table is told, though nobody but the operator can do anything about it', async () => {
  const app = await startApp(sandbox, { options: { ledger: postgresLedger(empty) } });
  await signIn(app, sandbox, browser());
  const [text = ''] = said();
  expect([text.replace('ERR_CONNECT_LEDGER;', 'ERR_CONNECT_LEDGER, reference R;'), stderr.lines().length]).toEqual([
    withDocs('ERR_CONNECT_LEDGER', `postgresLedger() ${NO_TABLE}`),
    1,
  ]);
});

describe('what a ledger cannot do as it is set up', () => {
  /** A ledger whose one operation meets another process's keys. */
  const failing = (operation: 'acquire' | 'revoke'): RefreshLedger => ({
    ...memoryLedger(),
    [operation]: () =>
      Promise.reject(
        new ConnectError('ERR_CONNECT_LEDGER', { reason: 'key', message: 'Give every process the same keys.' }),
      ),
  });
  const told = withDocs('ERR_CONNECT_LEDGER', 'Give every process the same keys.');

  test('is told when a token is due', async () => {
    const world = await connectedWorld(sandbox, { options: { ledger: failing('acquire'), onEvent: undefined } });
    await world.expireIn(-1);
    expect((await world.fresh()).status).toBe(503);
    expect(said()).toEqual([told.replace(', reference R', '')]);
  });

  test('is told at a disconnect', async () => {
    const world = await connectedWorld(sandbox, { options: { ledger: failing('revoke'), onEvent: undefined } });
    // The sign-in could not mark its old session id as moved.
    stderr.clear();
    const { status } = await world.visitor.visit(
      `${world.app.url}/connect/disconnect`,
      { 'sec-fetch-site': 'same-origin' },
      'POST',
    );
    expect({ status, said: said() }).toEqual({ status: 503, said: [told] });
  });
});

test('a line is one line, whatever an error of the app itself says', async () => {
  const app = await startApp(sandbox, {
    options: {
      onConnect: () => {
        throw new ConnectError('ERR_CONNECT_CONFIG', { message: 'two\nlines \u001b[31mand colour' });
      },
    },
  });
  await signIn(app, sandbox, browser());
  expect(said()).toEqual([withDocs('ERR_CONNECT_CONFIG', 'two?lines ?[31mand colour.')]);
});

/** Where Express calls what should have been called by the app. */
const UNCALLED: Readonly<Record<string, readonly [(app: Express) => void, string]>> = {
  connectAuth: [
    (app) => void app.use(connectAuth as unknown as RequestHandler),
    'connectAuth was passed to app.use() without being called: write app.use(connectAuth({ … })).',
  ],
  connectErrorHandler: [
    (app) => void app.use(connectErrorHandler as unknown as RequestHandler),
    'connectErrorHandler was passed to app.use() without being called: write app.use(connectErrorHandler()).',
  ],
  requireConnect: [
    (app) => {
      const connect = connectAuth({ ...sandbox.connectOptions, redirectUri: 'http://localhost/connect/callback' });
      app.get('/page', connect.requireConnect as unknown as RequestHandler);
    },
    'requireConnect(): it was passed to a route without being called: write connect.requireConnect() there.',
  ],
};

test.each(Object.entries(UNCALLED))(
  '%s that was not called says so, and no request hangs',
  async (_name, [mount, says]) => {
    const app = express();
    mount(app);
    app.use(connectErrorHandler());
    const { url } = await serve(http.createServer(app));
    expect((await browser().visit(`${url}/page`)).status).toBe(500);
    expect(said()).toEqual([line('ERR_CONNECT_OPTIONS', says)]);
  },
);

describe('mounted before express-session', () => {
  const NO_SESSION =
    'There is no session on this request. Mount express-session before connectAuth(), let its cookie path cover the ' +
    'routes of connectAuth(), and check that its store is connected.';
  async function appThat(options: Partial<ConnectAuthOptions> = {}): Promise<string> {
    const app = express();
    const { url } = await serve(http.createServer(app));
    const connect = connectAuth({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback`, ...options });
    app.use(connect);
    app.use(session({ secret: 'secret of the tests', resave: false, saveUninitialized: false }));
    app.get('/page', connect.requireConnect(), (_req, res) => void res.send('page'));
    app.use(connectErrorHandler());
    return url;
  }

  test.each([
    ['/connect/authorize', NO_SESSION],
    ['/connect/callback?code=a&state=b', NO_SESSION],
  ])('%s says so', async (path, says) => {
    const url = await appThat();
    expect((await browser().visit(url + path)).status).toBe(500);
    expect(said()).toEqual([withDocs('ERR_CONNECT_NO_SESSION', says)]);
  });

  test('a guard that has its session all the same works, and a warning says so once', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const url = await appThat();
    for (let round = 0; round < 2; round += 1) expect((await browser().visit(`${url}/page`)).status).toBe(302);
    expect(warn.mock.calls).toEqual([
      [
        'connectAuth() is mounted before express-session: a request reached it without a session.',
        { code: 'CONNECT_AUTH_ORDER', detail: 'Call app.use(session({ … })) before app.use(connectAuth({ … })).' },
      ],
    ]);
  });

  test('an app that mounts it there and, behind the session, once more is not warned', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const app = express();
    const { url } = await serve(http.createServer(app));
    const connect = connectAuth({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback` });
    const sessions = session({ secret: 'secret of the tests', resave: false, saveUninitialized: false });
    app.use(connect, sessions, connect);
    app.get('/page', connect.requireConnect(), (_req, res) => void res.send('page'));
    expect((await browser().visit(`${url}/page`)).status).toBe(302);
    expect(JSON.stringify(warn.mock.calls)).not.toContain('CONNECT_AUTH_ORDER');
  });
});

describe('a line', () => {
  const strict = { session: { cookie: { sameSite: 'strict' } } } as const;
  const visited = async (parts: TestAppParts): Promise<void> => {
    const app = await startApp(sandbox, { ...strict, ...parts });
    await browser().visit(`${app.url}/connect/authorize`);
  };

  test('comes once a minute for each message, however many apps and visitors meet the fault', async () => {
    await visited({});
    await visited({});
    stderr.pass(59_999);
    await visited({});
    expect(stderr.lines()).toHaveLength(1);
    stderr.pass(1);
    await visited({});
    expect(stderr.lines()).toHaveLength(2);
  });

  test('does not come where the app listens: its event has the message', async () => {
    const events: ConnectEvent[] = [];
    await visited({ options: { onEvent: (event) => void events.push(event) } });
    expect(stderr.lines()).toEqual([]);
    expect(events).toMatchObject([{ type: 'error', code: 'ERR_CONNECT_COOKIE' }]);
    expect(events.map((event) => 'message' in event && event.message)).toEqual([
      `${MISTAKES['a cookie that can never come back to the callback']!.says} See express-connect-auth/docs/errors.md#err_connect_cookie.`,
    ]);
  });

  test('does not come with silent: true, nor for what a visitor or the provider can mend', async () => {
    await visited({ options: { silent: true } });
    const app = await startApp(sandbox);
    await browser().visit(`${app.url}/connect/callback?code=a&state=b`);
    sandbox.force(503, { on: 'exchange' });
    await signIn(app, sandbox, browser());
    expect(stderr.lines()).toEqual([]);
  });

  test('of one fault does not hide another of the same code', async () => {
    await visited({});
    await visited({ session: { cookie: { path: '/elsewhere' } } });
    expect(
      stderr.lines().map((text) => text.includes('ERR_CONNECT_COOKIE') || text.includes('ERR_CONNECT_NO_SESSION')),
    ).toEqual([true, true]);
    expect(new Set(said()).size).toBe(2);
  });

  test('does not come for what anybody can write into the address of the callback', async () => {
    const app = await startApp(sandbox);
    const visitor = browser();
    const started = await visitor.visit(`${app.url}/connect/authorize`);
    const state = new URL(started.location).searchParams.get('state') ?? '';
    const { status } = await visitor.visit(`${app.url}/connect/callback?error=unauthorized_client&state=${state}`);
    expect({ status, written: stderr.lines() }).toEqual({ status: 500, written: [] });
  });

  test('does not come for an error of the app itself where it listens, or wants silence, nor to subscribers', async () => {
    const own: TestAppParts['routes'] = (app) =>
      void app.get('/own', () => {
        throw new ConnectError('ERR_CONNECT_CONFIG', { message: 'canary' });
      });
    for (const options of [{ silent: true }, { onEvent: () => undefined }]) {
      const app = await startApp(sandbox, { options, routes: own });
      await browser().visit(`${app.url}/own`);
    }
    const heard: unknown[] = [];
    const listen = (event: unknown): void => void heard.push(event);
    subscribe('express-connect-auth', listen);
    const app = await startApp(sandbox, { routes: own });
    await browser().visit(`${app.url}/own`);
    unsubscribe('express-connect-auth', listen);
    expect({ heard: heard.length, written: stderr.lines() }).toEqual({ heard: 1, written: [] });
    await browser().visit(`${app.url}/own`);
    expect(stderr.lines()).toHaveLength(1);
  });
});
