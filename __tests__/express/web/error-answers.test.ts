import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import {
  connectErrorHandler,
  ConnectError,
  type ConnectAuthOptions,
  type ConnectErrorCode,
  type ConnectEvent,
} from '../../../src';
import { CODES } from '../../../src/errors/codes';
import { SANDBOX_API_CODES, type Sandbox } from '../../../src/testing';
import {
  beginSignIn,
  browser,
  signIn,
  startApp,
  withApp,
  type Answer,
  type TestApp,
  type TestAppParts,
} from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { tokensIn } from '../../support/stored';
import { some } from '../../support/told';

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
});
// A new one each: after a 429 it leaves the provider alone for a while.
beforeEach(async () => {
  app = await startApp(sandbox);
});

const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, parts, check);

const problemOf = (answer: Answer): Record<string, unknown> => JSON.parse(answer.body) as Record<string, unknown>;

/** Signs in up to the callback, lets the provider refuse the code, and gives our answer. */
async function refused(own: TestApp, apiCode: number, headers = {}, retryAfter?: string): Promise<Answer> {
  const visitor = browser();
  const callback = await beginSignIn(own, sandbox, visitor);
  sandbox.force(apiCode, { retryAfter });
  return visitor.visit(callback, headers);
}

/** docs/errors.md, column "sign-in". */
const TABLE: readonly [apiCode: number, status: number, code: ConnectErrorCode][] = [
  [400, 400, 'ERR_CONNECT_GRANT'],
  [401, 500, 'ERR_CONNECT_CONFIG'],
  [403, 403, 'ERR_CONNECT_FORBIDDEN'],
  [404, 502, 'ERR_CONNECT_RESPONSE'],
  [405, 502, 'ERR_CONNECT_RESPONSE'],
  [406, 502, 'ERR_CONNECT_RESPONSE'],
  [410, 502, 'ERR_CONNECT_RESPONSE'],
  [429, 503, 'ERR_CONNECT_RATE_LIMITED'],
  [500, 502, 'ERR_CONNECT_UNAVAILABLE'],
  [503, 503, 'ERR_CONNECT_UNAVAILABLE'],
  [2032, 500, 'ERR_CONNECT_CONFIG'],
  [2034, 422, 'ERR_CONNECT_ACCOUNT'],
  [2036, 500, 'ERR_CONNECT_CONFIG'],
  [2038, 500, 'ERR_CONNECT_CONFIG'],
  [2039, 409, 'ERR_CONNECT_ACCOUNT'],
  [2040, 409, 'ERR_CONNECT_ACCOUNT'],
  [2041, 422, 'ERR_CONNECT_ACCOUNT'],
];

describe('the documented API codes at sign-in', () => {
  test('the table has a row for each of the 17', () => {
    expect(TABLE.map(([apiCode]) => apiCode)).toEqual(SANDBOX_API_CODES);
  });

  describe.each([
    ['its own status', 'matching'],
    ['status 200', 200],
  ] as const)('with %s', (_words, errorStatus) => {
    test.each(TABLE)('%i is answered %i %s', async (apiCode, status, code) => {
      sandbox.set({ errorShape: 'errorObject', errorStatus });
      const answer = await refused(app, apiCode);
      const { type, title, detail, ...rest } = problemOf(answer);
      const restarts = code !== 'ERR_CONNECT_CONFIG';
      expect(rest).toEqual({
        status,
        instance: some.instance,
        code,
        apiCode,
        ...(restarts ? { loginUrl: '/connect/authorize' } : {}),
      });
      expect({ status: answer.status, type, titleType: typeof title, detailType: typeof detail }).toEqual({
        status,
        type: `urn:express-connect-auth:error:${code}`,
        titleType: 'string',
        detailType: 'string',
      });
      expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
        tokenCalls: 1,
        storedTokens: 0,
      });
    });
  });

  test('statusByApiCode changes the status alone, and only of the codes it names', async () => {
    await within({ options: { statusByApiCode: { 2039: 418, 500: 599 } } }, async (own) => {
      sandbox.set({ errorShape: 'errorObject' });
      const rows = [];
      for (const apiCode of [2039, 500, 2040]) {
        const { status, code } = problemOf(await refused(own, apiCode));
        rows.push([status, code]);
      }
      expect(rows).toEqual([
        [418, 'ERR_CONNECT_ACCOUNT'],
        [599, 'ERR_CONNECT_UNAVAILABLE'],
        [409, 'ERR_CONNECT_ACCOUNT'],
      ]);
    });
  });

  test.each([
    [429, '7', '7'],
    [503, '120', '120'],
    [503, '99999', '3600'],
    [503, 'soon', undefined],
    [429, '-1', undefined],
    [2039, '7', undefined],
  ])('%i with Retry-After %s is passed on as %s', async (apiCode, sent, expected) => {
    sandbox.set({ errorShape: 'errorObject' });
    const answer = await refused(app, apiCode, {}, sent);
    expect([answer.headers['retry-after'], problemOf(answer)['retryAfter']]).toEqual([
      expected,
      expected === undefined ? undefined : Number(expected),
    ]);
  });
});

describe('page or problem', () => {
  const KINDS: readonly [string, Record<string, string>, 'html' | 'json'][] = [
    ['Sec-Fetch-Mode: navigate gets a page', { 'sec-fetch-mode': 'navigate' }, 'html'],
    ['navigate without text/html gets a page', { 'sec-fetch-mode': 'navigate', accept: '*/*' }, 'html'],
    ['an old browser with text/html gets a page', { accept: 'text/html,*/*;q=0.8' }, 'html'],
    ['Sec-Fetch-Mode: cors gets JSON', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, 'json'],
    ['Sec-Fetch-Mode: no-cors gets JSON', { 'sec-fetch-mode': 'no-cors', accept: 'text/html' }, 'json'],
    ['X-Requested-With gets JSON', { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' }, 'json'],
    ['Accept: */* gets JSON', { accept: '*/*' }, 'json'],
    ['no header at all gets JSON', {}, 'json'],
  ];
  test.each(KINDS)('%s', async (_sentence, headers, kind) => {
    const answer = await browser().visit(`${app.url}/connect/callback?code=a&state=b`, headers);
    expect([answer.status, answer.headers['content-type']]).toEqual([
      403,
      kind === 'html' ? 'text/html; charset=utf-8' : 'application/problem+json',
    ]);
    expect({
      cacheControl: answer.headers['cache-control'],
      referrerPolicy: answer.headers['referrer-policy'],
      xContentTypeOptions: answer.headers['x-content-type-options'],
      vary: answer.headers.vary,
      contentLength: answer.headers['content-length'],
    }).toEqual({
      cacheControl: 'no-store',
      referrerPolicy: 'no-referrer',
      xContentTypeOptions: 'nosniff',
      vary: 'Accept, Sec-Fetch-Mode',
      contentLength: String(Buffer.byteLength(answer.body)),
    });
    expect(answer.headers.etag).toBeUndefined();
    expect(answer.headers['content-security-policy'] !== undefined).toBe(kind === 'html');
  });

  test('the page holds our words, a strict policy and a link to start again, and loads nothing', async () => {
    sandbox.set({ errorShape: 'errorObject' });
    const answer = await refused(app, 2039, { accept: 'text/html' });
    expect(answer.body).toContain('<h1>Your account needs attention</h1>');
    expect(answer.body).toContain('Error 409 · ERR_CONNECT_ACCOUNT');
    expect(answer.body).toContain('<a href="/connect/authorize">Start again</a>');
    expect(answer.headers['content-security-policy']).toMatch(
      new RegExp(
        "^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; frame-ancestors 'none'; base-uri 'none'; form-action 'none'$",
      ),
    );
    expect(answer.body).not.toMatch(/<script|<link|<img|src=|url\(|https?:/);
    expect(answer.body).not.toContain('Email already exists');
  });

  const LINKS: readonly [string, Partial<ConnectAuthOptions>, number, string | undefined][] = [
    ['a spent code', {}, 400, '/connect/authorize'],
    ['maintenance', {}, 503, '/connect/authorize'],
    ['an account not allowed', {}, 403, '/connect/authorize'],
    ['a wrong key of ours, which a new start cannot mend', {}, 2036, undefined],
    ['a login path that we do not mount', { authorizePath: false }, 0, undefined],
    ['a login path of the app', { authorizePath: '/login' }, 0, '/login'],
  ];
  test.each(LINKS)('%s: the link goes where it helps', async (_sentence, options, apiCode, link) => {
    await within({ options }, async (own) => {
      sandbox.set({ errorShape: 'errorObject' });
      const page = { accept: 'text/html' };
      const answer =
        apiCode === 0
          ? await browser().visit(`${own.url}/connect/callback?code=a&state=b`, page)
          : await refused(own, apiCode, page);
      expect(/<a href="([^"]*)">Start again<\/a>/.exec(answer.body)?.[1]).toBe(link);
    });
  });
});

describe('where starting again helps', () => {
  const NEVER: readonly string[] = [
    'ERR_CONNECT_OPTIONS',
    'ERR_CONNECT_NO_SESSION',
    'ERR_CONNECT_COOKIE',
    'ERR_CONNECT_METHOD',
    'ERR_CONNECT_PREFETCH',
    'ERR_CONNECT_CONFIG',
  ];

  /** The answer to a visitor whose sign-in `onConnect` refuses with this error. */
  async function answered(error: ConnectError): Promise<Record<string, unknown>> {
    let problem: Record<string, unknown> = {};
    await within({ options: { onConnect: () => Promise.reject(error) } }, async (own) => {
      const visitor = browser();
      problem = problemOf(await visitor.visit(await beginSignIn(own, sandbox, visitor), {}));
    });
    return problem;
  }

  test.each(Object.keys(CODES) as ConnectErrorCode[])(
    '%s links to the sign-in, unless it cannot help',
    async (code) => {
      const { status, title } = new ConnectError(code);
      const problem = await answered(new ConnectError(code));
      expect(problem).toMatchObject({ code, status, title });
      expect(problem['loginUrl']).toBe(NEVER.includes(code) ? undefined : '/connect/authorize');
    },
  );

  test('a code of a newer copy of this package links to it, too', async () => {
    const newer = Object.assign(new ConnectError('ERR_CONNECT_API'), { code: 'ERR_CONNECT_NEWER' });
    expect(await answered(newer)).toMatchObject({ code: 'ERR_CONNECT_NEWER', loginUrl: '/connect/authorize' });
  });
});

describe("in the app's own hands", () => {
  /** `renderErrors: false` with error middleware that shows what it got. */
  const shown: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (error instanceof ConnectError) res.status(599).json({ mine: error.code, loginUrl: error.loginUrl });
    else next(error);
  };

  test("renderErrors false hands the error to the app's middleware", async () => {
    await within({ options: { renderErrors: false }, routes: (own) => own.use(shown) }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/callback?code=a&state=b`, {});
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        599,
        { mine: 'ERR_CONNECT_STATE', loginUrl: '/connect/authorize' },
      ]);
      expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
    });
  });

  test('renderError answers in the look of the app, with status and headers set', async () => {
    const renderError: ConnectAuthOptions['renderError'] = (error, _req, res) => void res.send(`mine: ${error.code}`);
    await within({ options: { renderError } }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/callback?code=a&state=b`);
      expect({
        status: answer.status,
        body: answer.body,
        cacheControl: answer.headers['cache-control'],
        referrerPolicy: answer.headers['referrer-policy'],
      }).toEqual({
        status: 403,
        body: 'mine: ERR_CONNECT_STATE',
        cacheControl: 'no-store',
        referrerPolicy: 'no-referrer',
      });
    });
  });

  test.each([
    ['page', { accept: 'text/html' }, 'text/html; charset=utf-8'],
    ['problem', {}, 'application/problem+json'],
  ])('a renderError that throws leads to the standard %s', async (_kind, headers, type) => {
    const renderError: ConnectAuthOptions['renderError'] = (_error, _req, res) => {
      res.status(200).set('Content-Length', '3').set('Content-Type', 'text/plain');
      throw new Error('template detail');
    };
    await within({ options: { renderError } }, async (own) => {
      const answer = await browser().visit(`${own.url}/connect/callback?code=a&state=b`, headers);
      expect([answer.status, answer.headers['content-type']]).toEqual([403, type]);
      expect(answer.body).toContain('ERR_CONNECT_STATE');
      expect(answer.body).not.toContain('template detail');
    });
  });
});

test('a start-again link of any spelling stays an attribute of the page', async () => {
  const routes = (own: Express): void => {
    own.get('/quoted', (_req, _res, next) => {
      next(new ConnectError('ERR_CONNECT_EXPIRED', { loginUrl: `/in?a=1&b="'><script>x</script>` }));
    });
  };
  await within({ routes }, async (own) => {
    const { body } = await browser().visit(`${own.url}/quoted`);
    const link = /<a href="([^"]*)">Start again<\/a>/.exec(body)?.[1] ?? '';
    expect(link.replace(/&#(\d+);/g, (_whole, code) => String.fromCharCode(Number(code)))).toBe(
      `/in?a=1&b="'><script>x</script>`,
    );
    expect({ linkUnescaped: /[<>'"]|&(?!#)/.test(link), hasScript: body.includes('<script') }).toEqual({
      linkUnescaped: false,
      hasScript: false,
    });
  });
});

describe('connectErrorHandler on routes of the app', () => {
  const routes = (own: Express): void => {
    own.get('/limited', (_req, _res, next) =>
      next(new ConnectError('ERR_CONNECT_RATE_LIMITED', { status: 429, retryAfterSeconds: 9 })),
    );
    own.get('/foreign', (_req, _res, next) => next(new Error('not ours')));
    own.get('/begun', (_req, res, next) => {
      res.write('half');
      next(new ConnectError('ERR_CONNECT_API'));
    });
  };

  test('a ConnectError is answered with its status and Retry-After', async () => {
    await within({ routes }, async (own) => {
      const answer = await browser().visit(`${own.url}/limited`, {});
      expect({
        status: answer.status,
        retryAfter: answer.headers['retry-after'],
        code: problemOf(answer)['code'],
        retryAfterSeconds: problemOf(answer)['retryAfter'],
      }).toEqual({ status: 429, retryAfter: '9', code: 'ERR_CONNECT_RATE_LIMITED', retryAfterSeconds: 9 });
    });
  });

  test('an async renderError that rejects leads to the standard answer', async () => {
    const renderError = (): Promise<void> => Promise.reject(new Error('template detail'));
    await within(
      { options: { renderError: renderError as NonNullable<ConnectAuthOptions['renderError']> } },
      async (own) => {
        const answer = await browser().visit(`${own.url}/connect/callback`, {});
        expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
        expect(answer.body).toContain('ERR_CONNECT_CALLBACK');
      },
    );
  });

  test('render answers instead, and one that throws gives way to the standard answer', async () => {
    const rendering = (own: Express): void => {
      const inner = express.Router();
      inner.get('/good', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_EXPIRED')));
      inner.use(connectErrorHandler({ render: (error, _req, res) => void res.send(error.title) }));
      const bad = express.Router();
      bad.get('/bad', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_EXPIRED')));
      bad.use(
        connectErrorHandler({
          render: () => {
            throw new Error('template detail');
          },
        }),
      );
      own.use(inner, bad);
    };
    await within({ routes: rendering }, async (own) => {
      const good = await browser().visit(`${own.url}/good`, {});
      const bad = await browser().visit(`${own.url}/bad`, {});
      expect([good.status, good.body]).toEqual([401, 'Your connection has ended']);
      expect({
        status: bad.status,
        code: problemOf(bad)['code'],
        showsDetail: bad.body.includes('template detail'),
      }).toEqual({ status: 401, code: 'ERR_CONNECT_EXPIRED', showsDetail: false });
    });
  });

  /** More than sockets take up at once. */
  const LONG = 'mine'.repeat(4_000_000);
  test.each([
    ['has ended its answer', (res: Response) => res.send(LONG), LONG],
    ['has begun its answer', (res: Response) => res.write('half'), 'broken off'],
  ])('of a render that %s and then throws, nothing is added and nothing hangs', async (_words, answer, expected) => {
    const render = (_error: ConnectError, _req: Request, res: Response): void => {
      answer(res);
      throw new Error('template detail');
    };
    await within({ options: { renderError: render } }, async (own) => {
      const got = await browser()
        .visit(`${own.url}/connect/callback`)
        .then(
          ({ body }) => body,
          () => 'broken off',
        );
      expect(got === expected).toBe(true);
    });
  });

  test('foreign errors and answers already begun are passed on', async () => {
    const seen: unknown[] = [];
    const last: ErrorRequestHandler = (error: unknown, _req, res, next) => {
      seen.push(error instanceof ConnectError ? error.code : String(error));
      if (res.headersSent) res.end(' and end');
      else if (seen.length > 2) next(error);
      else res.status(500).send('app');
    };
    const withLast = (own: Express): void => {
      routes(own);
      own.use(connectErrorHandler(), last);
    };
    await within({ routes: withLast }, async (own) => {
      expect((await browser().visit(`${own.url}/foreign`)).body).toBe('app');
      expect((await browser().visit(`${own.url}/begun`)).body).toBe('half and end');
      expect(seen).toEqual(['Error: not ours', 'ERR_CONNECT_API']);
    });
  });
});

describe('events', () => {
  test('a sign-in and a failure are told once each, with time, stage, code and status', async () => {
    const events: ConnectEvent[] = [];
    await within({ options: { onEvent: (event) => events.push(event) } }, async (own) => {
      const begun = Date.now();
      sandbox.set({ errorShape: 'errorObject' });
      await signIn(own, sandbox, browser());
      await refused(own, 2039);
      await browser().visit(`${own.url}/connect/callback?code=a&state=b`);
      const time = expect.any(Number) as number;
      const { reference, message } = some;
      expect(events).toEqual([
        { type: 'exchange', time, durationMs: time, status: 200 },
        { type: 'connected', time, connection: expect.stringMatching(/^[0-9a-f]{16}$/) as string },
        {
          type: 'exchange',
          time,
          durationMs: time,
          status: 400,
          code: 'ERR_CONNECT_ACCOUNT',
          apiCode: 2039,
          message,
          reference,
        },
        {
          type: 'error',
          time,
          stage: 'exchange',
          code: 'ERR_CONNECT_ACCOUNT',
          status: 409,
          apiCode: 2039,
          message,
          reference,
        },
        {
          type: 'error',
          time,
          stage: 'callback',
          code: 'ERR_CONNECT_STATE',
          status: 403,
          reason: 'no_session',
          message,
          reference,
        },
      ]);
      expect(events.every((event) => event.time >= begun && event.time <= Date.now() && Object.isFrozen(event))).toBe(
        true,
      );
    });
  });

  const BAD_LISTENERS: readonly [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('listener');
      },
    ],
    ['rejects', () => Promise.reject(new Error('listener'))],
    ['never answers', () => new Promise(() => undefined)],
  ];
  test.each(BAD_LISTENERS)('a listener that %s changes nothing', async (_word, onEvent) => {
    await within({ options: { onEvent } }, async (own) => {
      expect((await signIn(own, sandbox, browser())).status).toBe(302);
      expect((await browser().visit(`${own.url}/connect/callback?code=a&state=b`)).status).toBe(403);
      expect(await tokensIn(own)).toBe(1);
    });
  });
});
