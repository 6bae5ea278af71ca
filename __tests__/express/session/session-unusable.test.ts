import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { MemoryStore, type SessionData } from 'express-session';
import { ConnectError } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, withApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { editSessions } from '../../support/stored';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

const script = { accept: 'application/json' };

test('a session file that is removed while a sign-in starts is no failure of the store, and does not come back', async () => {
  // Read by express-session, then removed: file stores say so with ENOENT.
  class FileStore extends MemoryStore {
    removed = false;
    override get(sid: string, done: (error: unknown, session?: SessionData | null) => void): void {
      if (this.removed) done(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
      else super.get(sid, done);
    }
  }
  const store = new FileStore();
  const remove: RequestHandler = (req, _res, next) => {
    store.removed = req.query['remove'] !== undefined;
    if (store.removed) store.destroy(req.sessionID, next);
    else next();
  };
  await withApp(sandbox, { store, before: [remove] }, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const answer = await visitor.visit(`${app.url}/connect/authorize?remove`, script);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      503,
      { code: 'ERR_CONNECT_STORE', reason: 'gone' },
    ]);
    expect(await app.sessions()).toEqual({});
  });
});

test('a session that cannot be serialised is the app’s own error: its error handler gets it, and no guarded route runs', async () => {
  const runs: string[] = [];
  const seen: unknown[] = [];
  const routes: TestAppParts['routes'] = (express, connect) => {
    const count: RequestHandler = (req, res) => {
      runs.push(req.path);
      res.json(null);
    };
    express.get(
      '/guarded',
      (req, _res, next) => {
        Object.assign(req.session, { total: 10n });
        next();
      },
      connect.requireConnect(),
      count,
    );
    express.use((error: unknown, req: Request, res: Response, next: NextFunction) => {
      if (res.headersSent) {
        next(error);
        return;
      }
      seen.push(error);
      Object.assign(req.session, { total: 10 });
      res.status(500).json('of the app');
    });
  };
  await withApp(sandbox, { routes, options: { refreshLeewaySeconds: 3600 } }, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await editSessions(app, (document) => {
      (document['connectToken'] as { expires_at: number }).expires_at = 1;
    });
    const answer = await visitor.visit(`${app.url}/guarded`, script);
    expect({ status: answer.status, body: answer.body, runs, errors: seen.map(String) }).toEqual({
      status: 500,
      body: '"of the app"',
      runs: [],
      errors: ['TypeError: Do not know how to serialize a BigInt'],
    });
    expect(sandbox.calls.refresh).toBe(0);
  });
});

test('getToken without a session rejects, and the error names the stage', async () => {
  const parts: TestAppParts = {
    before: [
      (req, _res, next) => {
        Object.assign(req, { session: undefined });
        next();
      },
    ],
    routes: (express, connect) => {
      express.get('/fresh', (req, res, next) => {
        connect.getToken(req).then(
          () => next(),
          (error: unknown) => void res.json(error instanceof ConnectError && { code: error.code, stage: error.stage }),
        );
      });
    },
  };
  await withApp(sandbox, parts, async (app) => {
    const answer = await browser().visit(`${app.url}/fresh`, script);
    expect(JSON.parse(answer.body)).toEqual({ code: 'ERR_CONNECT_NO_SESSION', stage: 'refresh' });
  });
});
