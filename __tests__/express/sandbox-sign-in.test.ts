import http from 'node:http';
import express, { type Express, type Request, type Response } from 'express';
import session from 'express-session';
import request from 'supertest';
import { connectAuth, type ConnectAuthOptions } from '../../src';
import type { Sandbox } from '../../src/testing';
import { startSandbox } from '../support/sandbox';
import { serve, type Served } from '../support/serve';

// How a user's tests sign somebody in: one line for supertest, one for an app that runs somewhere.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

function app(options: Partial<ConnectAuthOptions> = {}, cookie: session.CookieOptions = {}, mount = '/'): Express {
  const made = express();
  made.use(session({ secret: 'only for tests', resave: false, saveUninitialized: false, cookie }));
  const redirectUri = `http://localhost${mount === '/' ? '' : mount}/connect/callback`;
  made.use(mount, connectAuth({ ...sandbox.connectOptions, redirectUri, silent: true, ...options }));
  made.get('/token', (req, res) => void res.json({ type: req.session.connectToken?.type ?? null }));
  return made;
}

describe('a supertest agent', () => {
  test('is connected afterwards, and gets the answer of the callback', async () => {
    const agent = request.agent(app());
    const back = await sandbox.signIn(agent);
    expect({ status: back.status, location: back.headers['location'] }).toEqual({
      status: 302,
      location: '/',
    });
    expect((await agent.get('/token')).body).toEqual({ type: 'bearer' });
    expect(sandbox.calls).toMatchObject({ authorize: 1, consent: 1, exchange: 1 });
  });

  test('goes on with the session that it had, and twice', async () => {
    const agent = request.agent(app());
    await sandbox.signIn(agent);
    await sandbox.signIn(agent);
    expect((await agent.get('/token')).body).toEqual({ type: 'bearer' });
  });

  test('starts where it is told', async () => {
    const agent = request.agent(app({}, {}, '/inner'));
    const back = await sandbox.signIn(agent, '/inner/connect/authorize?returnTo=/token');
    expect(back.headers['location']).toBe('/token');
  });

  test('is a browser to an app that takes page loads only', async () => {
    const agent = request.agent(app({ allowMissingState: true }));
    sandbox.set({ state: 'drop' });
    await sandbox.signIn(agent);
    expect((await agent.get('/token')).body).toEqual({ type: 'bearer' });
  });

  test.each([
    [
      'a start that fails',
      () => app({}, { sameSite: 'strict' }),
      '/connect/authorize',
      /^GET \/connect\/authorize was answered 500 and did not lead to this sandbox: .*ERR_CONNECT_COOKIE/u,
    ],
    [
      'a path that is not there',
      () => app(),
      '/nowhere',
      /^GET \/nowhere was answered 404 and did not lead to this sandbox: .*Cannot GET \/nowhere/u,
    ],
    [
      'an app that uses another provider',
      () => app({ authorizeUrl: 'https://provider.example/authorize' }),
      '/connect/authorize',
      /^GET \/connect\/authorize led to https:\/\/provider\.example, not to this sandbox: spread sandbox\.connectOptions/u,
    ],
    [
      'a callback that fails',
      () => app({ onConnect: () => Promise.reject(new Error('no')) }),
      '/connect/authorize',
      /^GET \/connect\/callback was answered 403, so nobody is connected: .*ERR_CONNECT_DENIED/u,
    ],
  ])('rejects with what went wrong: %s', async (_what, made, path, message) => {
    const failure = await sandbox.signIn(request.agent(made()), path).then(
      () => 'signed in',
      (error: unknown) => (error as Error).message,
    );
    expect(failure).toMatch(message);
    // No markup, no style, no code.
    expect(failure).not.toMatch(/<|\{|code=/u);
    expect(failure.length).toBeLessThan(700);
  });

  test('that follows redirects by itself is told so', async () => {
    const agent = request.agent(app());
    const following = { get: (path: string) => agent.get(path).redirects(1) };
    await expect(sandbox.signIn(following)).rejects.toThrow(
      'follows redirects by itself: let it not, as supertest does',
    );
  });
});

describe('a client that is like an agent', () => {
  test.each([
    ['an answer without a body', { status: 404, headers: {} }, 'was answered 404 and did not lead to this sandbox: '],
    ['a page without a body', { status: 200, headers: {} }, 'was answered 200 and did not lead to this sandbox: '],
    ['a redirect to nowhere', { status: 302, headers: {} }, 'was answered 302 and did not lead to this sandbox: '],
    [
      'a redirect within the app',
      { status: 302, headers: { location: '/login' } },
      'was answered 302 and did not lead',
    ],
    [
      'an odd status',
      { status: 500, headers: { location: 'https://x.example/' } },
      'was answered 500 and did not lead',
    ],
  ])('%s', async (_what, answer, message) => {
    await expect(sandbox.signIn({ get: () => Promise.resolve(answer) })).rejects.toThrow(message);
  });

  test('needs no method set()', async () => {
    const agent = request.agent(app());
    const answers: number[] = [];
    const like = {
      get: async (path: string) => {
        const { status, headers, text } = await agent.get(path);
        answers.push(status);
        return { status, headers: headers as Record<string, unknown>, text };
      },
    };
    expect((await sandbox.signIn(like)).status).toBe(302);
    expect(answers).toEqual([302, 302]);
  });
});

describe('a base URL', () => {
  /** The app behind something that touches each answer. */
  function serveAfter(touch: (req: Request, res: Response) => void): Promise<Served> {
    const made = express();
    made.use((req, res, next) => {
      touch(req, res);
      next();
    });
    made.use(app());
    return serve(http.createServer(made));
  }

  test('goes by cookies that are whole only', async () => {
    const { url } = await serveAfter((_req, res) => void res.append('Set-Cookie', 'nonsense'));
    expect((await sandbox.signIn(url)).cookie).toMatch(/^connect\.sid=[^;]+$/u);
  });

  test('gives the cookie of a visitor who is connected', async () => {
    const { url } = await serve(http.createServer(app()));
    const { cookie, location } = await sandbox.signIn(url, '/connect/authorize?returnTo=/token');
    expect(location).toBe('/token');
    const answer = await fetch(`${url}/token`, { headers: { cookie } });
    expect(await answer.json()).toEqual({ type: 'bearer' });
  });

  test('may be a URL, and have a path', async () => {
    const { url } = await serve(http.createServer(app({}, {}, '/inner')));
    const { cookie } = await sandbox.signIn(new URL(`${url}/inner/`));
    expect(await (await fetch(`${url}/token`, { headers: { cookie } })).json()).toEqual({ type: 'bearer' });
  });

  test('keeps every cookie of the app', async () => {
    const { url } = await serveAfter((_req, res) => void res.cookie('locale', 'de'));
    const { cookie } = await sandbox.signIn(url);
    expect(cookie).toMatch(/^locale=de; connect\.sid=/u);
  });

  test('lets go of a cookie that the app takes back', async () => {
    const { url } = await serveAfter((req, res) => {
      if (req.path === '/connect/authorize') res.cookie('flash', 'started');
      else res.clearCookie('flash');
    });
    expect((await sandbox.signIn(url)).cookie).not.toContain('flash');
  });

  test('where nobody listens is named', async () => {
    await expect(sandbox.signIn('http://127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/u);
  });

  test.each(['https://127.0.0.1:1', 'localhost:3000', ''])('%j is refused', async (url) => {
    await expect(sandbox.signIn(url)).rejects.toThrow(
      'signIn() takes a supertest agent, or the http URL of a running app.',
    );
  });
});
