import { createServer } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { createDemo } from '../../../demo-app/app';
import { expectSoundLooks, openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';
import { serve } from '../../support/serve';

/** Names options that are wider than their field, links beside the margin, and cards in a row that do not end together. */
const LAYOUT_FAULTS = `(() => {
  const faults = [];
  const pen = document.createElement('canvas').getContext('2d');
  for (const select of document.querySelectorAll('select')) {
    const style = getComputedStyle(select);
    pen.font = style.font;
    const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    for (const { text } of select.options) if (pen.measureText(text).width > room) faults.push('cut off: ' + text);
  }
  const bar = document.querySelector('.bar');
  if (bar !== null) {
    const { left, right } = bar.getBoundingClientRect();
    const { paddingLeft, paddingRight } = getComputedStyle(bar);
    for (const link of bar.querySelectorAll('nav a')) {
      const box = link.getBoundingClientRect();
      if (box.left < left + parseFloat(paddingLeft) - 0.5 || box.right > right - parseFloat(paddingRight) + 0.5)
        faults.push('beside the margin: ' + link.textContent);
    }
  }
  const cards = [...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect());
  for (const a of cards) for (const b of cards)
    if (a.left < b.left && a.top < b.bottom && b.top < a.bottom && Math.abs(a.bottom - b.bottom) > 1)
      faults.push('an empty column at ' + Math.round(a.bottom) + ' beside ' + Math.round(b.bottom));
  return faults;
})()`;

describeInChromium('every page', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;
  /** Where the pages may load from. */
  const own = new Set<string>();

  beforeAll(async () => {
    browser = await startChromium(executablePath);
    site = await startDemoSite();
    own.add(site.address).add(site.sandbox.url);
  });

  type Visit = (page: Page) => Promise<unknown>;

  async function toConsent(page: Page): Promise<void> {
    await page.goto(`${site.address}/connect/authorize`);
  }

  async function toConnected(page: Page): Promise<void> {
    await toConsent(page);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${site.address}/connected`);
  }

  async function press(page: Page, name: string): Promise<void> {
    await toConnected(page);
    await page.getByRole('button', { name }).click();
    await page.waitForLoadState();
  }

  async function post(page: Page, action: string): Promise<void> {
    await page.goto(`${site.address}/errors`);
    await page.getByRole('button', { name: action }).first().click();
    await page.waitForLoadState();
  }

  async function toUsers(page: Page, ...buttons: readonly string[]): Promise<void> {
    await page.goto(`${site.address}/users`);
    for (const name of buttons) {
      await page.getByRole('button', { name }).click();
      await page.waitForLoadState();
    }
  }

  async function toConnectedUser(page: Page): Promise<void> {
    await toUsers(page, 'Sign in as Ada');
    await toConnected(page);
  }

  /** The page of the errors in a demo on the real provider. */
  async function toRealErrors(page: Page): Promise<void> {
    const server = createServer();
    const address = `http://localhost:${(await serve(server)).port}`;
    const redirectUri = `${address}/connect/callback`;
    const connectOptions = { clientId: 'real', clientSecret: 'secret', redirectUri };
    server.on('request', createDemo({ address, connectOptions }).app);
    own.add(address);
    await page.goto(`${address}/errors`);
  }

  const PAGES: readonly (readonly [string, Visit])[] = [
    ['the first page', (page) => page.goto(site.address)],
    ['the consent page', toConsent],
    [
      'the first page of a connected visitor',
      async (page) => {
        await toConnected(page);
        await page.goto(site.address);
      },
    ],
    ['the connected page', toConnected],
    ['a token that was expired', (page) => press(page, 'Expire the token')],
    ['fifty requests at once', (page) => press(page, 'Send 50 requests')],
    ['what /me says', (page) => press(page, 'Call the API')],
    ['the first page after the end', (page) => press(page, 'Disconnect')],
    ['the users', (page) => toUsers(page)],
    ['the first page of a user', (page) => toUsers(page, 'Sign in as Grace').then(() => page.goto(site.address))],
    ['a user who is not connected', (page) => toUsers(page, 'Sign in as Grace', 'Run the nightly job')],
    ['the connected page of a user', toConnectedUser],
    [
      'a user who is connected, and what the job came to',
      (page) => toConnectedUser(page).then(() => toUsers(page, 'Run the nightly job')),
    ],
    ['a user who has disconnected', (page) => toConnectedUser(page).then(() => toUsers(page, 'Disconnect everywhere'))],
    ['the errors on show', (page) => page.goto(`${site.address}/errors`)],
    ['the errors with the real provider', toRealErrors],
    ['what happens in the browser', (page) => page.goto(`${site.address}/errors/hint/expired`)],
    ['a raw answer', (page) => post(page, 'See the JSON')],
    ['all 17 codes', (page) => post(page, 'List all of them')],
    ["the library's error page", (page) => page.goto(`${site.address}/connect/callback?error=access_denied&state=x`)],
    ["the sandbox's page for a request that it refuses", (page) => page.goto(`${site.sandbox.url}/oAuth/authorize`)],
    ['a page that does not exist', (page) => page.goto(`${site.address}/nowhere`)],
  ];

  describe.each(PAGES)('%s', (_name, visit) => {
    let page: Page;
    const hosts = new Set<string>();
    const complaints: string[] = [];

    // Once for both colour schemes: they differ in their style sheet alone.
    beforeAll(async () => {
      page = await (await openContext(browser)).newPage();
      page.on('request', (request) => hosts.add(new URL(request.url()).origin));
      page.on('console', (message) => {
        // Chromium reports every answer of 4xx and 5xx like this; some of these pages are just that.
        if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
      });
      await visit(page);
    });

    afterAll(() => page.context().close());

    test.each(['light', 'dark'] as const)(
      '%s, has no accessibility fault and fits phone and desktop',
      async (scheme) => {
        await page.emulateMedia({ colorScheme: scheme });
        await expectSoundLooks(page);
      },
    );

    test('has nothing cut off, beside the margin or in columns of different length', async () => {
      for (const width of [375, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate<readonly string[]>(LAYOUT_FAULTS)).toEqual([]);
      }
    });

    test('loads nothing from elsewhere, and the browser has no complaints', () => {
      expect([...hosts].filter((host) => !own.has(host))).toEqual([]);
      expect(complaints).toEqual([]);
    });
  });

  describe('on a phone', () => {
    let page: Page;
    beforeAll(async () => {
      page = await (await openContext(browser, { viewport: { width: 375, height: 812 } })).newPage();
    });

    test('every value in the table of 17 stands beside its heading, which assistive technology knows, too', async () => {
      await post(page, 'List all of them');
      const heads = ['API code', 'Meaning', 'Visitor sees', 'Error code'];
      const shown = await page.evaluate<readonly string[]>(
        `[...document.querySelector('tbody tr').children].map((cell) => getComputedStyle(cell, '::before').content)`,
      );
      expect(shown).toEqual(heads.map((head) => `"${head}"`));
      expect(await page.getByRole('columnheader').allInnerTexts()).toEqual(heads);
      expect(await page.getByRole('rowheader').count()).toBe(17);
    });

    test('the consent page says what to press', async () => {
      await toConsent(page);
      expect(await page.locator('h1 + p').innerText()).toContain('Press Allow to sign in');
    });
  });

  test.each([
    ['the connected page', toConnected, 'Disconnect'],
    ['the page of the users', (page: Page) => toConnectedUser(page).then(() => toUsers(page)), 'Disconnect everywhere'],
  ])('%s shows the end of a connection in the colour of danger', async (_where, visit, name) => {
    const page = await (await openContext(browser)).newPage();
    await visit(page);
    expect(await page.locator('.danger').allInnerTexts()).toEqual([name]);
    expect(await page.evaluate("getComputedStyle(document.querySelector('.danger')).color")).toBe('rgb(179, 38, 30)');
  });
});
