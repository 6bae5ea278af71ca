import http from 'node:http';
import express, { type ErrorRequestHandler, type Request } from 'express';
import {
  connectAuth,
  ConnectError,
  connectErrorHandler,
  isConnectError,
  type ConnectAuth,
  type ConnectEvent,
} from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Answer, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

// connect.errorHandler(): whatever fails in an app ends with the page that the instance was given.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

const DENIED = '/connect/callback?error=access_denied';

/** An app whose routes fail in every way, with the error handler of its instance. */
function failing(parts: TestAppParts = {}): Promise<TestApp> {
  return startApp(sandbox, {
    ...parts,
    routes: (app, connect) => {
      app.get('/guarded', connect.requireConnect({ onMissing: 'error' }));
      app.get('/token-of', (req, res, next) => void connect.getToken(req).then(() => res.end(), next));
      app.get(
        '/client',
        (req, res, next) =>
          void connect
            .client(req)
            .get('/me')
            .then(() => res.end(), next),
      );
      app.get('/own', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_REQUIRED')));
      app.get('/axios', (_req, _res, next) => next(axiosError(429)));
      app.get('/foreign', (_req, _res, next) => next(new Error('of the app')));
      parts.routes?.(app, connect);
      app.use(connect.errorHandler());
      app.use(foreign);
    },
  });
}

const foreign: ErrorRequestHandler = (error: Error, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(418).send(`passed on: ${error.message}`);
};

function axiosError(status: number): Error {
  return Object.assign(new Error('Request failed'), {
    isAxiosError: true,
    response: { status, headers: {}, data: { status } },
  });
}

const PLACES = ['/guarded', '/token-of', '/client', '/own', '/axios', DENIED];

test('routes, guard, getToken, client and the app end with one page', async () => {
  const app = await failing({ options: { renderError: (error, _req, res) => res.send(`our page: ${error.code}`) } });
  for (const place of PLACES) {
    expect({ place, ...shownBy(await browser().visit(app.url + place)) }).toEqual({
      place,
      body: expect.stringMatching(/^our page: ERR_CONNECT_/u) as string,
    });
  }
});

const shownBy = ({ body }: Answer): { body: string } => ({ body });

test('what it is not asked for goes on', async () => {
  const app = await failing();
  expect(await browser().visit(`${app.url}/foreign`)).toMatchObject({ status: 418, body: 'passed on: of the app' });
});

test('with renderErrors: false all of them go on, an error of axios as what it means', async () => {
  const app = await failing({ options: { renderErrors: false } });
  for (const place of PLACES) {
    const { status, body } = await browser().visit(app.url + place);
    expect({ place, status, isOurs: body.includes('docs/errors.md#err_connect_') }).toEqual({
      place,
      status: 418,
      isOurs: true,
    });
  }
});

test('an error of axios that comes after the answer has begun is passed on as what it means', async () => {
  const passed: unknown[] = [];
  const app = await startApp(sandbox, {
    options: { silent: true },
    routes: (own, connect) => {
      own.get('/late', (_req, res, next) => {
        res.write('begun');
        next(axiosError(401));
      });
      own.use(connect.errorHandler());
      own.use(((error: unknown, _req, res, next) => {
        passed.push(isConnectError(error));
        if (res.headersSent) res.end();
        else next(error);
      }) as ErrorRequestHandler);
    },
  });
  await browser().visit(`${app.url}/late`);
  expect(passed).toEqual([true]);
});

test('the standard page links to the sign-in of the instance where that is all a visitor needs', async () => {
  const app = await failing({ mount: '/inner' });
  const links = async (place: string): Promise<string[]> => linksOf((await browser().visit(app.url + place)).body);
  for (const place of ['/token-of', '/client', '/own'])
    expect({ place, links: await links(place) }).toEqual({ place, links: ['/inner/connect/authorize'] });
  expect(await links('/axios')).toEqual([]);
});

const linksOf = (page: string): string[] => [...page.matchAll(/href="([^"]*)"/gu)].map(([, url = '']) => url);

test('it answers by the statuses of the instance', async () => {
  const app = await failing({ options: { statusByApiCode: { 429: 599 } } });
  expect((await browser().visit(`${app.url}/axios`)).status).toBe(599);
});

test('each failure is reported once, with whose it is', async () => {
  const events: ConnectEvent[] = [];
  const app = await failing({
    options: { onEvent: (event) => events.push(event), owner: () => 'ada' },
  });
  for (const place of PLACES) await browser().visit(app.url + place);
  const errors = events.filter(({ type }) => type === 'error');
  expect(errors.map((event) => ('owner' in event ? event.owner : undefined))).toEqual(PLACES.map(() => 'ada'));
});

test('it works destructured, and says what it is where it was not called', async () => {
  const uncalled = express();
  const connect: ConnectAuth = connectAuth({
    ...sandbox.connectOptions,
    redirectUri: 'http://localhost:3000/connect/callback',
  });
  const { errorHandler } = connect;
  expect(errorHandler()).toHaveLength(4);
  uncalled.use(errorHandler as never);
  uncalled.use(foreign);
  const { url } = await serve(http.createServer(uncalled));
  expect((await browser().visit(url)).body).toBe(
    'passed on: connect.errorHandler was passed to app.use() without being called: write app.use(connect.errorHandler()).',
  );
});

describe('homeUrl', () => {
  const home = (options: TestAppParts['options'] = {}): Promise<TestApp> =>
    failing({ options: { homeUrl: '/start', ...options } });

  test('is a link on pages that offer nothing else', async () => {
    const app = await home();
    const page = async (path: string, method = 'GET'): Promise<string[]> =>
      linksOf((await browser().visit(app.url + path, { 'sec-fetch-mode': 'navigate' }, method)).body);
    expect({
      wrongMethod: await page('/connect/authorize', 'POST'),
      configuration: await page('/configuration'),
      again: await page(DENIED),
    }).toEqual({ wrongMethod: ['/start'], configuration: [], again: ['/connect/authorize'] });
  });

  test('is offered by the error handler too', async () => {
    const app = await startApp(sandbox, {
      options: { homeUrl: '/start' },
      routes: (own, connect) => {
        own.get('/wrong', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_CONFIG')));
        own.use(connect.errorHandler());
      },
    });
    expect(linksOf((await browser().visit(`${app.url}/wrong`)).body)).toEqual(['/start']);
  });

  test('is offered by the guard too', async () => {
    const app = await home({ owner: () => ({}) as never, silent: true });
    expect(linksOf((await browser().visit(`${app.url}/guarded`)).body)).toEqual(['/start']);
  });

  test('is for pages: problem+json has none', async () => {
    const app = await home();
    expect((await browser().visit(`${app.url}/connect/authorize`, {}, 'POST')).body).not.toContain('/start');
  });

  test.each(['//evil.example', 'https://evil.example/', 'start', '/connect/authorize', '/a\nb'])(
    '%j is refused at start-up',
    (homeUrl) => {
      expect(() =>
        connectAuth({ ...sandbox.connectOptions, redirectUri: 'http://localhost/connect/callback', homeUrl }),
      ).toThrow('homeUrl');
    },
  );

  test('may be on an allowed origin, and its text is no markup', async () => {
    const app = await home({ homeUrl: 'https://spa.example/?a=1&b="', allowedOrigins: ['https://spa.example'] });
    const { body } = await browser().visit(`${app.url}/connect/authorize`, { 'sec-fetch-mode': 'navigate' }, 'POST');
    expect(linksOf(body)).toEqual(['https://spa.example/?a=1&#38;b=%22']);
  });
});

describe('a hook may return anything', () => {
  test('renderError, render and onConnect', async () => {
    const seen: string[] = [];
    const app = await startApp(sandbox, {
      options: {
        onConnect: (req: Request) => seen.push(req.path),
        renderError: (_error, _req, res) => res.send('mine'),
      },
      routes: (own) => {
        own.get('/wrong', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_CONFIG')));
        own.use(connectErrorHandler({ render: (_error, _req, res) => res.send('rendered') }));
      },
    });
    expect((await signIn(app, sandbox, browser())).status).toBe(302);
    expect(seen).toEqual(['/connect/callback']);
    expect((await browser().visit(app.url + DENIED)).body).toBe('mine');
    expect((await browser().visit(`${app.url}/wrong`)).body).toBe('rendered');
  });
});
