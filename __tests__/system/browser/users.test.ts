import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

describeInChromium('users of the demo, each in browsers of their own', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
  });

  beforeEach(async () => {
    site = await startDemoSite();
  });

  /** A browser on the page of the users. */
  async function open(scripted = true): Promise<Page> {
    const context = await openContext(browser, { javaScriptEnabled: scripted });
    const page = await context.newPage();
    await page.goto(`${site.address}/users`);
    return page;
  }

  /** Presses a button that leads back to the page of the users. */
  async function press(page: Page, name: string): Promise<void> {
    const loaded = page.waitForResponse((response) => response.url() === `${site.address}/users`);
    await page.getByRole('button', { name }).click();
    expect((await loaded).status()).toBe(200);
    await page.waitForLoadState();
  }

  async function connect(page: Page, user: string): Promise<void> {
    await page.getByRole('link', { name: `Connect ${user}’s account` }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${site.address}/users`);
  }

  function textOf(page: Page, where: string): Promise<string> {
    return page
      .locator(where)
      .innerText()
      .then((text) => text.replace(/\s+/g, ' '));
  }

  const account = (page: Page): Promise<string> => textOf(page, 'section[aria-labelledby="account"]');
  const who = (page: Page): Promise<string> => textOf(page, '.user-bar p');

  /** The one cookie that a browser has of the demo. */
  async function sessionOf(context: BrowserContext): Promise<string | undefined> {
    const cookies = await context.cookies(site.address);
    return cookies.find(({ name }) => name.startsWith('demo.sid.'))?.value;
  }

  test.each([
    ['with script', true],
    ['without script', false],
  ])('the whole journey in two browsers, %s', async (_how, scripted) => {
    const home = await open(scripted);
    await press(home, 'Sign in as Ada');
    expect(await account(home)).toContain('Ada has not connected an account yet.');
    await connect(home, 'Ada');
    const since = /Connected since ([\d:]{8})/.exec(await account(home))?.[1];
    expect(since).toMatch(/^\d\d:\d\d:\d\d$/);

    // Another browser: nothing, until Ada signs in there.
    const office = await open(scripted);
    expect(await who(office)).toBe('No user is signed in');
    await press(office, 'Sign in as Ada');
    expect(await account(office)).toContain(`Connected since ${since ?? 'never'}`);

    await press(office, 'Run the nightly job');
    expect(await textOf(office, '.outcome')).toMatch(
      /^The nightly job for Ada The API knows Ada as “Sandbox User”. It ran at [\d:]{8}\.$/,
    );

    // Grace, in the same browser with the same session.
    const session = await sessionOf(office.context());
    await press(office, 'Switch to Grace');
    expect(await who(office)).toBe('Signed in as Grace');
    expect(await sessionOf(office.context())).toBe(session);
    expect(await account(office)).toContain('Grace has not connected an account yet.');
    expect(await textOf(office, 'main')).not.toContain('Sandbox User');
    await press(office, 'Run the nightly job');
    expect(await textOf(office, '.outcome')).toContain('The nightly job for Grace The job failed: “Please connect');
    await office.goto(`${site.address}/connected`);
    expect(office.url()).toBe(`${site.address}/`);

    await office.goto(`${site.address}/users`);
    await press(office, 'Switch to Ada');
    await press(office, 'Disconnect everywhere');
    await home.reload();
    for (const page of [office, home]) {
      expect(await account(page)).toMatch(/Not connected since [\d:]{8}: disconnected by the user\./);
      await page.goto(`${site.address}/connected`);
      expect(page.url()).toBe(`${site.address}/`);
    }
    expect(site.sandbox.calls.exchange).toBe(1);
  });

  test('the connected page of one browser goes home by itself when the user disconnects in another', async () => {
    const home = await open();
    await press(home, 'Sign in as Ada');
    await connect(home, 'Ada');
    await home.getByRole('link', { name: 'Look at the connection' }).click();
    await home.waitForURL(`${site.address}/connected`);

    const office = await open();
    await press(office, 'Sign in as Ada');
    await press(office, 'Disconnect everywhere');
    await home.bringToFront();
    await home.waitForURL(`${site.address}/`);
    expect(await textOf(home, '.eyebrow')).toBe('Not connected');
  });

  test('signing in from another page leads back to it', async () => {
    const page = await open();
    await page.goto(site.address);
    await page.getByRole('button', { name: 'Sign in as Ada' }).click();
    await page.getByText('Signed in as Ada').waitFor();
    expect(page.url()).toBe(`${site.address}/`);
    await page.getByRole('link', { name: 'Connect your account' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${site.address}/connected`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    // Nobody has a connected page.
    await page.waitForURL(`${site.address}/`);
    expect(await who(page)).toBe('Or try it as a user of your app');
  });

  test('everything is reached and worked by the keyboard alone', async () => {
    const page = await open();
    await press(page, 'Sign in as Ada');
    await connect(page, 'Ada');
    const names: string[] = [];
    for (let presses = 0; presses < 11; presses += 1) {
      await page.keyboard.press('Tab');
      const focus = page.locator(':focus');
      names.push((await focus.getAttribute('id')) ?? (await focus.innerText()).trim());
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    }
    expect(names).toEqual([
      'Skip to content',
      'express-connect-auth',
      'Home',
      'Users',
      'Errors',
      'Switch to Grace',
      'Sign out',
      'Look at the connection',
      'Disconnect everywhere',
      'user',
      'Run the nightly job',
    ]);
    await page.keyboard.press('Enter');
    await page.locator('.outcome').waitFor();
    expect(await textOf(page, '.outcome')).toContain('The nightly job for Ada');
  });

  test('no token comes to the browser', async () => {
    const page = await open();
    await press(page, 'Sign in as Ada');
    await connect(page, 'Ada');
    await press(page, 'Run the nightly job');
    expect(await page.content()).not.toMatch(/eyJ|[\w-]{20,}\.[\w-]{20,}/);
  });
});
