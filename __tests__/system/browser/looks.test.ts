import type { Browser, Page } from 'playwright-core';
import { expectSoundLooks, openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

describeInChromium('every page', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
    site = await startDemoSite();
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
    ['a raw answer', (page) => post(page, 'See the JSON')],
    ['all 17 codes', (page) => post(page, 'List all of them')],
    ["the library's error page", (page) => page.goto(`${site.address}/connect/callback?error=access_denied&state=x`)],
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

    test('loads nothing from elsewhere, and the browser has no complaints', () => {
      expect([...hosts].filter((host) => host !== site.address && host !== site.sandbox.url)).toEqual([]);
      expect(complaints).toEqual([]);
    });
  });
});
