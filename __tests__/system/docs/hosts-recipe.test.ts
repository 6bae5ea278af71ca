import http from 'node:http';
import { runInNewContext } from 'node:vm';
import { transformSync } from '@swc/core';
import express from 'express';
import session from 'express-session';
import * as ours from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, type Answer, type Browser } from '../../support/app';
import { takeOverTime, type Time } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';
import { blocks } from './markdown';

const text = blocks('docs/recipes.md', 'ts').find((block) => block.text.includes("process.env['HOSTS']"))?.text ?? '';

let sandbox: Sandbox;
let time: Time;
beforeEach(() => {
  time = takeOverTime();
});

interface Site {
  readonly port: number;
  visit(visitor: Browser, host: string, path: string): Promise<Answer>;
}

/** The recipe as it is printed, or changed, for two hosts of this machine. */
async function startRecipe(change = (code: string): string => code): Promise<Site> {
  const server = http.createServer();
  const { url } = await serve(server);
  const port = Number(new URL(url).port);
  const origins = ['a', 'b'].map((name) => `http://${name}.localhost:${port}`);
  sandbox = await startSandbox({
    switches: { refresh: 'rotate' },
    redirectUris: origins.map((origin) => `${origin}/connect/callback`),
  });
  const { clientId, clientSecret, authorizeUrl, tokenUrl } = sandbox.connectOptions;
  const env = {
    SESSION_SECRET: 'any',
    HOSTS: origins.join(','),
    CONNECT_CLIENT_ID: clientId,
    CONNECT_CLIENT_SECRET: clientSecret,
    CONNECT_AUTHORIZE_URL: authorizeUrl,
    CONNECT_TOKEN_URL: tokenUrl,
    CONNECT_REDIRECT_URI: 'http://localhost/connect/callback',
  };
  const modules: Readonly<Record<string, unknown>> = {
    express,
    'express-session': session,
    'express-connect-auth': { ...ours, connectOptionsFromEnv: () => ours.connectOptionsFromEnv(env) },
  };
  const { code } = transformSync(`${text}\nexport { app };`, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  const exported: { app?: http.RequestListener } = {};
  runInNewContext(change(code), {
    require: (name: string) => modules[name],
    exports: exported,
    process: { env },
    URL,
  });
  if (exported.app === undefined) throw new Error('docs/recipes.md has no app of several hosts');
  server.on('request', exported.app);
  return {
    port,
    visit: (visitor, host, path) =>
      visitor.visit(url + path, { host: `${host}.localhost:${port}`, accept: 'text/html' }),
  };
}

async function connect(site: Site, visitor: Browser, host: string): Promise<Answer> {
  const started = await site.visit(visitor, host, '/connect/authorize?returnTo=/reports');
  const callback = new URL(await sandbox.allow(started.location));
  expect(callback.host).toBe(`${host}.localhost:${site.port}`);
  return site.visit(visitor, host, callback.pathname + callback.search);
}

test('each host of the recipe signs in at itself, and any other is not there', async () => {
  const site = await startRecipe();
  for (const host of ['a', 'b']) {
    const visitor = browser();
    expect((await connect(site, visitor, host)).location).toBe('/reports');
    expect((await site.visit(visitor, host, '/reports')).body).toBe(`Connected at ${host}.localhost`);
  }
  expect((await site.visit(browser(), 'c', '/reports')).status).toBe(404);
});

/** Both hosts get the cookie, and both need a fresh token at once. */
async function refreshedAtBoth(site: Site): Promise<readonly number[]> {
  const visitor = browser();
  await connect(site, visitor, 'a');
  time.pass(3_600_000);
  const answers = await Promise.all(['a', 'b'].map((host) => site.visit(visitor.fork(), host, '/reports')));
  return answers.map(({ status }) => status);
}

test('under a cookie of both hosts the one ledger of the recipe refreshes once', async () => {
  expect(await refreshedAtBoth(await startRecipe())).toEqual([200, 200]);
  expect(sandbox.calls.refresh).toBe(1);
});

test('a ledger for each instance presents the refresh token twice, as the recipe warns', async () => {
  await refreshedAtBoth(await startRecipe((code) => code.replace(/\bledger,/u, '')));
  expect(sandbox.calls.refresh).toBe(2);
});
