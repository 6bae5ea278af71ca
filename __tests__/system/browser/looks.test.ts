import type { Browser, Page } from 'playwright-core';
import { expectSoundLooks, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

jest.setTimeout(60_000);

describeInChromium('every page', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
    site = await startDemoSite();
  });

  afterAll(async () => {
    await browser.close();
    await site.close();
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
    ['fifty requests at once', (page) => press(page, '50 requests at once')],
    ['what /me says', (page) => press(page, 'Call /me')],
    ['the first page after the end', (page) => press(page, 'Disconnect')],
    ['the errors on show', (page) => page.goto(`${site.address}/errors`)],
    ['a raw answer', (page) => post(page, 'Raw answer')],
    ['all 17 codes', (page) => post(page, 'Go through all of them')],
    ["the library's error page", (page) => page.goto(`${site.address}/connect/callback?error=access_denied&state=x`)],
    ['a page that does not exist', (page) => page.goto(`${site.address}/nowhere`)],
  ];

  const ROWS = PAGES.flatMap(([name, visit]) =>
    (['light', 'dark'] as const).map((colorScheme) => ({ name, visit, colorScheme })),
  );

  test.each(ROWS)(
    '$name, $colorScheme, has no accessibility fault, fits phone and desktop, and loads nothing from elsewhere',
    async ({ visit, colorScheme }) => {
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      const hosts = new Set<string>();
      const complaints: string[] = [];
      page.on('request', (request) => hosts.add(new URL(request.url()).origin));
      page.on('console', (message) => {
        // Chromium reports every answer of 4xx and 5xx like this; some of these pages are just that.
        if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
      });
      await visit(page);
      await expectSoundLooks(page);
      expect([...hosts].filter((host) => host !== site.address && host !== site.sandbox.url)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
  );
});
