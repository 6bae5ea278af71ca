import http from 'node:http';
import type { RequestHandler } from 'express';
import type { Sandbox } from '../../../src/testing';
import { browser, withApp, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** A proxy that publishes an app under `/app`, and hands paths on without it. */
async function startProxy(): Promise<{ url: string; lead: (to: TestApp) => void }> {
  let target = '';
  const proxy = http.createServer((req, res) => {
    const path = (req.url ?? '').replace(/^\/app(?=[/?]|$)/u, '').replace(/^(?!\/)/u, '/');
    req.pipe(
      http.request(target + path, { method: req.method, headers: req.headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      }),
    );
  });
  const { url } = await serve(proxy);
  return { url, lead: (to) => void (target = to.url) };
}

const REPORT = 'page?week=48';
const routes = (at: string): NonNullable<TestAppParts['routes']> =>
  function report(app, connect) {
    app.get(`${at}/reports/:page`, connect.requireConnect(), (_req, res) => void res.send('the report'));
  };

/** Opens a report, follows to the sign-in and back. @returns the path that each step led to */
async function journey(reportUrl: string): Promise<{ guard: string; back: string; page: string }> {
  const visitor = browser();
  const guarded = await visitor.visit(reportUrl);
  const { origin } = new URL(reportUrl);
  const atProvider = await visitor.visit(origin + guarded.location);
  const back = await visitor.visit(await sandbox.allow(atProvider.location));
  return { guard: guarded.location, back: back.location, page: (await visitor.visit(origin + back.location)).body };
}

const expected = (path: string): Awaited<ReturnType<typeof journey>> => ({
  guard: `/app/connect/authorize?returnTo=${encodeURIComponent(path)}`,
  back: path,
  page: 'the report',
});

test('behind a proxy that strips a prefix the visitor comes back to the page as the browser knows it', async () => {
  const { url, lead } = await startProxy();
  const parts = { routes: routes(''), options: { redirectUri: `${url}/app/connect/callback` } };
  await withApp(sandbox, parts, async (app) => {
    lead(app);
    expect(await journey(`${url}/app/reports/${REPORT}`)).toEqual(expected(`/app/reports/${REPORT}`));
  });
});

test('with the guard inside a router of the app, too', async () => {
  const { url, lead } = await startProxy();
  const parts = { routes: routes('/inner'), options: { redirectUri: `${url}/app/connect/callback` } };
  await withApp(sandbox, parts, async (app) => {
    lead(app);
    expect(await journey(`${url}/app/inner/reports/${REPORT}`)).toEqual(expected(`/app/inner/reports/${REPORT}`));
  });
});

test('an app that is mounted under the prefix gets it once', async () => {
  await withApp(sandbox, { mount: '/app', routes: routes('/app') }, async (app) => {
    expect(await journey(`${app.url}/app/reports/${REPORT}`)).toEqual(expected(`/app/reports/${REPORT}`));
  });
});

test('an app that strips the prefix itself gets it once', async () => {
  const strip: RequestHandler = (req, _res, next) => {
    req.url = req.url.replace(/^\/app/u, '');
    next();
  };
  await withApp(
    sandbox,
    { before: [strip], routes: routes(''), options: { redirectUri: 'http://127.0.0.1/app/connect/callback' } },
    async (app) => {
      const guarded = await browser().visit(`${app.url}/app/reports/${REPORT}`);
      expect(guarded.location).toBe(expected(`/app/reports/${REPORT}`).guard);
    },
  );
});
