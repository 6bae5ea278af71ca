import http from 'node:http';
import express, { type Express, type RequestHandler } from 'express';
import session from 'express-session';
import * as ours from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, type Answer } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';
import { runRecipe } from './recipe';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** Counts as express-rate-limit does, in one window that does not end. */
function rateLimit({ limit }: { readonly limit: number }): RequestHandler {
  const counts = new Map<string, number>();
  return (req, res, next) => {
    const count = (counts.get(req.ip ?? '') ?? 0) + 1;
    counts.set(req.ip ?? '', count);
    if (count > limit) res.status(429).set('Retry-After', '60').send('Too many requests, please try again later.');
    else next();
  };
}

interface Site {
  readonly store: session.MemoryStore;
  /** How often the store was read. */
  readonly reads: () => number;
  readonly visit: (path: string, address: string, visitor?: ReturnType<typeof browser>) => Promise<Answer>;
}

async function startRecipe(): Promise<Site> {
  const server = http.createServer();
  const { url } = await serve(server);
  let reads = 0;
  class Store extends session.MemoryStore {
    override get(...args: Parameters<session.MemoryStore['get']>): void {
      reads += 1;
      super.get(...args);
    }
  }
  const store = new Store();
  const { app } = runRecipe('express-rate-limit', {
    modules: {
      express: Object.assign(() => express(), { default: express }),
      'express-rate-limit': { rateLimit },
      'express-session': (options: session.SessionOptions) => session({ ...options, store }),
      'express-connect-auth': {
        ...ours,
        connectOptionsFromEnv: () => ({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback` }),
      },
    },
    globals: { process: { env: { SESSION_SECRET: 'any' } } },
  }) as { app: Express };
  server.on('request', app);
  return {
    store,
    reads: () => reads,
    visit: (path, address, visitor = browser()) =>
      visitor.visit(url + path, { accept: 'text/html', 'x-forwarded-for': address }),
  };
}

const sessionsIn = (store: session.MemoryStore): Promise<number> =>
  new Promise((resolve) => store.length((_error, length = 0) => resolve(length)));

test('the 61st request of an address is refused without a look at the store; other addresses are served', async () => {
  const { store, reads, visit } = await startRecipe();
  const visitor = browser();
  await visit('/connect/authorize', '192.0.2.1', visitor);
  for (let times = 1; times < 60; times += 1) expect((await visit('/connect/authorize', '192.0.2.1')).status).toBe(302);
  const before = reads();
  expect({
    same: (await visit('/connect/authorize', '192.0.2.1', visitor)).status,
    callback: (await visit('/connect/callback?code=a&state=b', '192.0.2.1', visitor)).status,
    reads: reads() - before,
    sessions: await sessionsIn(store),
    other: (await visit('/connect/authorize', '192.0.2.2')).status,
  }).toEqual({ same: 429, callback: 429, reads: 0, sessions: 60, other: 302 });
});

test('a callback that was refused has spent nothing', async () => {
  const { visit } = await startRecipe();
  const visitor = browser();
  const { location } = await visit('/connect/authorize', '192.0.2.1', visitor);
  const { pathname, search } = new URL(await sandbox.allow(location));
  for (let times = 0; times < 60; times += 1) await visit('/connect/authorize', '192.0.2.3');
  expect((await visit(pathname + search, '192.0.2.3', visitor)).status).toBe(429);
  expect((await visit(pathname + search, '192.0.2.1', visitor)).location).toBe('/');
});

test('a callback that belongs to no sign-in never reaches the provider', async () => {
  const { visit } = await startRecipe();
  const before = sandbox.calls.token;
  expect((await visit('/connect/callback?code=a&state=b', '192.0.2.4')).status).toBe(403);
  expect(sandbox.calls.token).toBe(before);
});
