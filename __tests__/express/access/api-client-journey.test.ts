import type { RequestHandler } from 'express';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, withApp, type Browser, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** An app whose `/me` passes on what the API says of the visitor. */
const withMe: TestAppParts = {
  routes(app, connect) {
    const me: RequestHandler = (req, res, next) => {
      connect
        .client(req)
        .get<object>('/me')
        .then(({ data }) => {
          res.json(data);
        }, next);
    };
    app.get('/me', me);
  },
};

async function connected(check: (app: TestApp, visitor: Browser) => Promise<void>): Promise<void> {
  await withApp(sandbox, withMe, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await check(app, visitor);
  });
}

const JSON_ONLY = { accept: 'application/json' };

test('a connected visitor gets their profile, a stranger 401', async () => {
  await connected(async (app, visitor) => {
    const { status, body } = await visitor.visit(`${app.url}/me`, JSON_ONLY);
    expect([status, JSON.parse(body)]).toMatchObject([200, { success: true, data: { id: 'sandbox-user-1' } }]);
    const stranger = await browser().visit(`${app.url}/me`, JSON_ONLY);
    expect([stranger.status, JSON.parse(stranger.body)]).toMatchObject([401, { code: 'ERR_CONNECT_REQUIRED' }]);
    expect(sandbox.calls.api).toBe(1);
  });
});

test('twenty calls at once with a token that the API no longer takes cost one refresh', async () => {
  await connected(async (app, visitor) => {
    sandbox.expireAccessTokens();
    const answers = await Promise.all(Array.from({ length: 20 }, () => visitor.visit(`${app.url}/me`, JSON_ONLY)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(sandbox.calls.refresh).toBe(1);
  });
});

test('an API that keeps saying 401 gives 401 with a way to sign in, and the session keeps its token', async () => {
  await connected(async (app, visitor) => {
    sandbox.force(401, { on: 'api', times: 2 });
    const { status, body } = await visitor.visit(`${app.url}/me`, JSON_ONLY);
    expect([status, JSON.parse(body)]).toMatchObject([
      401,
      { code: 'ERR_CONNECT_EXPIRED', loginUrl: '/connect/authorize' },
    ]);
    expect({ refreshCalls: sandbox.calls.refresh, apiCalls: sandbox.calls.api }).toEqual({
      refreshCalls: 1,
      apiCalls: 2,
    });
    expect((JSON.parse((await visitor.visit(`${app.url}/token`)).body) as { type: string }).type).toBe('bearer');
    expect((await visitor.visit(`${app.url}/me`, JSON_ONLY)).status).toBe(200);
  });
});

test('a rate limit of the API is passed on as 429 with its wait', async () => {
  await connected(async (app, visitor) => {
    sandbox.force(429, { on: 'api', retryAfter: '12' });
    const { status, headers, body } = await visitor.visit(`${app.url}/me`, JSON_ONLY);
    expect({
      status,
      retryAfter: headers['retry-after'],
      contentType: headers['content-type'],
      body: JSON.parse(body) as unknown,
    }).toMatchObject({
      status: 429,
      retryAfter: '12',
      contentType: 'application/problem+json',
      body: { code: 'ERR_CONNECT_RATE_LIMITED', apiCode: 429 },
    });
  });
});
