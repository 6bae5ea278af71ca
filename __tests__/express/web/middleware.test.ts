import crypto from 'node:crypto';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, withApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

describe('the routes of this package', () => {
  test.each([
    '/connect/authorize',
    '/connect/authorize/',
    '/Connect/AUTHORIZE',
    '/connect/authorize?',
    '/connect/authorize?returnTo=/a#b',
  ])('are found at %s', async (path) => {
    await withApp(sandbox, {}, async (app) => {
      expect(await browser().visit(app.url + path)).toMatchObject({ status: 302 });
    });
  });

  test.each([
    '/connect/authorize//',
    '/connect/authorize/x',
    '/x/connect/authorize',
    '/connect/authorized',
    '/authorize',
  ])('are not at %s', async (path) => {
    await withApp(sandbox, {}, async (app) => {
      expect(await browser().visit(app.url + path)).toMatchObject({ status: 404 });
    });
  });

  test('are below the path of a mount, and nowhere else', async () => {
    await withApp(sandbox, { mount: '/account' }, async (app) => {
      expect(await browser().visit(`${app.url}/account/connect/authorize`)).toMatchObject({ status: 302 });
      expect(await browser().visit(`${app.url}/connect/authorize`)).toMatchObject({ status: 404 });
    });
  });

  test('may be joined by routes of the app, as of any router', async () => {
    const app = await startApp(sandbox, {
      routes: (_own, connect) => {
        connect.get('/connect/help', (_req, res) => void res.send('help'));
        connect.use('/connect', (_req, res) => void res.status(410).send('gone'));
      },
    });
    const visitor = browser();
    expect((await visitor.visit(`${app.url}/connect/help`)).body).toBe('help');
    expect((await visitor.visit(`${app.url}/connect/other`)).status).toBe(410);
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  });
});

describe('a request for anything else', () => {
  const SEALED = { encryptionKeys: [{ id: 'k', secret: 'the secret of these tests, which is long enough' }] };

  test('opens a sealed token only where the token is read, and once', async () => {
    const app = await startApp(sandbox, {
      options: SEALED,
      routes: (own) => {
        own.get('/other', (req, res) => {
          Object.assign(req.session, { visits: 1 });
          res.send(Object.keys(req.session).join());
        });
        own.get('/read', (req, res) => {
          res.json([req.session.connectToken?.type, req.session.connectToken?.type]);
        });
      },
    });
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const opened = jest.spyOn(crypto, 'createDecipheriv');
    expect((await visitor.visit(`${app.url}/other`)).body).toContain('connectToken');
    expect((await visitor.visit(`${app.url}/nowhere`)).status).toBe(404);
    expect(opened).not.toHaveBeenCalled();
    expect((await visitor.visit(`${app.url}/read`)).body).toBe('["bearer","bearer"]');
    expect(opened).toHaveBeenCalledTimes(1);
    opened.mockRestore();
  });
});
