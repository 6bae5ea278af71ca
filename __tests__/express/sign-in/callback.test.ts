import type { Request } from 'express';
import { MemoryStore, type Session } from 'express-session';
import { connectAuth, ConnectError, type ConnectAuthOptions } from '../../../src';
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
import {
  attemptsOf,
  clearSessions,
  editSessions,
  onlySession,
  tokensIn,
  type StoredAttempts,
} from '../../support/stored';

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox);
});
beforeEach(async () => {
  await clearSessions(app);
});

const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, parts, check);

/** Status, code and reason of a problem+json answer. */
function outcome(answer: Answer): readonly unknown[] {
  if (answer.status === 302) return [302, answer.location];
  const { code, reason } = JSON.parse(answer.body) as Record<string, unknown>;
  return reason === undefined ? [answer.status, code] : [answer.status, code, reason];
}

const asScript = (visitor: Browser, url: string): Promise<Answer> => visitor.visit(url, {});

/** The callback address with some parameters replaced. */
function altered(callback: string, changes: Readonly<Record<string, string>>): string {
  const url = new URL(callback);
  for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
  return url.href;
}

/** Another character of the same alphabet at one place of a state. */
function changedAt(state: string, index: number): string {
  return state.slice(0, index) + (state[index] === 'A' ? 'B' : 'A') + state.slice(index + 1);
}

describe('a state that is none of this session', () => {
  const GUESSES: readonly [string, (state: string) => string][] = [
    ...[
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'valueOf',
      'prototype',
      'length',
      '0',
      'p',
      's',
      'undefined',
      'null',
      'true',
      '[object',
      'NaN',
    ].map((name): [string, () => string] => [`the name ${name}`, () => name]),
    ...[0, 1, 20, 41].map((index): [string, (state: string) => string] => [
      `another character at place ${index}`,
      (state) => changedAt(state, index),
    ]),
    ['another last character', (state) => changedAt(state, state.length - 1)],
    [
      'another case',
      (state) => state.replace(/[a-z]/gi, (one) => (one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase())),
    ],
    ['one character less', (state) => state.slice(0, -1)],
    ['one character more', (state) => `${state}A`],
    ['padding at its end', (state) => `${state}=`],
    ['itself twice', (state) => state + state],
    ['2,048 characters', () => 'a'.repeat(2048)],
  ];
  test.each(GUESSES)('%s is refused and changes nothing', async (_sentence, guess) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
    const before = await onlySession(app);
    const state = new URL(callback).searchParams.get('state') ?? '';
    const forged = await asScript(visitor, altered(callback, { state: guess(state) }));
    expect(outcome(forged)).toEqual([403, 'ERR_CONNECT_STATE', 'unknown']);
    expect({ tokenCalls: sandbox.calls.token, connectPending: (await onlySession(app))['connectPending'] }).toEqual({
      tokenCalls: 0,
      connectPending: before['connectPending'],
    });
    expect(outcome(await visitor.visit(callback))).toEqual([302, '/in']);
  });

  test('the hash that the session keeps is no state', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const hash = (await attemptsOf(app)).p[0]?.h ?? '';
    expect(outcome(await asScript(visitor, altered(callback, { state: hash })))).toEqual([
      403,
      'ERR_CONNECT_STATE',
      'unknown',
    ]);
  });

  test('another browser with a sign-in of its own is refused, and both own callbacks still work', async () => {
    const [one, two] = [browser(), browser()];
    const ofOne = await beginSignIn(app, sandbox, one);
    const ofTwo = await beginSignIn(app, sandbox, two);
    expect(outcome(await asScript(two, ofOne))).toEqual([403, 'ERR_CONNECT_STATE', 'unknown']);
    expect(outcome(await asScript(one, ofTwo))).toEqual([403, 'ERR_CONNECT_STATE', 'unknown']);
    expect(sandbox.calls.token).toBe(0);
    expect((await one.visit(ofOne)).status).toBe(302);
    expect((await two.visit(ofTwo)).status).toBe(302);
  });

  test('a browser without session is refused; nothing is written and no cookie set', async () => {
    const callback = await beginSignIn(app, sandbox, browser());
    const before = await app.sessions();
    const answer = await asScript(browser(), callback);
    expect(outcome(answer)).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
    expect({
      setCookie: answer.headers['set-cookie'],
      sessions: await app.sessions(),
      tokenCalls: sandbox.calls.token,
    }).toEqual({ setCookie: undefined, sessions: before, tokenCalls: 0 });
  });

  test('a session whose data was lost from the store is refused as no session', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    await clearSessions(app);
    expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
    expect({ sessions: await app.sessions(), tokenCalls: sandbox.calls.token }).toEqual({
      sessions: {},
      tokenCalls: 0,
    });
  });

  const DAMAGED: readonly [string, unknown][] = [
    ['a string', 'x'],
    ['a number', 1],
    ['a list', []],
    ['true', true],
    ['no lists in it', { p: {}, s: {} }],
    ['only one list', { p: [] }],
    ['rows of no shape', { p: [null, 1, 'x', {}, { h: 1, at: 'x' }], s: [null] }],
  ];
  test.each(DAMAGED)('stored sign-ins that are %s are as good as none', async (_sentence, value) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    await editSessions(app, (document) => {
      document['connectPending'] = value;
    });
    const answer = await asScript(visitor, callback);
    expect({ status: answer.status, code: outcome(answer)[1], tokenCalls: sandbox.calls.token }).toEqual({
      status: 403,
      code: 'ERR_CONNECT_STATE',
      tokenCalls: 0,
    });
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  });
});

describe('another instance on the same session', () => {
  const OTHERS: readonly [string, Partial<ConnectAuthOptions>, string][] = [
    ['another client id', { clientId: 'another-client' }, 'unknown'],
    ['another redirect URI', { redirectUri: 'http://127.0.0.1/other/connect/callback' }, 'unknown'],
    ['another provider', { tokenUrl: 'http://127.0.0.1:1/token' }, 'unknown'],
    ['another sessionKey', { sessionKey: 'secondToken' }, 'no_session'],
  ];
  test.each(OTHERS)(
    'one with %s refuses the state, and the right one accepts it',
    async (_sentence, options, reason) => {
      const parts: TestAppParts = {
        routes: (express) =>
          express.get('/other', (req, res, next) => {
            const redirectUri = `http://${String(req.headers.host)}/connect/callback`;
            connectAuth({ ...sandbox.connectOptions, redirectUri, ...options }).callback(req, res, next);
          }),
      };
      await within(parts, async (own) => {
        const visitor = browser();
        const callback = await beginSignIn(own, sandbox, visitor);
        const there = await asScript(visitor, callback.replace('/connect/callback', '/other'));
        expect(outcome(there)).toEqual([403, 'ERR_CONNECT_STATE', reason]);
        expect(sandbox.calls.token).toBe(0);
        expect((await visitor.visit(callback)).status).toBe(302);
      });
    },
  );

  test('two instances with keys of their own connect side by side', async () => {
    let second: ReturnType<typeof connectAuth> | undefined;
    const parts: TestAppParts = {
      routes: (express) =>
        express.use('/two', (req, res, next) => {
          second ??= connectAuth({
            ...sandbox.connectOptions,
            sessionKey: 'second',
            redirectUri: `http://${String(req.headers.host)}/two/connect/callback`,
          });
          second(req, res, next);
        }),
    };
    await within(parts, async (own) => {
      const visitor = browser();
      const one = await beginSignIn(own, sandbox, visitor);
      const two = await beginSignIn(own, sandbox, visitor, '/two/connect/authorize');
      expect((await visitor.visit(one)).status).toBe(302);
      expect((await visitor.visit(two)).status).toBe(302);
      expect(Object.keys(await onlySession(own)).sort()).toEqual([
        'connectPending',
        'connectToken',
        'cookie',
        'second',
        'secondPending',
      ]);
    });
  });

  test('onConnect of one may reload the session while the users of the other cannot be told', async () => {
    let second: ReturnType<typeof connectAuth> | undefined;
    let isAway = false;
    const owner = (): string => {
      if (isAway) throw new Error('users are away');
      return 'ada';
    };
    const parts: TestAppParts = {
      before: [
        (req, res, next) => {
          const redirectUri = `http://${String(req.headers.host)}/two/callback`;
          const paths = { authorizePath: '/two', callbackPath: '/two/callback', disconnectPath: false } as const;
          second ??= connectAuth({ ...sandbox.connectOptions, ...paths, redirectUri, sessionKey: 'second', owner });
          second(req, res, next);
        },
      ],
      options: { onConnect: (req) => new Promise((done) => req.session.reload(() => done())) },
    };
    await within(parts, async (own) => {
      const visitor = browser();
      expect((await visitor.visit(await beginSignIn(own, sandbox, visitor, '/two'))).status).toBe(302);
      const { second: kept } = await onlySession(own);
      isAway = true;
      expect((await signIn(own, sandbox, visitor)).status).toBe(302);
      expect(await onlySession(own)).toMatchObject({ second: kept, connectToken: { type: 'bearer' } });
    });
  });
});

describe('a state is used once', () => {
  test('a replay after success with a cookie from before is refused, a replay in the session lands again', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
    const earlier = visitor.fork();
    await visitor.visit(callback);
    expect(outcome(await visitor.visit(callback))).toEqual([302, '/in']);
    const otherCode = altered(callback, { code: 'another' });
    expect(outcome(await asScript(earlier, otherCode))).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
    expect(outcome(await visitor.visit(otherCode))).toEqual([302, '/in']);
    expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
      tokenCalls: 1,
      storedTokens: 1,
    });
  });

  test('a replay after failure is refused as used, without a provider call', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    sandbox.force(500);
    expect((await asScript(visitor, callback)).status).toBe(502);
    expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'used']);
    expect(outcome(await asScript(visitor, altered(callback, { code: 'another' })))).toEqual([
      403,
      'ERR_CONNECT_STATE',
      'used',
    ]);
    expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
      tokenCalls: 1,
      storedTokens: 0,
    });
  });

  test('a replay after the connection left the session is refused', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    await visitor.visit(callback);
    await editSessions(app, (document) => {
      delete document['connectToken'];
    });
    expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'used']);
    expect(sandbox.calls.token).toBe(1);
  });

  test('while the provider is asked, the store no longer holds the sign-in', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    sandbox.fault({ kind: 'hold', when: 'before' });
    const answer = visitor.visit(callback);
    await sandbox.waiting();
    const { p, s } = await attemptsOf(app);
    expect({ pending: p, spent: s.length }).toEqual({ pending: [], spent: 1 });
    sandbox.release();
    expect((await answer).status).toBe(302);
  });

  const AGES: readonly [string, number, readonly unknown[]][] = [
    ['of nearly the whole pendingTtlMs', -590_000, [302, '/']],
    ['just over pendingTtlMs old', -600_001, [403, 'ERR_CONNECT_STATE', 'expired']],
    ['a day old', -86_400_000, [403, 'ERR_CONNECT_STATE', 'expired']],
    ['ahead by as little as clocks differ', 2_000, [302, '/']],
    ['dated in the future', 60_000, [403, 'ERR_CONNECT_STATE', 'expired']],
  ];
  test.each(AGES)('a sign-in %s is answered accordingly', async (_sentence, shiftMs, expected) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    await editSessions(app, (document) => {
      for (const entry of (document['connectPending'] as StoredAttempts).p) entry.at += shiftMs;
    });
    expect(outcome(await asScript(visitor, callback))).toEqual(expected);
    expect(sandbox.calls.token).toBe(expected[0] === 302 ? 1 : 0);
  });
});

describe('a callback without state', () => {
  const dropping = { state: 'drop' } as const;

  test('is refused by default, and the sign-in is kept', async () => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const bare = new URL(callback);
    bare.searchParams.delete('state');
    expect(outcome(await asScript(visitor, bare.href))).toEqual([403, 'ERR_CONNECT_STATE', 'missing']);
    expect(outcome(await asScript(visitor, altered(callback, { state: '' })))).toEqual([
      400,
      'ERR_CONNECT_CALLBACK',
      'state',
    ]);
    expect((await visitor.visit(callback)).status).toBe(302);
  });

  test('with allowMissingState it completes while exactly one sign-in is pending, once', async () => {
    await within({ options: { allowMissingState: true } }, async (own) => {
      sandbox.set(dropping);
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor, '/connect/authorize?returnTo=/in');
      expect(new URL(callback).searchParams.has('state')).toBe(false);
      expect(outcome(await visitor.visit(callback))).toEqual([302, '/in']);
      expect(outcome(await asScript(visitor, altered(callback, { code: 'another' })))).toEqual([
        403,
        'ERR_CONNECT_STATE',
        'missing',
      ]);
      expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(own) }).toEqual({
        tokenCalls: 1,
        storedTokens: 1,
      });
    });
  });

  test('with allowMissingState it is refused while two are pending, and by a browser that has none', async () => {
    await within({ options: { allowMissingState: true } }, async (own) => {
      sandbox.set(dropping);
      const visitor = browser();
      await beginSignIn(own, sandbox, visitor);
      const callback = await beginSignIn(own, sandbox, visitor);
      expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'missing']);
      expect(outcome(await asScript(browser(), callback))).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
      expect(sandbox.calls.token).toBe(0);
    });
  });

  test('with allowMissingState a wrong state is still refused, and nothing but a page load starts', async () => {
    await within({ options: { allowMissingState: true } }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor);
      expect(outcome(await asScript(visitor, altered(callback, { state: 'wrong' })))).toEqual([
        403,
        'ERR_CONNECT_STATE',
        'unknown',
      ]);
      const image = await browser().visit(`${own.url}/connect/authorize`, { 'sec-fetch-mode': 'no-cors' });
      expect(outcome(image)).toEqual([403, 'ERR_CONNECT_ORIGIN']);
      expect((await visitor.visit(callback)).status).toBe(302);
    });
  });

  test.each(['cross-site', 'same-origin'])(
    'with allowMissingState no image (%s) brings a code of its own',
    async (site) => {
      await within({ options: { allowMissingState: true } }, async (own) => {
        sandbox.set(dropping);
        const visitor = browser();
        const callback = await beginSignIn(own, sandbox, visitor, '/connect/authorize?returnTo=/in');
        const image = { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
        const forged = await visitor.visit(altered(callback, { code: 'of-somebody-else' }), image);
        expect({ outcome: outcome(forged), tokenCalls: sandbox.calls.token }).toEqual({
          outcome: [403, 'ERR_CONNECT_ORIGIN', 'foreign'],
          tokenCalls: 0,
        });
        expect(outcome(await visitor.visit(callback))).toEqual([302, '/in']);
      });
    },
  );

  test('a state that comes back with one character changed is refused', async () => {
    sandbox.set({ state: 'alter' });
    const visitor = browser();
    expect(outcome(await asScript(visitor, await beginSignIn(app, sandbox, visitor)))).toEqual([
      403,
      'ERR_CONNECT_STATE',
      'unknown',
    ]);
  });
});

test('a callback in a frame finishes the sign-in: the frame may be one of this site', async () => {
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
  const framed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' };
  expect(outcome(await visitor.visit(callback, framed))).toEqual([302, '/in']);
});

describe('an answer with faulty parameters', () => {
  const KEEP: readonly [string, (state: string, code: string) => string, readonly unknown[]][] = [
    ['nothing in it', () => '', [400, 'ERR_CONNECT_CALLBACK', 'empty']],
    ['only unknown names', () => 'a=b', [400, 'ERR_CONNECT_CALLBACK', 'empty']],
    [
      'two states',
      (state, code) => `code=${code}&state=${state}&state=${state}`,
      [400, 'ERR_CONNECT_CALLBACK', 'state'],
    ],
    ['state[]', (state, code) => `code=${code}&state[]=${state}`, [400, 'ERR_CONNECT_CALLBACK', 'state']],
    ['state[x]', (state, code) => `code=${code}&state[x]=${state}`, [400, 'ERR_CONNECT_CALLBACK', 'state']],
    [
      'a broken encoding in the state',
      (state, code) => `code=${code}&state=${state}%zz`,
      [400, 'ERR_CONNECT_CALLBACK', 'state'],
    ],
    [
      'a line end in the state',
      (state, code) => `code=${code}&state=${state}%0a`,
      [400, 'ERR_CONNECT_CALLBACK', 'state'],
    ],
    ['two codes and a wrong state', () => 'code=a&code=b&state=wrong', [403, 'ERR_CONNECT_STATE', 'unknown']],
    ['an error and a wrong state', () => 'error=access_denied&state=wrong', [403, 'ERR_CONNECT_STATE', 'unknown']],
    ['an error and no state', () => 'error=access_denied', [403, 'ERR_CONNECT_STATE', 'missing']],
  ];
  test.each(KEEP)('%s leaves the sign-in as it was', async (_sentence, query, expected) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const { state = '', code = '' } = Object.fromEntries(new URL(callback).searchParams);
    expect(outcome(await asScript(visitor, `${app.url}/connect/callback?${query(state, code)}`))).toEqual(expected);
    expect(sandbox.calls.token).toBe(0);
    expect((await visitor.visit(callback)).status).toBe(302);
  });

  const SPEND: readonly [string, (code: string) => string][] = [
    ['no code', () => ''],
    ['an empty code', () => 'code='],
    ['two codes', (code) => `code=${code}&code=${code}`],
    ['code[]', (code) => `code[]=${code}`],
    ['code[x]', (code) => `code[x]=${code}`],
    ['a code with a blank', () => 'code=a%20b'],
    ['a code beyond ASCII', () => 'code=%C3%A9'],
    ['a broken encoding in the code', () => 'code=%zz'],
    ['code together with error', (code) => `code=${code}&error=access_denied`],
    ['an empty error', () => 'error='],
    ['two errors', () => 'error=a&error=b'],
    ['error[]', () => 'error[]=a'],
  ];
  test.each(SPEND)('%s with the right state is a 400 that spends it', async (_sentence, query) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const { state = '', code = '' } = Object.fromEntries(new URL(callback).searchParams);
    const answer = await asScript(visitor, `${app.url}/connect/callback?state=${state}&${query(code)}`);
    expect(outcome(answer)).toEqual([400, 'ERR_CONNECT_CALLBACK', 'parameters']);
    expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'used']);
    expect(sandbox.calls.token).toBe(0);
  });

  test.each([
    ['HEAD', 405, {}],
    ['POST', 405, {}],
    ['OPTIONS', 204, {}],
    ['GET', 503, { 'sec-purpose': 'prefetch' }],
    ['GET', 503, { purpose: 'prefetch' }],
    ['GET', 503, { 'x-moz': 'prefetch' }],
    ['GET', 503, { 'x-sec-purpose': 'prefetch' }],
    ['GET', 503, { 'next-router-prefetch': '1' }],
    ['GET', 503, { 'hx-preloaded': 'true' }],
    ['GET', 403, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['GET', 403, { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ])('%s answered %i redeems nothing', async (method, status, headers) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    expect({
      status: (await visitor.visit(callback, headers, method)).status,
      tokenCalls: sandbox.calls.token,
    }).toEqual({ status, tokenCalls: 0 });
    expect((await visitor.visit(callback)).status).toBe(302);
  });
});

describe("the provider's refusals at the callback", () => {
  const REFUSALS: readonly [string, number, string][] = [
    ['access_denied', 403, 'ERR_CONNECT_DENIED'],
    ['server_error', 502, 'ERR_CONNECT_UNAVAILABLE'],
    ['temporarily_unavailable', 503, 'ERR_CONNECT_UNAVAILABLE'],
    ['invalid_scope', 500, 'ERR_CONNECT_CONFIG'],
    ['unauthorized_client', 500, 'ERR_CONNECT_CONFIG'],
    ['2036', 500, 'ERR_CONNECT_CONFIG'],
    ['2039', 409, 'ERR_CONNECT_ACCOUNT'],
    ['<script>x</script>', 403, 'ERR_CONNECT_DENIED'],
    ['__proto__', 403, 'ERR_CONNECT_DENIED'],
    ['9999', 403, 'ERR_CONNECT_DENIED'],
  ];
  test.each(REFUSALS)('%s with the right state is a %i %s and spends it', async (error, status, code) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const state = new URL(callback).searchParams.get('state') ?? '';
    const query = `error=${encodeURIComponent(error)}&error_description=quoted-text&state=${state}`;
    const answer = await asScript(visitor, `${app.url}/connect/callback?${query}`);
    expect(outcome(answer)).toEqual([status, code]);
    expect(answer.body).not.toMatch(/quoted-text|script|__proto__|9999/);
    expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'used']);
    expect(sandbox.calls.token).toBe(0);
  });

  test('a person who declines gets a 403, and can connect afterwards', async () => {
    const visitor = browser();
    const started = await visitor.visit(`${app.url}/connect/authorize`);
    expect(outcome(await asScript(visitor, await sandbox.decline(started.location)))).toEqual([
      403,
      'ERR_CONNECT_DENIED',
    ]);
    sandbox.set({ refusal: 'bare' });
    const again = await visitor.visit(`${app.url}/connect/authorize`);
    expect(outcome(await asScript(visitor, await sandbox.decline(again.location)))).toEqual([
      400,
      'ERR_CONNECT_CALLBACK',
      'empty',
    ]);
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  });
});

describe('the new session', () => {
  const userData: TestAppParts = {
    before: [
      (req, _res, next) => {
        if (req.path === '/connect/authorize') {
          Object.assign(req.session, { cart: ['apple'], user: { name: 'Ada' } });
          if (req.query['remember'] !== undefined) req.session.cookie.maxAge = 7_200_000;
        }
        next();
      },
    ],
  };

  test.each([
    ['', undefined],
    ['?remember', 7_200_000],
  ])('keeps the data of the app and the life of its cookie (%s)', async (query, maxAge) => {
    await within(userData, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor, `/connect/authorize${query}`);
      const oldId = Object.keys(await own.sessions())[0];
      const answer = await visitor.visit(callback);
      const { cart, user, cookie } = await onlySession(own);
      expect([cart, user]).toEqual([['apple'], { name: 'Ada' }]);
      // Cookie computes it from the clock, so that a millisecond may be missing.
      const { originalMaxAge } = cookie as { originalMaxAge?: number | null };
      expect(originalMaxAge == null ? undefined : Math.round(originalMaxAge / 1000) * 1000).toBe(maxAge);
      expect(/Expires=/.test(String(answer.headers['set-cookie']))).toBe(maxAge !== undefined);
      expect(Object.keys(await own.sessions())).not.toContain(oldId);
    });
  });

  test.each<[string, (cookie: Session['cookie']) => void, number | undefined]>([
    ['a life', (cookie) => (cookie.maxAge = 7_200_000), 7_200_000],
    ['a moment to end', (cookie) => Object.assign(cookie, { expires: new Date(Date.now() + 7_200_000) }), 7_200_000],
    ['none beyond the browser', (cookie) => Object.assign(cookie, { expires: false }), undefined],
  ])('has %s that the app gives its cookie, also in onConnect', async (_words, give, maxAge) => {
    const session = { cookie: { maxAge: 3_600_000 } };
    const atStart: TestAppParts['before'] = [
      (req, _res, next) => {
        if (req.path === '/connect/authorize') give(req.session.cookie);
        next();
      },
    ];
    const inHook: TestAppParts['options'] = { onConnect: (req) => give(req.session.cookie) };
    for (const parts of [
      { session, before: atStart },
      { session, options: inHook },
    ]) {
      await within(parts, async (own) => {
        const answer = await signIn(own, sandbox, browser());
        const { cookie } = (await onlySession(own)) as { cookie: { originalMaxAge?: number | null } };
        const expires = /Expires=([^;]+)/.exec(String(answer.headers['set-cookie']))?.[1];
        const seconds = (ms: number): number => Math.round(ms / 10_000) * 10;
        expect({
          stored: cookie.originalMaxAge == null ? undefined : seconds(cookie.originalMaxAge),
          sent: expires === undefined ? undefined : seconds(Date.parse(expires) - Date.now()),
        }).toEqual({ stored: maxAge && seconds(maxAge), sent: maxAge && seconds(maxAge) });
      });
    }
  });

  const LOGOUT: TestAppParts = {
    routes: (express) =>
      express.get('/logout', (req, res) => {
        req.session.destroy(() => void res.send('bye'));
      }),
  };
  test.each([
    ['resave off', false],
    ['resave on', true],
  ])('a logout during the exchange stays one: no token anywhere (%s)', async (_sentence, resave) => {
    await within({ ...LOGOUT, session: { resave } }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor);
      sandbox.fault({ kind: 'hold', when: 'after' });
      const pending = asScript(visitor.fork(), callback);
      await sandbox.waiting();
      await visitor.visit(`${own.url}/logout`);
      sandbox.release();
      const answer = await pending;
      expect(outcome(answer)).toEqual([403, 'ERR_CONNECT_STATE', 'no_session']);
      expect({ setCookie: answer.headers['set-cookie'], sessions: await own.sessions() }).toEqual({
        setCookie: undefined,
        sessions: {},
      });
    });
  });

  test('two tabs that finish at once leave one connected session, and no token in any other', async () => {
    const visitor = browser();
    const one = await beginSignIn(app, sandbox, visitor);
    const two = await beginSignIn(app, sandbox, visitor);
    sandbox.fault({ kind: 'hold', when: 'after' }, { times: 2 });
    const answers = [one, two].map((callback) => asScript(visitor.fork(), callback));
    await sandbox.waiting(2);
    sandbox.release();
    expect((await Promise.all(answers)).map((answer) => answer.status).sort()).toEqual([302, 403]);
    expect({
      tokenCalls: sandbox.calls.token,
      storedTokens: await tokensIn(app),
      sessionCount: Object.keys(await app.sessions()).length,
    }).toEqual({ tokenCalls: 2, storedTokens: 1, sessionCount: 1 });
  });
});

describe('a store that hangs once the state is spent', () => {
  const FAILURES: readonly [string, (callback: string) => string, number][] = [
    ['the exchange fails', (callback) => callback, 502],
    ['the person has declined', (callback) => callback.replace(/code=[^&]*/, 'error=access_denied'), 403],
    ['the parameters are faulty', (callback) => callback.replace(/code=[^&]*/, 'code='), 400],
  ];
  test.each(FAILURES)('does not hold up the answer when %s', async (_sentence, change, status) => {
    const store = new MemoryStore();
    await within({ store }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor);
      sandbox.force(500);
      // express-session waits for a touch at the end of the answer, without any limit.
      store.touch = () => undefined;
      expect((await asScript(visitor, change(callback))).status).toBe(status);
    });
  });
});

describe('onConnect', () => {
  const REFUSING: readonly [string, () => void | Promise<void>, readonly unknown[]][] = [
    [
      'throwing',
      () => {
        throw new Error('not of our staff: secret-detail');
      },
      [403, 'ERR_CONNECT_DENIED', 'on_connect'],
    ],
    ['rejecting', () => Promise.reject(new Error('secret-detail')), [403, 'ERR_CONNECT_DENIED', 'on_connect']],
    [
      'throwing a ConnectError',
      () => {
        throw new ConnectError('ERR_CONNECT_FORBIDDEN', { reason: 'staff_only' });
      },
      [403, 'ERR_CONNECT_FORBIDDEN', 'staff_only'],
    ],
  ];
  test.each(REFUSING)('%s refuses the sign-in: no token, same session', async (_sentence, onConnect, expected) => {
    await within({ options: { onConnect } }, async (own) => {
      const visitor = browser();
      const callback = await beginSignIn(own, sandbox, visitor);
      const answer = await asScript(visitor, callback);
      expect(outcome(answer)).toEqual(expected);
      expect(answer.body).not.toContain('secret-detail');
      expect({ storedTokens: await tokensIn(own), sessionCount: Object.keys(await own.sessions()).length }).toEqual({
        storedTokens: 0,
        sessionCount: 1,
      });
      expect(outcome(await asScript(visitor, callback))).toEqual([403, 'ERR_CONNECT_STATE', 'used']);
    });
  });

  test('is awaited with request and token before the token is in the session', async () => {
    const seen: unknown[] = [];
    const onConnect = async (req: Request, token: { type: string }): Promise<void> => {
      await Promise.resolve();
      seen.push(token.type, req.path, req.session.connectToken);
      Object.assign(req.session, { greeted: 'Ada' });
    };
    await within({ options: { onConnect } }, async (own) => {
      expect((await signIn(own, sandbox, browser())).status).toBe(302);
      expect(seen).toEqual(['bearer', '/connect/callback', undefined]);
      expect((await onlySession(own))['greeted']).toBe('Ada');
    });
  });

  test('may reload the session; what it writes after that is kept, too', async () => {
    const onConnect = async (req: Request): Promise<void> => {
      Object.assign(req.session, { before: 'unsaved' });
      await new Promise((done) => req.session.reload(done));
      Object.assign(req.session, { greeted: 'Ada' });
    };
    await within({ options: { onConnect } }, async (own) => {
      expect((await signIn(own, sandbox, browser())).status).toBe(302);
      const { greeted, before } = await onlySession(own);
      expect({ greeted, before }).toEqual({ greeted: 'Ada', before: undefined });
    });
  });
});
