import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

describeInChromium('the connected page in a real browser', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
  });

  beforeEach(async () => {
    site = await startDemoSite();
  });

  async function connect(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${site.address}/connect/authorize`);
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${site.address}/connected`);
    return page;
  }

  function fact(page: Page, name: string): Promise<string> {
    return page.locator('dl.facts > div', { hasText: name }).locator('dd').innerText();
  }

  async function press(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name }).click();
    await page.waitForLoadState();
  }

  function outcome(page: Page): Promise<string> {
    return page
      .locator('.outcome')
      .innerText()
      .then((text) => text.replace(/\s+/g, ' '));
  }

  test.each([
    ['with script', true],
    ['without script', false],
  ])('every button works %s', async (_how, javaScriptEnabled) => {
    const context = await openContext(browser, { javaScriptEnabled });
    const page = await connect(context);
    const before = await fact(page, 'Hash of the token');

    await press(page, 'Expire the token');
    expect(await outcome(page)).toContain('Expired, and already refreshed');
    expect(await fact(page, 'Refreshed')).toBe('1 time');
    expect(await fact(page, 'Hash of the token')).not.toBe(before);

    await press(page, 'Send 50 requests');
    expect(await outcome(page)).toContain('50 of 50 answered 1 call to the provider 1 new token for all of them');
    expect(site.sandbox.calls.refresh).toBe(2);

    await press(page, 'Call the API');
    expect(await outcome(page)).toContain('user@sandbox.invalid');

    await press(page, 'Disconnect');
    expect(page.url()).toBe(`${site.address}/`);
    expect(await outcome(page)).toContain('You are disconnected');
    await page.reload();
    expect(await page.locator('.outcome').count()).toBe(0);
    await page.goto(`${site.address}/connected`);
    expect(page.url()).toBe(`${site.address}/`);
  });

  test.each([
    ['with script', true],
    ['without script', false],
  ])('after every button the page can be left, come back to and loaded again, %s', async (_how, javaScriptEnabled) => {
    const context = await openContext(browser, { javaScriptEnabled });
    const page = await connect(context);
    for (const name of ['Expire the token', 'Send 50 requests', 'Call the API']) {
      await press(page, name);
      await page.locator('.outcome').waitFor();
      const calls = site.sandbox.calls.api + site.sandbox.calls.refresh;
      await page.goto(`${site.address}/errors`);
      await page.goBack();
      expect(page.url()).toBe(`${site.address}/connected`);
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Your account is connected');
      await page.reload();
      expect({ name, outcomes: await page.locator('.outcome').count() }).toEqual({ name, outcomes: 0 });
      expect(site.sandbox.calls.api + site.sandbox.calls.refresh).toBe(calls);
    }
  });

  test('the seconds count down, and the token is refreshed by itself', async () => {
    const context = await openContext(browser);
    const page = await connect(context);
    // Counted by the page itself, without asking.
    await page.route('**/connected/live', (route) => route.abort());
    const atFirst = await fact(page, 'Token expires in');
    await page.locator('[data-seconds]').filter({ hasNotText: atFirst }).waitFor();
    expect(Number.parseInt(await fact(page, 'Token expires in'), 10)).toBeLessThan(Number.parseInt(atFirst, 10));
    expect(site.sandbox.calls.refresh).toBe(0);
    await page.unroute('**/connected/live');

    // Another tab ages the token; this one is not touched.
    const other = await context.newPage();
    await other.goto(`${site.address}/connected`);
    await press(other, 'Expire the token');
    await other.close();
    await page.bringToFront();
    await page.locator('dl.facts > div', { hasText: 'Refreshed' }).filter({ hasText: '1 time' }).waitFor();
    expect(page.url()).toBe(`${site.address}/connected`);
    expect(await page.locator('.events').innerText()).toContain('Refreshed');
    expect(site.sandbox.calls.refresh).toBe(1);
  });

  test('the page of a visitor who disconnects in another tab goes home by itself', async () => {
    const context = await openContext(browser);
    const page = await connect(context);
    const other = await context.newPage();
    await other.goto(`${site.address}/connected`);
    await press(other, 'Disconnect');
    await page.bringToFront();
    await page.waitForURL(`${site.address}/`);
  });

  test('everything is reached and worked by the keyboard alone, also while the page is kept up to date', async () => {
    const context = await openContext(browser);
    const page = await connect(context);
    const names: string[] = [];
    for (let presses = 0; presses < 9; presses += 1) {
      await page.keyboard.press('Tab');
      names.push((await page.locator(':focus').innerText()).trim());
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    }
    expect(names).toEqual([
      'Skip to content',
      'express-connect-auth',
      'Home',
      'Users',
      'Errors',
      'Expire the token',
      'Send 50 requests',
      'Call the API',
      'Disconnect',
    ]);
    // The live part is replaced, and the focus stays where it was.
    await page.waitForResponse((response) => response.url().endsWith('/connected/live'));
    expect(await page.locator(':focus').innerText()).toBe('Disconnect');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.address}/`);
  });

  test('an answer of the demo that stays away is asked for again', async () => {
    const context = await openContext(browser);
    const page = await connect(context);
    await context.setOffline(true);
    await page.waitForEvent('requestfailed');
    await context.setOffline(false);
    const answer = await page.waitForResponse((response) => response.url().endsWith('/connected/live'));
    expect(answer.status()).toBe(200);
  });
});
