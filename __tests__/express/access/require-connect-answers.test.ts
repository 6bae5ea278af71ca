import http, { type OutgoingHttpHeaders } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { isConnectError, type ConnectError, type ConnectEvent, type RequireConnectOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, withApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { editSessions } from '../../support/stored';
import { some } from '../../support/told';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** An app whose `/guarded` has these guard options, for every method. */
function guarded(guard: RequireConnectOptions, parts: TestAppParts = {}): TestAppParts {
  return {
    ...parts,
    routes(app, connect) {
      app.all(
        /^\/guarded|^\/+evil|^\/app|^\/a\//u,
        connect.requireConnect(guard),
        (_req, res) => void res.send('inside'),
      );
      parts.routes?.(app, connect);
    },
  };
}

const PAGE = { accept: 'text/html,application/xhtml+xml' };
const KINDS: Readonly<Record<string, readonly [method: string, headers: OutgoingHttpHeaders]>> = {
  'a page load': ['GET', PAGE],
  'a page load with fetch metadata': ['GET', { accept: '*/*', 'sec-fetch-mode': 'navigate' }],
  fetch: ['GET', { accept: '*/*', 'sec-fetch-mode': 'cors' }],
  'fetch that accepts HTML': ['GET', { ...PAGE, 'sec-fetch-mode': 'cors' }],
  'fetch without metadata': ['GET', { accept: '*/*' }],
  XHR: ['GET', { ...PAGE, 'x-requested-with': 'XMLHttpRequest' }],
  'a request without Accept': ['GET', {}],
  HEAD: ['HEAD', PAGE],
  'a form by POST': ['POST', { ...PAGE, 'sec-fetch-mode': 'navigate' }],
  'fetch by POST': ['POST', { accept: 'application/json', 'sec-fetch-mode': 'cors' }],
  DELETE: ['DELETE', { accept: 'application/json' }],
  'a prefetched page': ['GET', { ...PAGE, 'sec-fetch-mode': 'navigate', 'sec-purpose': 'prefetch' }],
  'an image': ['GET', { accept: 'image/avif,*/*', 'sec-fetch-mode': 'no-cors' }],
};
const PAGES = ['a page load', 'a page load with fetch metadata', 'a prefetched page'];

describe.each([
  ['auto', PAGES],
  ['redirect', Object.keys(KINDS).filter((kind) => kind !== 'HEAD')],
  ['error', []],
] as const)('onMissing %s', (onMissing, redirected) => {
  test.each(Object.entries(KINDS))('%s', async (kind, [method, headers]) => {
    await withApp(sandbox, guarded({ onMissing }), async (app) => {
      const visitor = browser();
      const answer = await visitor.visit(`${app.url}/guarded?tab=2`, headers, method);
      expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
      expect(visitor.cookies.size).toBe(0);
      if ((redirected as readonly string[]).includes(kind)) {
        const returnTo = method === 'GET' ? '?returnTo=%2Fguarded%3Ftab%3D2' : '';
        expect({ status: answer.status, location: answer.location, body: answer.body }).toEqual({
          status: method === 'GET' ? 302 : 303,
          location: `/connect/authorize${returnTo}`,
          body: '',
        });
        return;
      }
      const page = PAGES.includes(kind) || kind === 'a form by POST';
      expect({ status: answer.status, location: answer.location }).toEqual({ status: 401, location: '' });
      expect(answer.headers['content-type']).toBe(page ? 'text/html; charset=utf-8' : 'application/problem+json');
      if (method === 'HEAD') expect(answer.body).toBe('');
      else if (page) expect(answer.body).toContain('href="/connect/authorize"');
      else
        expect(JSON.parse(answer.body)).toEqual({
          type: 'urn:express-connect-auth:error:ERR_CONNECT_REQUIRED',
          title: 'Please connect your account',
          status: 401,
          detail: 'This page needs a connected account. Please connect yours to continue.',
          instance: some.instance,
          code: 'ERR_CONNECT_REQUIRED',
          loginUrl: '/connect/authorize',
        });
    });
  });
});

test('auto is the default', async () => {
  await withApp(sandbox, guarded({}), async (app) => {
    const answers = [
      await browser().visit(`${app.url}/guarded`, PAGE),
      await browser().visit(`${app.url}/guarded`, {}),
    ];
    expect(answers.map(({ status }) => status)).toEqual([302, 401]);
  });
});

test.each(Object.entries(KINDS))(
  'a connected visitor comes in by %s, whatever onMissing says',
  async (kind, [method, headers]) => {
    await withApp(sandbox, guarded({ onMissing: kind.length % 2 === 0 ? 'redirect' : 'auto' }), async (app) => {
      const visitor = browser();
      await signIn(app, sandbox, visitor);
      const answer = await visitor.visit(`${app.url}/guarded`, headers, method);
      expect([answer.status, answer.body]).toEqual([200, method === 'HEAD' ? '' : 'inside']);
    });
  },
);

test.each([
  ['an expired token without refresh token', 'omitted' as const],
  ['a token whose grant is dead', 'new' as const],
])('%s is answered as a missing one, as EXPIRED', async (_what, refresh) => {
  await withApp(sandbox, guarded({}), async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await editSessions(app, (document) => {
      const token = document['connectToken'] as { expires_at: number; refresh_token?: string };
      token.expires_at = 1000;
      if (refresh === 'omitted') delete token.refresh_token;
      else token.refresh_token = 'unknown-to-the-provider';
    });
    const copy = visitor.fork();
    const page = await visitor.visit(`${app.url}/guarded`, PAGE);
    expect([page.status, page.location]).toEqual([302, '/connect/authorize?returnTo=%2Fguarded']);
    if (refresh === 'omitted') {
      const script = await copy.visit(`${app.url}/guarded`, { accept: 'application/json' });
      expect([script.status, JSON.parse(script.body)]).toMatchObject([
        401,
        { code: 'ERR_CONNECT_EXPIRED', loginUrl: '/connect/authorize' },
      ]);
    }
  });
});

describe('returnTo', () => {
  test.each([
    ['/guarded', '/guarded'],
    ['/guarded?a=1&b=%20c', '/guarded?a=1&b=%20c'],
    ['/guarded?next=https://evil.example/', '/guarded?next=https://evil.example/'],
    ['//evil.example/x', undefined],
    ['///evil.example/x', undefined],
    ['//evil.example\\x', undefined],
    ['/a/..//evil.example', undefined],
    ['/a/.//../..//evil.example', undefined],
    ['/guarded\\..\\x', undefined],
    ['/guarded%5Cevil.example', undefined],
    ['/guarded%2F%2Fevil.example', undefined],
    [`/guarded?${'x'.repeat(2048)}`, undefined],
  ])('for the page %s is %s', async (target, returnTo) => {
    await withApp(sandbox, guarded({}), async (app) => {
      const answer = await rawGet(app.url, target);
      expect(answer.status).toBe(302);
      expect(answer.location).toBe(
        `/connect/authorize${returnTo === undefined ? '' : `?returnTo=${encodeURIComponent(returnTo)}`}`,
      );
    });
  });

  test('leads back to the page, query and all, after the sign-in', async () => {
    await withApp(sandbox, guarded({}), async (app) => {
      const visitor = browser();
      const sent = await visitor.visit(`${app.url}/guarded?tab=2&q=a%26b`, PAGE);
      const landed = await signIn(app, sandbox, visitor, sent.location);
      expect([landed.status, landed.location]).toEqual([302, '/guarded?tab=2&q=a%26b']);
      expect((await visitor.visit(app.url + landed.location, PAGE)).body).toBe('inside');
    });
  });

  test('holds the whole path under a mount, and loginUrl its prefix', async () => {
    const parts: TestAppParts = {
      mount: '/app',
      routes: (app, connect) => {
        app.use('/app/inner', connect.requireConnect(), (_req, res) => void res.send('inside'));
      },
    };
    await withApp(sandbox, parts, async (app) => {
      const visitor = browser();
      const sent = await visitor.visit(`${app.url}/app/inner/page?x=1`, PAGE);
      expect(sent.location).toBe('/app/connect/authorize?returnTo=%2Fapp%2Finner%2Fpage%3Fx%3D1');
      const landed = await signIn(app, sandbox, visitor, sent.location);
      expect(landed.location).toBe('/app/inner/page?x=1');
    });
  });
});

function rawGet(base: string, target: string): Promise<{ status: number; location: string }> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    http
      .request({ hostname, port, path: target, headers: PAGE, agent: false }, (res) => {
        res.resume().on('end', () => resolve({ status: res.statusCode ?? 0, location: res.headers.location ?? '' }));
      })
      .on('error', reject)
      .end();
  });
}

describe('loginUrl', () => {
  test.each([
    ['/welcome', '/welcome?returnTo=%2Fguarded'],
    ['/welcome?from=guard', '/welcome?from=guard&returnTo=%2Fguarded'],
    ['/größe/日本', '/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC?returnTo=%2Fguarded'],
    ['/a b', '/a%20b?returnTo=%2Fguarded'],
  ])('%s is where visitors are sent, and what scripts are told', async (loginUrl, location) => {
    await withApp(sandbox, guarded({ loginUrl }), async (app) => {
      const page = await browser().visit(`${app.url}/guarded`, PAGE);
      expect([page.status, page.location]).toEqual([302, location]);
      const script = await browser().visit(`${app.url}/guarded`, {});
      expect([script.status, JSON.parse(script.body)]).toMatchObject([
        401,
        { loginUrl: location.replace(/[?&]returnTo=.*$/u, '') },
      ]);
    });
  });

  test.each([
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    'welcome',
    '',
    '/a/..//evil.example',
    '/x\r\nSet-Cookie: a=b',
    '/login#top',
    5,
    null,
  ])('%j is refused at set-up', async (loginUrl) => {
    const error = await setUpFault({ loginUrl: loginUrl as string });
    expect([error.code, error.stage]).toEqual(['ERR_CONNECT_OPTIONS', 'options']);
    expect(error.message).toBe('requireConnect(): loginUrl must be a path of this site without a fragment.');
  });

  test('is needed with authorizePath: false', async () => {
    for (const guard of [{}, { onMissing: 'redirect' }, { onMissing: 'auto' }] as const) {
      const { message } = await setUpFault(guard, { authorizePath: false });
      expect(message).toBe(
        'requireConnect(): with authorizePath: false it needs loginUrl, the path where your app has mounted ' +
          "connect.authorize, or onMissing: 'error'.",
      );
    }
  });

  test('is not needed with authorizePath: false and onMissing error', async () => {
    await withApp(sandbox, guarded({ onMissing: 'error' }, { options: { authorizePath: false } }), async (app) => {
      const answer = await browser().visit(`${app.url}/guarded`, {});
      expect({
        status: answer.status,
        hasLoginUrl: Object.hasOwn(JSON.parse(answer.body) as object, 'loginUrl'),
      }).toEqual({ status: 401, hasLoginUrl: false });
    });
  });

  test('leads to a sign-in that the app has placed itself', async () => {
    const parts = guarded(
      { loginUrl: '/login' },
      {
        options: { authorizePath: false },
        routes: (app, connect) => void app.get('/login', connect.authorize),
      },
    );
    await withApp(sandbox, parts, async (app) => {
      const visitor = browser();
      const sent = await visitor.visit(`${app.url}/guarded?x`, PAGE);
      expect((await signIn(app, sandbox, visitor, sent.location)).location).toBe('/guarded?x');
    });
  });
});

test.each([
  [{ onMising: 'error' }, 'it takes only the options onMissing and loginUrl'],
  [{ onMissing: 'never' }, "onMissing must be 'auto', 'redirect' or 'error'"],
  [{ onMissing: null }, "onMissing must be 'auto', 'redirect' or 'error'"],
])('the guard options %j are refused at set-up', async (guard, message) => {
  expect((await setUpFault(guard as RequireConnectOptions)).message).toBe(`requireConnect(): ${message}.`);
});

async function setUpFault(guard: RequireConnectOptions, options: TestAppParts['options'] = {}): Promise<ConnectError> {
  let thrown: unknown;
  await withApp(
    sandbox,
    {
      options,
      routes(_app, connect) {
        try {
          connect.requireConnect(guard);
        } catch (error) {
          thrown = error;
        }
      },
    },
    () => Promise.resolve(),
  );
  if (!isConnectError(thrown)) throw new Error('the guard was made');
  return thrown;
}

describe('renderErrors and renderError', () => {
  test('with renderErrors false the app answers, and gets status, loginUrl and all', async () => {
    let seen: unknown;
    const parts = guarded(
      { onMissing: 'error' },
      {
        options: { renderErrors: false },
        routes(app) {
          const look: ErrorRequestHandler = (error, _req, res, next) => {
            seen = error;
            if (res.headersSent) next(error);
            else res.status((error as ConnectError).status).send('the look of the app');
          };
          app.use(look);
        },
      },
    );
    await withApp(sandbox, parts, async (app) => {
      const answer = await browser().visit(`${app.url}/guarded`, {});
      expect([answer.status, answer.body]).toEqual([401, 'the look of the app']);
      expect(seen).toMatchObject({ code: 'ERR_CONNECT_REQUIRED', loginUrl: '/connect/authorize', stage: 'refresh' });
    });
  });

  test('with renderErrors false a page load is still redirected', async () => {
    await withApp(sandbox, guarded({}, { options: { renderErrors: false } }), async (app) => {
      expect((await browser().visit(`${app.url}/guarded`, PAGE)).status).toBe(302);
    });
  });

  test('renderError answers in the look of the app', async () => {
    const options: TestAppParts['options'] = {
      renderError: (error, _req, res) => void res.send(`our own words for ${error.code}`),
    };
    await withApp(sandbox, guarded({}, { options }), async (app) => {
      const answer = await browser().visit(`${app.url}/guarded`, {});
      expect([answer.status, answer.body]).toEqual([401, 'our own words for ERR_CONNECT_REQUIRED']);
    });
  });
});

test('each refusal is one event, and a redirect is none', async () => {
  const events: ConnectEvent[] = [];
  await withApp(sandbox, guarded({}, { options: { onEvent: (event) => void events.push(event) } }), async (app) => {
    await browser().visit(`${app.url}/guarded`, PAGE);
    expect(events).toEqual([]);
    await browser().visit(`${app.url}/guarded`, {});
    expect(events).toEqual([
      {
        type: 'error',
        time: expect.any(Number) as number,
        stage: 'refresh',
        code: 'ERR_CONNECT_REQUIRED',
        status: 401,
        message: some.message,
        reference: some.reference,
      },
    ]);
  });
});

test('one guard serves two routes, and two guards of two instances their own sessions', async () => {
  const app = await startApp(sandbox, guarded({ onMissing: 'error' }));
  const other = await startApp(sandbox, {
    store: app.store,
    ...guarded({ onMissing: 'error' }, { options: { sessionKey: 'otherToken' } }),
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  expect((await visitor.visit(`${app.url}/guarded/1`, {})).status).toBe(200);
  expect((await visitor.visit(`${app.url}/guarded/2`, {})).status).toBe(200);
  expect((await visitor.visit(`${other.url}/guarded`, {})).status).toBe(401);
});
