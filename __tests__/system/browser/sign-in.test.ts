import type { Browser, BrowserContext, Page } from 'playwright-core';
import { openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

describeInChromium('a visitor in a real browser', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
  });

  beforeEach(async () => {
    site = await startDemoSite();
    context = await openContext(browser);
    page = await context.newPage();
  });

  async function toConsent(tab: Page = page): Promise<void> {
    await tab.goto(site.address);
    await tab.getByRole('link', { name: 'Connect your account' }).click();
    await tab.waitForURL(`${site.sandbox.url}/**`);
  }

  function allow(tab: Page = page): Promise<void> {
    return tab.getByRole('button', { name: 'Allow' }).click();
  }

  async function connect(tab: Page = page): Promise<void> {
    await toConsent(tab);
    await allow(tab);
    await tab.waitForURL(`${site.address}/connected`);
  }

  function heading(tab: Page = page): Promise<string> {
    return tab.getByRole('heading', { level: 1 }).innerText();
  }

  async function fact(name: string): Promise<string> {
    return page.locator('dl.facts > div', { hasText: name }).locator('dd').innerText();
  }

  test('connects, and sees everything about the connection but the token', async () => {
    const begunMs = Date.now();
    await connect();
    expect(await heading()).toBe('Your account is connected');
    expect(await fact('Token type')).toBe('bearer');
    const seconds = Number(/^(\d+) seconds$/.exec(await fact('Token expires in'))?.[1]);
    // The token lives for 30 whole seconds; what the browser has taken until now is gone.
    expect(seconds).toBeLessThanOrEqual(30);
    expect(seconds).toBeGreaterThanOrEqual(Math.floor(29 - (Date.now() - begunMs) / 1000));
    expect(await fact('Refreshed')).toBe('0 times');
    expect(await fact('Refresh token')).toBe('yes');
    expect(await page.content()).not.toMatch(/eyJ|[\w-]{20,}\.[\w-]{20,}/);
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('declines, is told so with 403, and can start again', async () => {
    await toConsent();
    const answer = page.waitForResponse((response) => response.url().startsWith(`${site.address}/connect/callback`));
    await page.getByRole('button', { name: 'Decline' }).click();
    expect((await answer).status()).toBe(403);
    expect(await heading()).toBe('The connection was declined');
    expect(site.sandbox.calls.token).toBe(0);

    await page.getByRole('link', { name: /start again/i }).click();
    await allow();
    await page.waitForURL(`${site.address}/connected`);
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('starts in two tabs and finishes in both', async () => {
    const other = await context.newPage();
    await toConsent();
    await toConsent(other);
    await allow();
    await page.waitForURL(`${site.address}/connected`);
    await allow(other);
    await other.waitForURL(`${site.address}/connected`);
    await page.reload();
    expect([await heading(), await heading(other)]).toEqual(['Your account is connected', 'Your account is connected']);
    expect(site.sandbox.calls.token).toBe(2);
  });

  test('goes back after connecting, allows once more, and lands on the connected page without another token request', async () => {
    await connect();
    await page.goBack();
    expect(page.url()).toContain(site.sandbox.url);
    await allow();
    await page.waitForURL(`${site.address}/connected`);
    expect(await heading()).toBe('Your account is connected');
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('goes back and forward again and is still connected', async () => {
    await connect();
    await page.goBack();
    await page.goForward();
    expect(page.url()).toBe(`${site.address}/connected`);
    expect(await heading()).toBe('Your account is connected');
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('double-clicks on "Allow" and is connected by one token request', async () => {
    await toConsent();
    await page.getByRole('button', { name: 'Allow' }).dblclick({ noWaitAfter: true });
    // Not for a navigation: the first click's is given up for that of the second.
    await page.getByRole('heading', { name: 'Your account is connected' }).waitFor();
    expect(page.url()).toBe(`${site.address}/connected`);
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('clicks on "Allow" again while the first answer is on its way, and is connected by one token request', async () => {
    await toConsent();
    site.sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'exchange' });
    // By the mouse itself: Playwright's click() would wait for the navigation that is held back.
    const box = await page.getByRole('button', { name: 'Allow' }).boundingBox();
    const click = () => page.mouse.click((box?.x ?? 0) + 20, (box?.y ?? 0) + 20);
    await click();
    await site.sandbox.waiting();
    const second = page.waitForRequest((request) => request.url().startsWith(`${site.address}/connect/callback`));
    await click();
    await second;
    site.sandbox.release();
    await page.waitForURL(`${site.address}/connected`);
    expect(await heading()).toBe('Your account is connected');
    await page.goto(site.address);
    expect(await heading()).toBe('You are connected');
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('opens the callback again after success, and lands on the connected page without another token request', async () => {
    const callback = page.waitForRequest((request) => request.url().startsWith(`${site.address}/connect/callback`));
    await connect();
    await page.goto((await callback).url());
    expect(page.url()).toBe(`${site.address}/connected`);
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('reloads the callback page after a failure, and gets 403 with a link to start again', async () => {
    await toConsent();
    site.sandbox.force(503);
    await allow();
    await page.waitForURL(`${site.address}/connect/callback**`);
    expect(await heading()).toBe('The provider is not available');

    const again = await page.reload();
    expect(again?.status()).toBe(403);
    expect(site.sandbox.calls.token).toBe(1);
    await page.getByRole('link', { name: /start again/i }).click();
    await allow();
    await page.waitForURL(`${site.address}/connected`);
    expect(site.sandbox.calls.token).toBe(2);
  });

  test('connects by keyboard alone', async () => {
    await page.goto(site.address);
    await tabTo('Connect your account');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.sandbox.url}/**`);
    await tabTo('Allow');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.address}/connected`);
    await tabTo('Disconnect');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${site.address}/`);
    expect(await heading()).toBe('Sign-in with Appy Pie Connect, in one line of Express');
  });

  test('who comes by 127.0.0.1 is brought to localhost, and connects', async () => {
    await page.goto(site.address.replace('localhost', '127.0.0.1'));
    expect(page.url()).toBe(`${site.address}/`);
    await connect();
    expect(site.sandbox.calls.token).toBe(1);
  });

  test('a visitor without script connects, and walks into an error', async () => {
    const plain = await openContext(browser, { javaScriptEnabled: false });
    const tab = await plain.newPage();
    await connect(tab);
    await tab.goto(`${site.address}/errors`);
    await tab.getByLabel('API code').selectOption('2036');
    await tab.getByRole('button', { name: 'See the page' }).first().click();
    await allow(tab);
    await tab.waitForURL(`${site.address}/connect/callback**`);
    expect(await heading(tab)).toBe('Sign-in is not set up correctly');
    expect(site.sandbox.calls.token).toBe(2);
  });

  /** Presses Tab until the control with this text has the focus, and checks that the focus can be seen. */
  async function tabTo(text: string): Promise<void> {
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press('Tab');
      const focus = page.locator(':focus');
      if ((await focus.innerText()).trim() !== text) continue;
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
      return;
    }
    throw new Error(`no way by Tab to "${text}"`);
  }
});
