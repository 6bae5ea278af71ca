import type { ErrorRequestHandler, Express, Request } from 'express';
import { MemoryStore } from 'express-session';
import type { ConnectAuth, ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { editSessions } from '../../support/stored';

const KEYS = [{ id: 'k1', secret: 'first secret of the guard tests, long enough' }];
const IN_AN_HOUR = Math.floor(Date.now() / 1000) + 3600;
const SCRIPT = { accept: 'application/json' };
const WHOLE = {
  access_token: 'planted-access',
  refresh_token: 'planted-refresh',
  type: 'bearer',
  expires_at: IN_AN_HOUR,
};

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

/** An app with a guarded route that counts its runs; `plant` writes into each session before connectAuth sees it. */
interface GuardedApp extends TestApp {
  runs(): number;
  plant: ((session: Record<string, unknown>) => void) | undefined;
}

async function startGuarded(
  options: Partial<ConnectAuthOptions> = {},
  routes: (app: Express, connect: ConnectAuth) => void = () => undefined,
): Promise<GuardedApp> {
  let runs = 0;
  const state: Pick<GuardedApp, 'plant'> = { plant: undefined };
  const app = await startApp(sandbox, {
    options,
    before: [
      (req, _res, next) => {
        state.plant?.(req.session as unknown as Record<string, unknown>);
        next();
      },
    ],
    routes(express, connect) {
      express.get('/guarded', connect.requireConnect({ onMissing: 'error' }), (req, res) => {
        runs += 1;
        res.json({ token: req.session.connectToken, access: req.session.connectToken?.access_token });
      });
      routes(express, connect);
    },
  });
  return Object.assign(state, app, { runs: () => runs });
}

/** Replaces the token in every stored session by JSON text of any kind, also such as JSON.stringify never writes. */
function plantText(app: TestApp, text: string, beside?: string): void {
  const { sessions } = app.store as unknown as { sessions: Record<string, string> };
  for (const [id, document] of Object.entries(sessions)) {
    const rest = JSON.parse(document) as Record<string, unknown>;
    delete rest['connectToken'];
    const label = beside === undefined ? '' : `,"connectLineage":${beside}`;
    sessions[id] = `${JSON.stringify(rest).slice(0, -1)},"connectToken":${text}${label}}`;
  }
}

const withToken = (changes: object): string => JSON.stringify({ ...WHOLE, ...changes });
const without = (...names: readonly (keyof typeof WHOLE)[]): string =>
  JSON.stringify(Object.fromEntries(Object.entries(WHOLE).filter(([name]) => !names.includes(name as 'type'))));

/** What is no whole token, as text in the stored document. */
const MALFORMED: readonly (readonly [name: string, text: string])[] = [
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['a number', '1'],
  ['zero', '0'],
  ['an empty string', '""'],
  ['a string', '"planted-access"'],
  ['a string that looks like a token in JSON', JSON.stringify(JSON.stringify(WHOLE))],
  ['an empty list', '[]'],
  ['a list with a token', JSON.stringify([WHOLE])],
  ['an empty object', '{}'],
  ['an error object', '{"error":"invalid_grant","error_description":"planted"}'],
  ['an error of the provider', '{"error":{"code":2036,"message":"planted"}}'],
  ['a wrapped token', JSON.stringify({ success: true, data: WHOLE })],
  ['no access token', without('access_token')],
  ['no type', without('type')],
  ['an access token null', withToken({ access_token: null })],
  ['an access token true', withToken({ access_token: true })],
  ['an access token number', withToken({ access_token: 12345 })],
  ['an access token list', withToken({ access_token: ['planted-access'] })],
  ['an access token object', withToken({ access_token: { toString: 'x' } })],
  ['an empty access token', withToken({ access_token: '' })],
  ['a blank access token', withToken({ access_token: ' ' })],
  ['a blank in the access token', withToken({ access_token: 'planted access' })],
  ['CR LF in the access token', withToken({ access_token: 'planted\r\nX-Evil: 1' })],
  ['LF at the end of the access token', withToken({ access_token: 'planted-access\n' })],
  ['NUL in the access token', withToken({ access_token: 'planted\u0000access' })],
  ['DEL in the access token', withToken({ access_token: 'planted\u007faccess' })],
  ['letters outside ASCII in the access token', withToken({ access_token: 'plänted' })],
  ['an oversized access token', withToken({ access_token: 'x'.repeat(16_385) })],
  ['a refresh token null', withToken({ refresh_token: null })],
  ['a refresh token number', withToken({ refresh_token: 7 })],
  ['an empty refresh token', withToken({ refresh_token: '' })],
  ['CR LF in the refresh token', withToken({ refresh_token: 'planted\r\nx' })],
  ['an oversized refresh token', withToken({ refresh_token: 'x'.repeat(16_385) })],
  ['type mac', withToken({ type: 'mac' })],
  ['type DPoP', withToken({ type: 'DPoP' })],
  ['type "bearer "', withToken({ type: 'bearer ' })],
  ['an empty type', withToken({ type: '' })],
  ['type true', withToken({ type: true })],
  ['a list of types', withToken({ type: ['bearer'] })],
  ['token_type in place of type', JSON.stringify({ access_token: 'planted-access', token_type: 'bearer' })],
  ['expires_at null', withToken({ expires_at: null })],
  ['expires_at as a string', withToken({ expires_at: String(IN_AN_HOUR) })],
  ['expires_at as a date', withToken({ expires_at: '2099-01-01T00:00:00Z' })],
  ['expires_at true', withToken({ expires_at: true })],
  ['expires_at as a list', withToken({ expires_at: [IN_AN_HOUR] })],
  ['expires_at zero', withToken({ expires_at: 0 })],
  ['expires_at negative', withToken({ expires_at: -1 })],
  ['expires_at infinite', without('expires_at').replace('}', ',"expires_at":1e999}')],
  ['expires_at minus infinite', without('expires_at').replace('}', ',"expires_at":-1e999}')],
  ['a scope number', withToken({ scope: 5 })],
  ['a scope list', withToken({ scope: ['*'] })],
  ['everything below __proto__', `{"__proto__":${JSON.stringify(WHOLE)}}`],
  [
    'the access token below __proto__',
    without('access_token').replace('}', ',"__proto__":{"access_token":"planted-access"}}'),
  ],
  ['an envelope cut short', '"v1.k1.AAAAAAAAAAAAAAAA.AAAA"'],
];

/** What is no whole token, as a live value that no document can hold. */
const LIVE: readonly (readonly [name: string, plant: (session: Record<string, unknown>) => void])[] = [
  [
    'expires_at NaN',
    (one) => {
      one['connectToken'] = { ...WHOLE, expires_at: Number.NaN };
    },
  ],
  [
    'expires_at infinite',
    (one) => {
      one['connectToken'] = { ...WHOLE, expires_at: Infinity };
    },
  ],
  [
    'expires_at a BigInt in disguise',
    (one) => {
      one['connectToken'] = { ...WHOLE, expires_at: new Date(9e12) };
    },
  ],
  [
    'an inherited access token',
    (one) => {
      const { access_token, ...rest } = WHOLE;
      one['connectToken'] = Object.assign(Object.create({ access_token }) as object, rest);
    },
  ],
  [
    'a whole inherited token',
    (one) => {
      one['connectToken'] = Object.create(WHOLE) as object;
    },
  ],
  [
    'a function',
    (one) => {
      one['connectToken'] = Object.assign(() => undefined, WHOLE);
    },
  ],
  [
    'a String object as access token',
    (one) => {
      one['connectToken'] = { ...WHOLE, access_token: new String('planted') };
    },
  ],
  [
    'a list with the properties of a token',
    (one) => {
      one['connectToken'] = Object.assign([], WHOLE);
    },
  ],
  [
    'undefined',
    (one) => {
      one['connectToken'] = undefined;
    },
  ],
];

describe.each([
  ['in plain sessions', {}],
  ['with encryptionKeys', { encryptionKeys: KEYS }],
])('%s the guard fails closed', (_name, options) => {
  let app: GuardedApp;
  let visitor: Browser;
  beforeAll(async () => {
    app = await startGuarded(options);
  });
  beforeEach(async () => {
    visitor = browser();
    await signIn(app, sandbox, visitor);
  });
  afterEach(() => {
    app.plant = undefined;
  });

  async function expectRefused(code: string): Promise<void> {
    const before = app.runs();
    const { status, body, headers } = await visitor.visit(`${app.url}/guarded`, SCRIPT);
    expect({ status, contentType: headers['content-type'], cacheControl: headers['cache-control'] }).toEqual({
      status: 401,
      contentType: 'application/problem+json',
      cacheControl: 'no-store',
    });
    expect(JSON.parse(body)).toMatchObject({ code, status: 401, loginUrl: '/connect/authorize' });
    expect(body).not.toContain('planted');
    expect(app.runs()).toBe(before);
    expect(sandbox.calls.refresh).toBe(0);
  }

  test('a whole token runs the handler once', async () => {
    plantText(app, JSON.stringify(WHOLE));
    const before = app.runs();
    const answer = await visitor.visit(`${app.url}/guarded`);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([200, { token: WHOLE, access: 'planted-access' }]);
    expect(app.runs()).toBe(before + 1);
  });

  test.each(MALFORMED)('%s: 401, and the handler never runs', async (_what, text) => {
    plantText(app, text);
    await expectRefused('ERR_CONNECT_REQUIRED');
  });

  test.each(LIVE)('live %s: 401, and the handler never runs', async (_what, plant) => {
    app.plant = plant;
    await expectRefused('ERR_CONNECT_REQUIRED');
  });

  test('an access token that can be read once only is read once', async () => {
    let reads = 0;
    app.plant = (one) => {
      one['connectToken'] = {
        ...WHOLE,
        get access_token() {
          return (reads += 1) === 1 ? 'planted-access' : 'x\r\ny';
        },
      };
    };
    plantText(app, 'null');
    const before = app.runs();
    const { status, body } = await visitor.visit(`${app.url}/guarded`);
    expect(status === 401 ? body.includes('ERR_CONNECT_REQUIRED') : app.runs() === before + 1).toBe(true);
    expect(body).not.toContain('\r');
  });

  test.each([
    ['without refresh token', without('refresh_token').replace(String(IN_AN_HOUR), '1000')],
    [
      'without refresh token, a second before its end',
      without('refresh_token').replace(String(IN_AN_HOUR), String(Math.floor(Date.now() / 1000) + 1)),
    ],
  ])('an expired token %s: 401 EXPIRED', async (_what, text) => {
    plantText(app, text);
    await expectRefused('ERR_CONNECT_EXPIRED');
  });

  test.each([
    ['a number', '5'],
    ['null', 'null'],
    ['a list', '["x.0"]'],
    ['an object that cannot be made a string', '{"toString":1,"valueOf":1}'],
    ['an empty string', '""'],
    ['a path', '"../../x.1"'],
    ['a negative generation', '"x.-1"'],
    ['something long', `"${'x'.repeat(5000)}.1"`],
  ])('a whole token whose label is %s still works, beside one of 0.1.0 too', async (_what, label) => {
    plantText(app, `${JSON.stringify(WHOLE).slice(0, -1)},"connection":${label}}`);
    const own = await visitor.visit(`${app.url}/guarded`);
    expect([own.status, JSON.parse(own.body)]).toMatchObject([200, { token: WHOLE, access: 'planted-access' }]);
    plantText(app, JSON.stringify(WHOLE), label);
    const beside = await visitor.visit(`${app.url}/guarded`);
    expect([beside.status, JSON.parse(beside.body)]).toMatchObject([200, { token: WHOLE, access: 'planted-access' }]);
    expect((await visitor.visit(`${app.url}/`)).status).toBe(200);
  });

  test.each([
    ['connectToken', WHOLE],
    ['access_token', 'planted-access'],
    ['type', 'bearer'],
    ['expires_at', IN_AN_HOUR],
    ['refresh_token', 'planted-refresh'],
    ['token', WHOLE],
    ['connection', 'x.1'],
    ['connectLineage', 'x.1'],
    ['kind', 'held'],
  ])('Object.prototype.%s connects nobody', async (name, value) => {
    plantText(app, name === 'connectToken' ? 'null' : JSON.stringify({ scope: '*' }));
    await editSessions(app, (document) => {
      if (name === 'connectToken') delete document['connectToken'];
    });
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    try {
      await expectRefused('ERR_CONNECT_REQUIRED');
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
  });

  test('a session with a pending sign-in only: 401', async () => {
    visitor = browser();
    await visitor.visit(`${app.url}/connect/authorize`);
    await expectRefused('ERR_CONNECT_REQUIRED');
  });

  test('no session at all: 401, and none is made', async () => {
    visitor = browser();
    const before = Object.keys(await app.sessions()).length;
    await expectRefused('ERR_CONNECT_REQUIRED');
    expect({ cookies: visitor.cookies.size, sessionCount: Object.keys(await app.sessions()).length }).toEqual({
      cookies: 0,
      sessionCount: before,
    });
  });

  test('a forged session cookie: 401', async () => {
    visitor.cookies.set('connect.sid', encodeURIComponent('s:someone-else.AAAA'));
    await expectRefused('ERR_CONNECT_REQUIRED');
  });
});

test('a store that has gone away: 503, and the handler does not run', async () => {
  const app = await startGuarded();
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  app.store.emit('disconnect');
  const answer = await visitor.visit(`${app.url}/guarded`, SCRIPT);
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
    503,
    { code: 'ERR_CONNECT_STORE', reason: 'no_session', retryAfter: 2 },
  ]);
  expect({ retryAfter: answer.headers['retry-after'], runs: app.runs() }).toEqual({ retryAfter: '2', runs: 0 });
});

test('without express-session: 500 that says so, and the handler does not run', async () => {
  let runs = 0;
  const app = await startApp(sandbox, {
    before: [
      (req, _res, next) => {
        delete (req as Partial<Request>).session;
        next();
      },
    ],
    routes: (express, connect) => void express.get('/guarded', connect.requireConnect(), () => void (runs += 1)),
  });
  const answer = await browser().visit(`${app.url}/guarded`, { accept: 'application/json' });
  expect({ status: answer.status, runs, body: JSON.parse(answer.body) as unknown }).toMatchObject({
    status: 500,
    runs: 0,
    body: { code: 'ERR_CONNECT_NO_SESSION' },
  });
});

test.each([
  ['throws', 500],
  ['rejects', 500],
  ['passes an error on', 500],
  ['calls next twice', 200],
  ['answers and then throws', 200],
])('a handler that %s runs once', async (behaviour, status) => {
  let runs = 0;
  let errors = 0;
  const app = await startApp(sandbox, {
    routes(express, connect) {
      express.get(
        '/guarded',
        connect.requireConnect(),
        (_req, res, next) => {
          runs += 1;
          if (behaviour === 'throws') throw new Error('of the app');
          if (behaviour === 'rejects') void Promise.reject(new Error('of the app')).catch(next);
          else if (behaviour === 'passes an error on') next(new Error('of the app'));
          else if (behaviour === 'calls next twice') {
            next();
            next();
          } else {
            res.send('done');
            throw new Error('of the app');
          }
        },
        (_req, res) => {
          if (!res.headersSent) res.send('done');
        },
      );
      const count: ErrorRequestHandler = (error, _req, res, next) => {
        errors += 1;
        if (res.headersSent) next(error);
        else res.status(500).send((error as Error).message);
      };
      express.use(count);
    },
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  const answer = await visitor.visit(`${app.url}/guarded`);
  expect({ status: answer.status, body: answer.body, runs }).toEqual({
    status,
    body: status === 200 ? 'done' : 'of the app',
    runs: 1,
  });
  expect(errors).toBe(behaviour === 'calls next twice' ? 0 : 1);
});

describe('behind the guard', () => {
  async function age(app: TestApp): Promise<void> {
    await editSessions(app, (document) => {
      (document['connectToken'] as { expires_at: number }).expires_at = Math.floor(Date.now() / 1000) - 10;
    });
  }

  test('an expired token has been refreshed before the handler runs, however the handler reads it', async () => {
    const app = await startGuarded({}, (express, connect) => {
      express.get('/deep', connect.requireConnect(), (req, res) =>
        res.json({
          connectToken: req.session.connectToken,
          spread: { ...req.session.connectToken },
          list: [req.session.connectToken],
        }),
      );
    });
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const old = (JSON.parse((await visitor.visit(`${app.url}/token`)).body) as typeof WHOLE).access_token;
    await age(app);
    const first = JSON.parse((await visitor.visit(`${app.url}/guarded`)).body) as {
      token: typeof WHOLE;
      access: string;
    };
    expect(first.access).not.toBe(old);
    expect(sandbox.works(first.access)).toBe(true);
    expect(first.token.access_token).toBe(first.access);
    await age(app);
    const deep = JSON.parse((await visitor.visit(`${app.url}/deep`)).body) as {
      connectToken: typeof WHOLE;
      spread: typeof WHOLE;
      list: (typeof WHOLE)[];
    };
    expect(sandbox.works(deep.spread.access_token)).toBe(true);
    expect([deep.connectToken, ...deep.list]).toEqual([deep.spread, deep.spread]);
    expect(sandbox.calls.refresh).toBe(2);
  });

  test('a token that another request has refreshed is adopted, shown to the handler, and not written again', async () => {
    const store = new MemoryStore();
    const app = await startApp(sandbox, {
      store,
      routes(express, connect) {
        express.get('/guarded', connect.requireConnect(), (req, res) => res.json(req.session.connectToken));
      },
    });
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await age(app);
    const stale = { ...(store as unknown as { sessions: Record<string, string> }).sessions };
    const refreshed = await visitor.visit(`${app.url}/guarded`);
    Object.assign((store as unknown as { sessions: Record<string, string> }).sessions, stale);
    const adopted = await visitor.visit(`${app.url}/guarded`);
    expect(JSON.parse(adopted.body)).toEqual(JSON.parse(refreshed.body));
    expect(sandbox.works((JSON.parse(adopted.body) as typeof WHOLE).access_token)).toBe(true);
    expect(sandbox.calls.refresh).toBe(1);
    expect((store as unknown as { sessions: Record<string, string> }).sessions).toEqual(stale);
  });

  test('a route above connectAuth is guarded alike', async () => {
    const app = await startApp(sandbox, {
      mount: '/auth',
      routes: (express, connect) =>
        void express.get('/guarded', connect.requireConnect(), (req, res) => res.json(req.session.connectToken)),
    });
    const visitor = browser();
    await signIn(app, sandbox, visitor, '/auth/connect/authorize');
    await age(app);
    const answer = await visitor.visit(`${app.url}/guarded`);
    expect(sandbox.works((JSON.parse(answer.body) as typeof WHOLE).access_token)).toBe(true);
  });
});
