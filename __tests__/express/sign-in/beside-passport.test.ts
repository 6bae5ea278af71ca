import type { RequestHandler } from 'express';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** What `req.login()` does since Passport 0.6: a new session, into which `keepSessionInfo` copies what the old one held. */
function logIn(keepSessionInfo: boolean): RequestHandler {
  return (req, res, next) => {
    const before = req.session as unknown as Record<string, unknown>;
    req.session.regenerate((error) => {
      if (error !== undefined && error !== null) {
        next(error);
        return;
      }
      const session = req.session as unknown as Record<string, unknown>;
      if (keepSessionInfo) for (const key in before) session[key] = before[key];
      session['passport'] = { user: 7 };
      req.session.save(() => res.send('logged in'));
    });
  };
}

describe.each([
  ['plain', {}],
  ['sealed', { encryptionKeys: [{ id: 'one', secret: 'a secret of thirty-two characters or more' }] }],
])('a login that makes a new session, with a %s token,', (_kind, options) => {
  let app: TestApp;
  beforeEach(async () => {
    app = await startApp(sandbox, {
      options,
      routes: (express, connect) => {
        express.get('/login', logIn(false));
        express.get('/login/kept', logIn(true));
        express.get('/api', (req, res, next) => {
          connect
            .client(req)
            .get<{ success: boolean }>('/me')
            .then(({ data }) => void res.json(data.success), next);
        });
      },
    });
  });

  const api = async (visitor = browser()): Promise<string> => {
    const { status, body } = await visitor.visit(`${app.url}/api`, { accept: 'application/json' });
    return `${status} ${status === 200 ? body : (JSON.parse(body) as { code: string }).code}`;
  };

  test.each([
    ['/login', '401 ERR_CONNECT_REQUIRED'],
    ['/login/kept', '200 true'],
  ])('%s: the connection of before is %s', async (path, expected) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await visitor.visit(app.url + path);
    expect(await api(visitor)).toBe(expected);
  });

  test.each([
    ['/login', 403, '401 ERR_CONNECT_REQUIRED'],
    ['/login/kept', 302, '200 true'],
  ])('%s: a sign-in that was under way ends with %s', async (path, status, expected) => {
    const visitor = browser();
    await visitor.visit(`${app.url}/`);
    const callback = await beginSignIn(app, sandbox, visitor);
    await visitor.visit(app.url + path);
    expect((await visitor.visit(callback)).status).toBe(status);
    expect(await api(visitor)).toBe(expected);
  });
});
