import http from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { ConnectError, connectErrorHandler, type ConnectErrorHandlerOptions, type ConnectEvent } from '../../../src';
import { connectAuth } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

// What an error handler must not do, whatever is thrown at it.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

const linksOf = (page: string): string[] => [...page.matchAll(/href="([^"]*)"/gu)].map(([, url = '']) => url);

async function page(error: unknown, options: ConnectErrorHandlerOptions): Promise<{ status: number; body: string }> {
  const app = express();
  app.use((_req, _res, next) => next(error));
  app.use(connectErrorHandler(options));
  app.use(((_error, _req, res, next) => {
    if (res.headersSent) next(_error);
    else res.status(418).send('passed on');
  }) as ErrorRequestHandler);
  const { url } = await serve(http.createServer(app as unknown as http.RequestListener));
  return browser().visit(url);
}

describe('connectErrorHandler() reads its own options only', () => {
  afterEach(() => {
    for (const name of ['homeUrl', 'loginUrl', 'onEvent', 'statusByApiCode'])
      Reflect.deleteProperty(Object.prototype, name);
  });
  const pollute = (name: string, value: unknown): void =>
    void Object.defineProperty(Object.prototype, name, {
      value,
      configurable: true,
      enumerable: false,
      writable: true,
    });

  test('homeUrl', async () => {
    pollute('homeUrl', 'https://evil.example/');
    expect(linksOf((await page(new ConnectError('ERR_CONNECT_CONFIG'), {})).body)).toEqual([]);
  });

  test('loginUrl', async () => {
    const error = new ConnectError('ERR_CONNECT_REQUIRED');
    pollute('loginUrl', 'https://evil.example/');
    const { body } = await page(Object.assign(error, { loginUrl: undefined }), {});
    expect(linksOf(body)).toEqual([]);
  });

  test('onEvent', async () => {
    const heard: unknown[] = [];
    pollute('onEvent', (event: unknown) => heard.push(event));
    await page(new ConnectError('ERR_CONNECT_REQUIRED'), {});
    expect(heard).toEqual([]);
  });

  test('statusByApiCode', async () => {
    pollute('statusByApiCode', { 429: 599 });
    const error = Object.assign(new Error('x'), {
      isAxiosError: true,
      response: { status: 429, headers: {}, data: { status: 429 } },
    });
    expect((await page(error, {})).status).toBe(429);
  });
});

describe('an error that no sign-in cures', () => {
  test('an answer of the API has the homeUrl, and no sign-in', async () => {
    const app = await startApp(sandbox, {
      options: { silent: true, homeUrl: '/start' },
      routes: (own, connect) => {
        own.get('/x', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_API', { status: 404 })));
        own.use(connect.errorHandler());
      },
    });
    expect(linksOf((await browser().visit(`${app.url}/x`)).body)).toEqual(['/start']);
  });
});

test.each([
  ['what only the operator can mend reaches somebody, one instance', false],
  ['what only the operator can mend reaches somebody, though another instance listens', true],
])('%s', async (words, hasOther) => {
  const events: ConnectEvent[] = [];
  const said: string[] = [];
  const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
  const app = await startApp(sandbox, {
    routes: (own, connect) => {
      const other = connectAuth({
        ...sandbox.connectOptions,
        redirectUri: 'http://localhost/other/connect/callback',
        sessionKey: 'other',
        onEvent: (event) => events.push(event),
      });
      if (hasOther) own.use(other);
      own.get('/x', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_CONFIG', { message: words })));
      own.use(connect.errorHandler());
    },
  });
  await browser().visit(`${app.url}/x`);
  write.mockRestore();
  expect([...events.map(({ type }) => type), ...said]).toEqual([expect.stringContaining(words)]);
});

test('frozen errors, both handlers, once in events', async () => {
  const events: ConnectEvent[] = [];
  const frozen = Object.freeze(new ConnectError('ERR_CONNECT_REQUIRED'));
  const app = await startApp(sandbox, {
    options: { renderErrors: false, onEvent: (event) => events.push(event) },
    routes: (own, connect) => {
      own.get('/frozen', (_req, _res, next) => next(frozen));
      own.get('/axios', (_req, _res, next) =>
        next(Object.assign(new Error(), { isAxiosError: true, response: { status: 503, headers: {}, data: {} } })),
      );
      own.use(connect.errorHandler());
      own.use(connectErrorHandler({ onEvent: (event) => events.push(event) }));
    },
  });
  expect((await browser().visit(`${app.url}/frozen`)).status).toBe(401);
  expect((await browser().visit(`${app.url}/axios`)).status).toBe(503);
  expect(events.length).toBe(2);
});

test('connect.errorHandler(), routes and guard read the options of the instance only', async () => {
  const app = await startApp(sandbox, {
    options: { silent: true },
    routes: (own, connect) => {
      own.get('/x', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_CONFIG')));
      own.get('/g', connect.requireConnect({ onMissing: 'error' }));
      own.use(connect.errorHandler());
    },
  });
  for (const name of ['homeUrl', 'renderErrors', 'renderError', 'redirectUri', 'redirectUris', 'u'])
    Object.defineProperty(Object.prototype, name, {
      value: 'https://evil.example/',
      configurable: true,
      writable: true,
    });
  try {
    const bodies = [
      (await browser().visit(`${app.url}/x`)).body,
      (await browser().visit(`${app.url}/g`)).body,
      (
        await browser().visit(
          `${app.url}/connect/authorize`,
          { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
          'POST',
        )
      ).body,
    ];
    expect(bodies.join('')).not.toContain('evil');
    const back = await signIn(app, sandbox, browser());
    expect(back.status).toBe(302);
  } finally {
    for (const name of ['homeUrl', 'renderErrors', 'renderError', 'redirectUri', 'redirectUris', 'u'])
      Reflect.deleteProperty(Object.prototype, name);
  }
});
