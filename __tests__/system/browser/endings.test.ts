import http from 'node:http';
import type { Browser, Page, Response } from 'playwright-core';
import type { Sandbox } from '../../../src/testing';
import { startApp, type TestApp } from '../../support/app';
import { openContext, startChromium } from '../../support/chromium';
import { takeOverTime, type Time } from '../../support/refreshing';
import { describeInChromium } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

describeInChromium('a token endpoint that refuses every refresh with 401, in a real browser', (executablePath) => {
  let browser: Browser;
  let time: Time;
  let sandbox: Sandbox;
  let app: TestApp;
  let page: Page;
  /** Times that the browser came to the provider. */
  let rounds: number;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
  });

  beforeEach(async () => {
    time = takeOverTime();
    sandbox = await startSandbox({ switches: { lifetimeSeconds: 5 }, now: () => Date.now() });
    sandbox.force(401, { on: 'refresh', times: Infinity });
    app = await startApp(sandbox, {
      options: { authorizeUrl: await consentedBefore() },
      routes(own, connect) {
        // Every token has run out when its visitor arrives here.
        own.use('/guarded', (_req, _res, next) => {
          time.pass(10_000);
          next();
        });
        own.get('/guarded', connect.requireConnect(), (_req, res) => void res.send('<h1>inside</h1>'));
      },
    });
    page = await (await openContext(browser)).newPage();
  });

  /** A provider that asks nobody for consent again, and sends everybody back at once. @returns its authorization address */
  async function consentedBefore(): Promise<string> {
    rounds = 0;
    const server = http.createServer((req, res) => {
      rounds += 1;
      const { search } = new URL(req.url ?? '/', sandbox.url);
      void sandbox.allow(sandbox.connectOptions.authorizeUrl + search).then(
        (callback) => res.writeHead(302, { location: callback }).end(),
        () => res.writeHead(500).end(),
      );
    });
    return `${(await serve(server)).url}/authorize`;
  }

  const load = (): Promise<Response | null> => page.goto(`${app.url}/guarded?tab=2`);

  async function seen(response: Response | null): Promise<object> {
    return {
      status: response?.status(),
      url: page.url(),
      heading: await page.getByRole('heading', { level: 1 }).innerText(),
      rounds,
    };
  }

  test.each(['flat', 'text', 'empty'] as const)(
    'a page load ends after one round, with a page and a link (%s)',
    async (errorShape) => {
      sandbox.set({ errorShape });
      const refused = { status: 401, url: `${app.url}/guarded?tab=2`, heading: 'Your connection has ended' };
      expect(await seen(await load())).toEqual({ ...refused, rounds: 1 });
      // Loading it again within the minute goes nowhere.
      expect(await seen(await page.reload())).toEqual({ ...refused, rounds: 1 });

      time.pass(61_000);
      expect(await seen(await load())).toEqual({ ...refused, rounds: 2 });
      expect(sandbox.calls.refresh).toBeGreaterThan(1);
    },
  );

  test('the link of the page signs in, once the provider has recovered', async () => {
    sandbox.set({ errorShape: 'flat' });
    await load();
    sandbox.reset();
    await page.getByRole('link', { name: 'Start again' }).click();
    await page.waitForURL(`${app.url}/`);
    expect(await seen(await load())).toEqual({
      status: 200,
      url: `${app.url}/guarded?tab=2`,
      heading: 'inside',
      rounds: 2,
    });
  });
});
