import type { Browser } from 'playwright-core';
import type { Sandbox } from '../../../src/testing';
import { startApp } from '../../support/app';
import { openContext, startChromium } from '../../support/chromium';
import { describeInChromium } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { blocks } from '../docs/markdown';

/** The listener that docs/troubleshooting.md prints. */
const printed = blocks('docs/troubleshooting.md', 'js').find(({ text }) => text.includes("'fetch'"))?.text ?? '';
/** Without the line that leaves our addresses to the browser. */
const greedy = printed.replace(/^.*\/connect\/.*\n/mu, '');

const START = `
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
`;
const SHELL = `const answerFromCache = () => new Response('the app itself', { headers: { 'content-type': 'text/html' } });`;
const FETCH = `const answerFromCache = ({ url }) => fetch(url);`;
const PASSES_ON = `self.addEventListener('fetch', (event) => event.respondWith(fetch(event.request)));`;
const PAGE = `<!doctype html><script>
  navigator.serviceWorker.register('/worker.js');
  navigator.serviceWorker.ready.then(() => (document.title = 'worker'));
</script>`;

describeInChromium('a sign-in on a page with a service worker', (executablePath) => {
  let browser: Browser;
  let sandbox: Sandbox;
  beforeAll(async () => {
    browser = await startChromium(executablePath);
    sandbox = await startSandbox();
  });

  /** Goes to sign in, as somebody whose browser has the worker. @returns what the browser shows, or the token type in the store */
  async function withWorker(worker: string): Promise<string> {
    const app = await startApp(sandbox, {
      routes: (express) => {
        express.get('/worker.js', (_req, res) => void res.type('js').send(START + worker));
        express.get('/page', (_req, res) => void res.send(PAGE));
      },
    });
    const page = await (await openContext(browser)).newPage();
    await page.goto(`${app.url}/page`);
    await page.waitForFunction('document.title === "worker" && navigator.serviceWorker.controller !== null');
    try {
      await page.goto(`${app.url}/connect/authorize?returnTo=/page`);
    } catch {
      return 'no page';
    }
    if (!page.url().startsWith(sandbox.url)) return page.locator('body').innerText();
    await page.getByRole('button', { name: 'Allow' }).click();
    // The worker may answer this one.
    await page.waitForURL(`${app.url}/page`);
    const [session] = Object.values(await app.sessions());
    return (session?.['connectToken'] as { type?: string } | undefined)?.type ?? 'not connected';
  }

  test.each([
    ['answers from its cache', SHELL],
    ['fetches the address', FETCH],
  ])('works with the printed listener before a worker that %s', async (_how, answer) => {
    expect(await withWorker(`${answer}\n${printed}`)).toBe('bearer');
  });

  test.each([
    ['answers from its cache shows the app', SHELL, 'the app itself'],
    ['fetches the address shows nothing', FETCH, 'no page'],
  ])('without it a worker that %s', async (_how, answer, shown) => {
    expect(await withWorker(`${answer}\n${greedy}`)).toBe(shown);
  });

  test('a worker that passes everything on does no harm', async () => {
    expect(await withWorker(PASSES_ON)).toBe('bearer');
  });
});
