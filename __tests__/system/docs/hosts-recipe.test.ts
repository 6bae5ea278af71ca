import http from 'node:http';
import express from 'express';
import session from 'express-session';
import * as ours from '../../../src';
import type { ConnectAuth, RefreshLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, type Answer, type Browser } from '../../support/app';
import { takeOverTime, type Time } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';
import { runRecipe } from './recipe';

let sandbox: Sandbox;
let time: Time;
beforeEach(() => {
  time = takeOverTime();
});

interface Site {
  readonly port: number;
  visit(visitor: Browser, host: string, path: string): Promise<Answer>;
}

/** A server of this machine by several names, its sandbox, and the variables that name it. */
async function place(names: readonly string[]): Promise<Site & { readonly server: http.Server; origins: string[] }> {
  const server = http.createServer();
  const { url } = await serve(server);
  const port = Number(new URL(url).port);
  const origins = names.map((name) => `http://${name}.localhost:${port}`);
  sandbox = await startSandbox({
    switches: { refresh: 'rotate' },
    redirectUris: origins.map((origin) => `${origin}/connect/callback`),
  });
  return {
    server,
    port,
    origins,
    visit: (visitor, host, path) =>
      visitor.visit(url + path, { host: `${host}.localhost:${port}`, accept: 'text/html' }),
  };
}

/** An app as an export of a recipe. */
interface WithApp {
  readonly app: http.RequestListener;
}

describe('several hosts', () => {
  /** The recipe as it is printed, with hosts of this machine. */
  async function startRecipe(order = ['a', 'b'], store = new session.MemoryStore()): Promise<Site> {
    const site = await place(['a', 'b']);
    listen(site, order, store);
    return site;
  }

  function listen(site: Awaited<ReturnType<typeof place>>, order: readonly string[], store: session.Store): void {
    const { clientId, clientSecret, authorizeUrl, tokenUrl } = sandbox.connectOptions;
    const origins = order.map((name) => `http://${name}.localhost:${site.port}`);
    const env = {
      SESSION_SECRET: 'any',
      HOSTS: origins.join(','),
      CONNECT_CLIENT_ID: clientId,
      CONNECT_CLIENT_SECRET: clientSecret,
      CONNECT_AUTHORIZE_URL: authorizeUrl,
      CONNECT_TOKEN_URL: tokenUrl,
      CONNECT_REDIRECT_URI: origins.map((origin) => `${origin}/connect/callback`).join(', '),
    };
    const { app } = runRecipe("process.env['HOSTS']", {
      modules: {
        express,
        'express-session': (options: session.SessionOptions) => session({ ...options, store }),
        'express-connect-auth': { ...ours, connectOptionsFromEnv: () => ours.connectOptionsFromEnv(env) },
      },
      globals: { process: { env } },
      exports: ['app'],
    }) as WithApp;
    expect([ours.connectOptionsFromEnv(env).redirectUri].flat()).toEqual(
      origins.map((origin) => `${origin}/connect/callback`),
    );
    site.server.removeAllListeners('request').on('request', app);
  }

  const begin = (site: Site, visitor: Browser, host: string): Promise<Answer> =>
    site.visit(visitor, host, '/connect/authorize?returnTo=/reports');

  async function finish(site: Site, visitor: Browser, started: Answer): Promise<Answer> {
    const { hostname, pathname, search } = new URL(await sandbox.allow(started.location));
    return site.visit(visitor, hostname.replace('.localhost', ''), pathname + search);
  }

  test('visitors come back to the host they started from', async () => {
    const site = await startRecipe();
    for (const host of ['a', 'b']) {
      const visitor = browser();
      expect((await finish(site, visitor, await begin(site, visitor, host))).location).toBe('/reports');
      expect((await site.visit(visitor, host, '/reports')).body).toBe(`Connected at ${host}.localhost`);
    }
  });

  test('any other host leads to the first', async () => {
    const site = await startRecipe();
    const { location } = await begin(site, browser(), 'c');
    expect(new URL(location).searchParams.get('redirect_uri')).toContain('//a.localhost:');
  });

  test('under a cookie of both hosts a refresh happens once', async () => {
    const site = await startRecipe();
    const visitor = browser();
    await finish(site, visitor, await begin(site, visitor, 'a'));
    time.pass(3_600_000);
    const answers = await Promise.all(['a', 'b'].map((host) => site.visit(visitor.fork(), host, '/reports')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test.each([
    ['at the end of the list', ['a'], ['a', 'b']],
    ['in front', ['a'], ['b', 'a']],
  ])('a new host %s leaves sign-ins in progress alone', async (_what, before, after) => {
    const store = new session.MemoryStore();
    const site = await place(['a', 'b']);
    listen(site, before, store);
    const visitor = browser();
    const started = await begin(site, visitor, 'a');
    listen(site, after, store);
    expect((await finish(site, visitor, started)).status).toBe(302);
  });
});

describe('an instance for each tenant', () => {
  interface Tenants extends WithApp {
    readonly close: () => Promise<void>;
    readonly instances: ReadonlyMap<string, ConnectAuth>;
    readonly leaving: ReadonlySet<unknown>;
  }
  let made: string[];
  let site: Awaited<ReturnType<typeof place>>;
  let recipe: Tenants;
  beforeEach(async () => {
    made = [];
    site = await place(['one', 'two', 'three']);
    // Without its listener: the recipe warns of that.
    const ledger: RefreshLedger = { ...ours.memoryLedger({ now: () => Date.now() }), onForgotten: undefined };
    const secrets = new Map(['one', 'two', 'three'].map((id) => [id, sandbox.connectOptions.clientSecret]));
    recipe = runRecipe('MOST_INSTANCES', {
      modules: {
        express,
        'express-session': session,
        'express-connect-auth': {
          connectAuth(options: ours.ConnectAuthOptions) {
            made.push(String(options.sessionKey));
            return ours.connectAuth({ ...sandbox.connectOptions, ...options });
          },
        },
      },
      globals: {
        process: { env: { SESSION_SECRET: 'any' } },
        ledger,
        findTenant(hostname: string) {
          const id = hostname.replace('.localhost', '');
          if (!secrets.has(id)) return Promise.resolve(undefined);
          const { clientId, clientSecret } = sandbox.connectOptions;
          return Promise.resolve({
            id,
            clientId,
            clientSecret,
            redirectUri: `http://${hostname}:${site.port}/connect/callback`,
          });
        },
      },
      change: (code) => code.replace('MOST_INSTANCES = 500', 'MOST_INSTANCES = 2'),
      exports: ['app', 'instances', 'leaving'],
    }) as Tenants;
    site.server.on('request', recipe.app);
  });

  async function connected(host: string): Promise<Browser> {
    const visitor = browser();
    const { location } = await site.visit(visitor, host, '/connect/authorize');
    const { pathname, search } = new URL(await sandbox.allow(location));
    expect((await site.visit(visitor, host, pathname + search)).status).toBe(302);
    return visitor;
  }

  const token = async (visitor: Browser, host: string): Promise<number> =>
    (await site.visit(visitor, host, '/token')).status;

  test('is made at first use, and the least recently used one goes', async () => {
    const visitor = await connected('one');
    await connected('two');
    await token(visitor, 'one');
    await connected('three');
    expect(made).toEqual(['tenant_one', 'tenant_two', 'tenant_three']);
    expect([...recipe.instances.keys()].map((key) => (JSON.parse(key) as [string])[0])).toEqual(['one', 'three']);
    expect((await site.visit(browser(), 'nobody', '/')).status).toBe(404);
  });

  test('a new one goes on where the old one stopped, a sign-in in progress and a refresh included', async () => {
    const visitor = await connected('one');
    const other = browser();
    const started = await site.visit(other, 'one', '/connect/authorize');
    for (const host of ['two', 'three']) await connected(host);
    time.pass(3_600_000);
    expect(await token(visitor, 'one')).toBe(200);
    expect(made.filter((key) => key === 'tenant_one')).toHaveLength(2);
    time.pass(-3_600_000);
    const { pathname, search } = new URL(await sandbox.allow(started.location));
    expect((await site.visit(other, 'one', pathname + search)).status).toBe(302);
  });

  test('a token of one tenant is not one of another, in the same session', async () => {
    const visitor = await connected('one');
    expect({ one: await token(visitor, 'one'), two: await token(visitor, 'two') }).toEqual({ one: 200, two: 401 });
  });

  test('close() waits for a refresh of an instance that has gone', async () => {
    const visitor = await connected('one');
    time.pass(3_600_000);
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const waiting = token(visitor, 'one');
    await sandbox.waiting();
    for (const host of ['two', 'three']) await site.visit(browser(), host, '/token');
    expect(recipe.leaving.size).toBe(1);
    let isClosed = false;
    const closed = recipe.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    sandbox.release();
    expect(await waiting).toBe(200);
    await closed;
    expect(recipe.leaving.size).toBe(0);
  });
});
