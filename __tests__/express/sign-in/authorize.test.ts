import { createHash } from 'node:crypto';
import { connectAuth, type ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, withApp, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { attemptsOf, clearSessions, onlySession } from '../../support/stored';

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox);
});
beforeEach(() => clearSessions(app));

/** Runs a check against an app of its own. */
const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, parts, check);

const PAGE = { accept: 'text/html' };
const problemOf = (body: string): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;
const parametersOf = (location: string): URLSearchParams => new URL(location).searchParams;

describe('the authorization request', () => {
  test('it names client, callback, type and scope, and carries a fresh state of 43 characters', async () => {
    const visitor = browser();
    const started = await visitor.visit(`${app.url}/connect/authorize`);
    const again = await visitor.visit(`${app.url}/connect/authorize`);
    const url = new URL(started.location);
    expect({ status: started.status, body: started.body, target: url.origin + url.pathname }).toEqual({
      status: 302,
      body: '',
      target: sandbox.connectOptions.authorizeUrl,
    });
    const { state, code_challenge: challenge, ...rest } = Object.fromEntries(url.searchParams);
    expect(rest).toEqual({
      client_id: sandbox.connectOptions.clientId,
      redirect_uri: `${app.url}/connect/callback`,
      response_type: 'code',
      scope: '*',
      code_challenge_method: 'S256',
    });
    expect(state).toMatch(/^[\w-]{43}$/);
    expect(challenge).toMatch(/^[\w-]{43}$/);
    expect(parametersOf(again.location).get('state')).not.toBe(state);
    expect(parametersOf(again.location).get('code_challenge')).not.toBe(challenge);
    expect([started.headers['cache-control'], started.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
  });

  test('the PKCE challenge is that of the verifier in the session, and the state itself is not in it', async () => {
    const started = await browser().visit(`${app.url}/connect/authorize`);
    const attempts = await attemptsOf(app);
    const verifier = attempts.p[0]?.v ?? '';
    expect(verifier).toMatch(/^[\w-]{43}$/);
    expect(parametersOf(started.location).get('code_challenge')).toBe(
      createHash('sha256').update(verifier).digest('base64url'),
    );
    expect(JSON.stringify(attempts)).not.toContain(parametersOf(started.location).get('state'));
  });

  const OPTION_ROWS: readonly [string, Partial<ConnectAuthOptions>, RegExp][] = [
    [
      'several scopes are joined by an encoded space',
      { scope: ['read', 'write:all'] },
      /[?&]scope=read%20write%3Aall(&|$)/,
    ],
    ['a scope is encoded', { scope: 'a&b=c+d' }, /[?&]scope=a%26b%3Dc%2Bd(&|$)/],
    [
      'static extras are sent along',
      { authorizeParams: { prompt: 'log in', 'ui[x]': 'é'.normalize('NFD')[0] ?? '' } },
      /[?&]prompt=log%20in&ui%5Bx%5D=e&/,
    ],
    ['without PKCE there is no challenge', { pkce: false }, /^(?!.*code_challenge)/],
  ];
  test.each(OPTION_ROWS)('%s', async (_sentence, options, expected) => {
    await within({ options }, async (own) => {
      const started = await browser().visit(`${own.url}/connect/authorize`);
      expect(new URL(started.location).search).toMatch(expected);
    });
  });

  test('a query that authorizeUrl already has is kept, but cannot replace a protocol parameter', async () => {
    const authorizeUrl = `${sandbox.connectOptions.authorizeUrl}?tenant=a%20b&state=fixed&client_id=other&x`;
    await within({ options: { authorizeUrl } }, async (own) => {
      const started = await browser().visit(`${own.url}/connect/authorize`);
      const parameters = parametersOf(started.location);
      expect({
        tenants: parameters.getAll('tenant'),
        clientIds: parameters.getAll('client_id'),
        hasX: parameters.has('x'),
      }).toEqual({ tenants: ['a b'], clientIds: [sandbox.connectOptions.clientId], hasX: true });
      expect(parameters.getAll('state')).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
    });
  });

  const FOREIGN_ROWS: readonly [string, string, Record<string, string>][] = [
    ['a foreign Host', '', { host: 'evil.example' }],
    ['X-Forwarded-Host', '', { 'x-forwarded-host': 'evil.example' }],
    [
      'X-Forwarded-Proto, -Port and -Prefix',
      '',
      { 'x-forwarded-proto': 'gopher', 'x-forwarded-port': '1', 'x-forwarded-prefix': '/evil' },
    ],
    ['Forwarded', '', { forwarded: 'host=evil.example;proto=https' }],
    ['Origin and Referer', '', { origin: 'https://evil.example', referer: 'https://evil.example/x' }],
    ['X-Original-URL and X-Rewrite-URL', '', { 'x-original-url': '/evil', 'x-rewrite-url': '/evil' }],
    ['redirect_uri in the query', '?redirect_uri=https://evil.example', {}],
    ['client_id, scope and response_type in the query', '?client_id=evil&scope=evil&response_type=token', {}],
    ['state and PKCE in the query', '?state=evil&code_challenge=evil&code_challenge_method=plain', {}],
    ['authorizeParams and arrays in the query', '?authorizeParams[prompt]=evil&state[]=evil&scope[a]=evil', {}],
  ];
  test.each(FOREIGN_ROWS)('%s changes nothing of it', async (_sentence, query, headers) => {
    const plain = parametersOf((await browser().visit(`${app.url}/connect/authorize`)).location);
    const started = await browser().visit(`${app.url}/connect/authorize${query}`, { ...PAGE, ...headers });
    const changed = parametersOf(started.location);
    for (const one of [plain, changed]) for (const name of ['state', 'code_challenge']) one.delete(name);
    expect(changed.toString()).toBe(plain.toString());
    expect(started.location).not.toContain('evil');
    expect(new URL(started.location).host).toBe(new URL(sandbox.url).host);
  });
});

describe('several tabs', () => {
  test('each tab has its own entry with its own returnTo, and each can finish', async () => {
    const visitor = browser();
    const first = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/one');
    const second = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/two');
    expect((await attemptsOf(app)).p.map((entry) => entry.r)).toEqual(['/one', '/two']);
    expect((await visitor.visit(first)).location).toBe('/one');
    expect((await visitor.visit(second)).location).toBe('/two');
  });

  test('tabs that start at the same moment do not undo each other', async () => {
    const visitor = browser();
    await visitor.visit(`${app.url}/connect/authorize?returnTo=/0`);
    await Promise.all(
      [1, 2, 3, 4, 5].map((tab) => visitor.fork().visit(`${app.url}/connect/authorize?returnTo=/${tab}`)),
    );
    expect((await attemptsOf(app)).p.map((entry) => entry.r).sort()).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });

  test('of nine tabs the newest eight are kept, and the oldest is refused as unknown', async () => {
    const visitor = browser();
    const callbacks: string[] = [];
    for (let tab = 1; tab <= 9; tab += 1) {
      callbacks.push(await beginSignIn(app, sandbox, visitor, `/connect/authorize?returnTo=/${tab}`));
    }
    expect((await attemptsOf(app)).p.map((entry) => entry.r)).toEqual(['/2', '/3', '/4', '/5', '/6', '/7', '/8', '/9']);
    const refused = await visitor.visit(callbacks[0] ?? '', {});
    expect([refused.status, problemOf(refused.body)['reason']]).toEqual([403, 'unknown']);
    expect((await visitor.visit(callbacks[1] ?? '')).location).toBe('/2');
    expect((await visitor.visit(callbacks[8] ?? '')).location).toBe('/9');
  });

  test('the session stays under 40 KB with the longest returnTo everywhere, before and after completions', async () => {
    const visitor = browser();
    const size = async (): Promise<number> => Buffer.byteLength(JSON.stringify(await onlySession(app)));
    const longest = (letter: string): string => `/connect/authorize?returnTo=/${letter.repeat(2047)}`;
    const round = async (): Promise<void> => {
      const callbacks: string[] = [];
      for (let tab = 0; tab < 8; tab += 1) callbacks.push(await beginSignIn(app, sandbox, visitor, longest('a')));
      expect(await size()).toBeLessThan(40_000);
      for (const callback of callbacks) expect((await visitor.visit(callback)).location).toHaveLength(2048);
      expect(await size()).toBeLessThan(40_000);
    };
    await round();
    await round();
    for (let tab = 0; tab < 9; tab += 1) await visitor.visit(app.url + longest('b'));
    expect(await size()).toBeLessThan(40_000);
    await clearSessions(app);
    // Characters that grow when they are escaped or encoded are counted as they are emitted.
    const growing = browser();
    for (let tab = 0; tab < 8; tab += 1) {
      await growing.visit(`${app.url}/connect/authorize?returnTo=/${encodeURIComponent('"é'.repeat(1000))}`);
    }
    expect(await size()).toBeLessThan(40_000);
    expect((await attemptsOf(app)).p.map((entry) => entry.r)).toEqual(Array(8).fill('/'));
  });
});

describe('requests that are no visit', () => {
  test.each([
    ['HEAD', 405],
    ['POST', 405],
    ['PUT', 405],
    ['PATCH', 405],
    ['DELETE', 405],
    ['OPTIONS', 204],
  ])('%s starts nothing and is answered %i with Allow', async (method, status) => {
    const answer = await browser().visit(`${app.url}/connect/authorize`, PAGE, method);
    expect({ status: answer.status, allow: answer.headers.allow, location: answer.location }).toEqual({
      status,
      allow: 'GET',
      location: '',
    });
    expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect({ setCookie: answer.headers['set-cookie'], sessions: await app.sessions() }).toEqual({
      setCookie: undefined,
      sessions: {},
    });
  });

  test.each([
    ['Sec-Purpose', 'prefetch'],
    ['Sec-Purpose', 'prefetch;prerender'],
    ['Sec-Purpose', 'PREFETCH'],
    ['Purpose', 'prefetch'],
    ['Purpose', 'preview'],
    ['X-Purpose', 'preview'],
    ['X-Moz', 'prefetch'],
    ['X-Sec-Purpose', 'prefetch'],
    ['X-Sec-Purpose', 'prefetch;prerender'],
    ['Next-Router-Prefetch', '1'],
    ['Next-Router-Prefetch', '2'],
    ['HX-Preloaded', 'true'],
  ])('a request in advance with %s: %s starts nothing and may come again', async (name, value) => {
    const answer = await browser().visit(`${app.url}/connect/authorize`, { [name]: value });
    expect({
      status: answer.status,
      retryAfter: answer.headers['retry-after'],
      code: problemOf(answer.body)['code'],
    }).toEqual({ status: 503, retryAfter: '1', code: 'ERR_CONNECT_PREFETCH' });
    expect({ setCookie: answer.headers['set-cookie'], sessions: await app.sessions() }).toEqual({
      setCookie: undefined,
      sessions: {},
    });
  });

  const NO_VISITS: readonly [string, Record<string, string>, number][] = [
    ['an image of another site', { ...loaded('cross-site', 'no-cors', 'image'), accept: 'image/*,*/*;q=0.8' }, 403],
    ['a script of another site', loaded('cross-site', 'no-cors', 'script'), 403],
    ['a fetch() of another site', { ...loaded('cross-site', 'cors', 'empty'), ...PAGE }, 403],
    ['a frame of another site', { ...loaded('cross-site', 'navigate', 'iframe'), ...PAGE }, 403],
    ['an object of another site', { ...loaded('cross-site', 'navigate', 'object'), ...PAGE }, 403],
    ['an image of another host of this site', loaded('same-site', 'no-cors', 'image'), 403],
    ['a request that says twice where it comes from', loaded('same-origin, cross-site', 'no-cors', 'image'), 403],
    ['a request that says how, but not in which way', { 'sec-fetch-site': 'cross-site' }, 403],
    ['an image of this site, which another visitor has posted', loaded('same-origin', 'no-cors', 'image'), 403],
    ['a script of this site', loaded('same-origin', 'no-cors', 'script'), 403],
    ['an image of which nobody says where it stands', { 'sec-fetch-dest': 'image' }, 403],
    ['a prefetch by a link', { ...loaded('same-origin', 'no-cors', 'empty'), 'sec-purpose': 'prefetch' }, 503],
    ['a prerendering', { ...loaded('none', 'navigate', 'document'), 'sec-purpose': 'prefetch;prerender' }, 503],
  ];
  test.each(NO_VISITS)('%s, eight times, leaves a sign-in in progress alone', async (_sentence, headers, status) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
    const before = await app.sessions();
    for (let load = 0; load < 8; load += 1) {
      const answer = await visitor.visit(`${app.url}/connect/authorize`, headers);
      expect({ status: answer.status, location: answer.location, setCookie: answer.headers['set-cookie'] }).toEqual({
        status,
        location: '',
        setCookie: undefined,
      });
    }
    expect(await app.sessions()).toEqual(before);
    expect((await visitor.visit(callback)).location).toBe('/in');
  });

  test('a refused load of another site is told why', async () => {
    const answer = await browser().visit(`${app.url}/connect/authorize`, loaded('cross-site', 'no-cors', 'image'));
    const { code, reason } = problemOf(answer.body);
    expect([code, reason]).toEqual(['ERR_CONNECT_ORIGIN', 'foreign']);
  });

  test.each([
    ['a link on another site', { ...loaded('cross-site', 'navigate', 'document'), ...PAGE }],
    ['an address that a person has typed', { ...loaded('none', 'navigate', 'document'), ...PAGE }],
    ['a frame of this site', { ...loaded('same-origin', 'navigate', 'iframe'), ...PAGE }],
    ['a fetch() of this site', loaded('same-origin', 'cors', 'empty')],
    ['a page load that says only whence', { 'sec-fetch-site': 'cross-site', ...PAGE }],
  ])('%s starts a sign-in', async (_sentence, headers) => {
    const answer = await browser().visit(`${app.url}/connect/authorize`, headers);
    expect([answer.status, new URL(answer.location).host]).toEqual([302, new URL(sandbox.url).host]);
  });
});

/** What a browser says about a load (Fetch Metadata, W3C). */
function loaded(site: string, mode: string, dest: string): Record<string, string> {
  return { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
}

describe('sessions and cookies that cannot work', () => {
  const COOKIE_ROWS: readonly [string, object, string][] = [
    ['secure on plain http', { secure: true }, 'secure'],
    ["sameSite 'strict'", { sameSite: 'strict' }, 'same_site'],
    ['sameSite true, which means strict', { sameSite: true }, 'same_site'],
    ['the domain of another site', { domain: 'example.org' }, 'domain'],
    ['a domain that only ends alike', { domain: '0.0.1' }, 'domain'],
    ['a path beside the callback', { path: '/connect/authorize' }, 'path'],
    ['a path that covers the callback by letters, not by segments', { path: '/conn' }, 'path'],
  ];
  test.each(COOKIE_ROWS)(
    'a cookie with %s is told at the start, and starts nothing',
    async (_sentence, cookie, reason) => {
      await within({ session: { cookie } }, async (own) => {
        const answer = await browser().visit(`${own.url}/connect/authorize`, {});
        expect({
          status: answer.status,
          code: problemOf(answer.body)['code'],
          reason: problemOf(answer.body)['reason'],
        }).toEqual({ status: 500, code: 'ERR_CONNECT_COOKIE', reason });
        expect({ setCookie: answer.headers['set-cookie'], sessions: await own.sessions() }).toEqual({
          setCookie: undefined,
          sessions: {},
        });
      });
    },
  );

  const SOUND_ROWS: readonly [string, TestAppParts['session'], Record<string, string>][] = [
    ['sameSite lax', { cookie: { sameSite: 'lax' } }, {}],
    ['a path that covers the callback', { cookie: { path: '/connect' } }, {}],
    ['a path with a slash at its end', { cookie: { path: '/connect/' } }, {}],
    [
      'secure behind a proxy that says https',
      { proxy: true, cookie: { secure: true } },
      { 'x-forwarded-proto': 'https' },
    ],
    [
      'secure behind two proxies, the first on https',
      { proxy: true, cookie: { secure: true } },
      { 'x-forwarded-proto': 'https, http' },
    ],
    ["secure 'auto' on plain http", { cookie: { secure: 'auto' } }, {}],
  ];
  test.each(SOUND_ROWS)('a cookie with %s starts a sign-in', async (_sentence, session, headers) => {
    await within({ session: session ?? {} }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, headers);
      expect({ status: answer.status, cookies: answer.headers['set-cookie']?.length }).toEqual({
        status: 302,
        cookies: 1,
      });
    });
  });

  test('secure behind a proxy that says http is refused', async () => {
    await within({ session: { proxy: true, cookie: { secure: true } } }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, { 'x-forwarded-proto': 'http, https' });
      expect([answer.status, problemOf(answer.body)['code']]).toEqual([500, 'ERR_CONNECT_COOKIE']);
    });
  });

  test('without express-session the operator is told so', async () => {
    const removed: TestAppParts = {
      before: [
        (req, _res, next) => {
          Object.assign(req, { session: undefined });
          next();
        },
      ],
    };
    await within(removed, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, {});
      expect({
        status: answer.status,
        code: problemOf(answer.body)['code'],
        loginUrl: problemOf(answer.body)['loginUrl'],
      }).toEqual({ status: 500, code: 'ERR_CONNECT_NO_SESSION', loginUrl: undefined });
    });
  });

  const nothing = (): void => undefined;
  test.each([
    ['that lives in a cookie', { touch: nothing }, undefined],
    ['that cannot be regenerated', { touch: nothing }, { get: nothing, set: nothing }],
    ['whose store cannot be read', { touch: nothing, regenerate: nothing }, { set: nothing }],
    ['whose store cannot be written', { touch: nothing, regenerate: nothing }, { get: nothing }],
  ])('a session %s is refused with the reason', async (_sentence, session, sessionStore) => {
    const notOfExpressSession: TestAppParts = {
      before: [
        (req, _res, next) => {
          Object.assign(req, { session, sessionID: undefined, sessionStore });
          next();
        },
      ],
    };
    await within(notOfExpressSession, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/authorize`, {});
      expect({
        status: answer.status,
        code: problemOf(answer.body)['code'],
        reason: problemOf(answer.body)['reason'],
      }).toEqual({ status: 500, code: 'ERR_CONNECT_NO_SESSION', reason: 'client_side' });
    });
  });

  test('a store that goes away after a good request is a 503, and its return ends it', async () => {
    await within({}, async (own) => {
      expect((await browser().visit(`${own.url}/connect/authorize`)).status).toBe(302);
      own.store.emit('disconnect');
      const away = await browser().visit(`${own.url}/connect/authorize`, {});
      expect({
        status: away.status,
        code: problemOf(away.body)['code'],
        retryAfter: away.headers['retry-after'],
      }).toEqual({ status: 503, code: 'ERR_CONNECT_STORE', retryAfter: '2' });
      own.store.emit('connect');
      expect((await browser().visit(`${own.url}/connect/authorize`)).status).toBe(302);
    });
  });
});

describe('where it is mounted', () => {
  test('the handler alone starts a sign-in at a path of the app, and never returns there', async () => {
    const parts: TestAppParts = {
      options: { authorizePath: false },
      routes: (express) =>
        express.get('/login', (req, res, next) => {
          const redirectUri = `http://${String(req.headers.host)}/connect/callback`;
          const { authorize } = connectAuth({ ...sandbox.connectOptions, redirectUri, authorizePath: false });
          authorize(req, res, next);
        }),
    };
    await within(parts, async (own) => {
      expect((await browser().visit(`${own.url}/connect/authorize`)).status).toBe(404);
      expect((await signIn(own, sandbox, browser(), '/login?returnTo=/in')).location).toBe('/in');
      expect((await signIn(own, sandbox, browser(), '/login?returnTo=/login')).location).toBe('/');
    });
  });

  test('mounted under a path, routes and start-again link carry that path', async () => {
    await within({ mount: '/app' }, async (own) => {
      expect((await browser().visit(`${own.url}/connect/authorize`)).status).toBe(404);
      const visitor = browser();
      const answer = await signIn(own, sandbox, visitor, '/app/connect/authorize?returnTo=/app/home');
      expect([answer.status, answer.location]).toEqual([302, '/app/home']);
      const looping = await signIn(own, sandbox, browser(), '/app/connect/authorize?returnTo=/app/connect/authorize');
      expect(looping.location).toBe('/');
      const failed = await browser().visit(`${own.url}/app/connect/callback?code=a&state=b`, {});
      expect(problemOf(failed.body)['loginUrl']).toBe('/app/connect/authorize');
    });
  });
});
