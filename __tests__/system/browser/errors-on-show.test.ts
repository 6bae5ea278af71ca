import type { Browser, Page } from 'playwright-core';
import { openContext, startChromium } from '../../support/chromium';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { describeInChromium } from '../../support/requires';

describeInChromium('the errors on show, in a real browser', (executablePath) => {
  let browser: Browser;
  let site: DemoSite;
  let page: Page;

  beforeAll(async () => {
    browser = await startChromium(executablePath);
    site = await startDemoSite();
  });

  beforeEach(async () => {
    page = await (await openContext(browser)).newPage();
  });

  /** Chooses a trouble, walks into it, and gives status and heading of what the visitor ends up with. */
  async function walkInto(
    section: string,
    choices: Readonly<Record<string, string>>,
    { address } = site,
  ): Promise<string> {
    await page.goto(`${address}/errors`);
    const form = page.getByRole('region', { name: section });
    for (const [label, value] of Object.entries(choices)) await form.getByLabel(label).selectOption(value);
    await form.getByRole('button', { name: 'See the page' }).click();
    return page.url();
  }

  async function ending(act: () => Promise<void>): Promise<string> {
    const answer = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith('/connect/callback'));
    await act();
    const status = (await answer).status();
    return `${status} ${await page.getByRole('heading', { level: 1 }).innerText()}`;
  }

  const allow = () => page.getByRole('button', { name: 'Allow' }).click();
  const goOn = () => page.getByRole('button', { name: 'Go on' }).click();

  test.each([
    ['2036', 'flat', '200', '500 Sign-in is not set up correctly'],
    ['2039', 'errorObject', 'matching', '409 Your account needs attention'],
    ['403', 'list', 'matching', '403 Your account is not allowed to do this'],
    ['503', 'text', 'matching', '503 The provider is not available'],
  ])('API code %s in the shape %s under HTTP %s ends in "%s"', async (code, shape, status, expected) => {
    const tokensBefore = site.sandbox.calls.token;
    await walkInto('The provider refuses', { 'API code': code, 'Body of the answer': shape, 'HTTP status': status });
    expect(await ending(allow)).toBe(expected);
    expect(site.sandbox.calls.token).toBe(tokensBefore + 1);
  });

  test('the fault silence ends in "504 The provider did not answer in time"', async () => {
    const hasty = await startDemoSite({ timeoutMs: 1_000 });
    await walkInto('The connection breaks', { Fault: 'silence' }, hasty);
    expect(await ending(allow)).toBe('504 The provider did not answer in time');
  });

  test.each([
    ['reset', '502 The provider is not available'],
    ['html503', '503 The provider is not available'],
    ['redirect', '502 The provider gave an unusable answer'],
  ])('the fault %s ends in "%s"', async (fault, expected) => {
    await walkInto('The connection breaks', { Fault: fault });
    expect(await ending(allow)).toBe(expected);
  });

  test.each([
    ['foreign', '403 This sign-in does not belong to this browser'],
    ['used', '403 This sign-in does not belong to this browser'],
    ['incomplete', '400 That was not a sign-in answer'],
  ])('the event %s in the browser ends in "%s"', async (event, expected) => {
    const tokensBefore = site.sandbox.calls.token;
    await walkInto('Something happens in the browser', { Event: event });
    expect(await ending(goOn)).toBe(expected);
    expect(site.sandbox.calls.token).toBe(tokensBefore);
  });

  test('a sign-in that takes too long ends in 403', async () => {
    await walkInto('Something happens in the browser', { Event: 'expired' });
    await goOn();
    // Longer than this exhibit's sign-ins live: what a visitor who reads the page does anyway.
    await page.waitForTimeout(150);
    expect(await ending(allow)).toBe('403 This sign-in does not belong to this browser');
    expect(await page.locator('body').innerText()).toContain('took too long');
  });

  test('the visitor who declines is told so', async () => {
    await walkInto('Something happens in the browser', { Event: 'declined' });
    await goOn();
    expect(await ending(() => page.getByRole('button', { name: 'Decline' }).click())).toBe(
      '403 The connection was declined',
    );
  });

  test('the failure meets the visitor who asked for it, once, and nobody else', async () => {
    await walkInto('The provider refuses', { 'API code': '2041' });

    const bystander = await (await openContext(browser)).newPage();
    await bystander.goto(site.address);
    await bystander.getByRole('link', { name: 'Connect your account' }).click();
    await bystander.getByRole('button', { name: 'Allow' }).click();
    await bystander.waitForURL(`${site.address}/connected`);

    expect(await ending(allow)).toBe('422 Your account needs attention');
    await page.getByRole('link', { name: /start again/i }).click();
    await allow();
    await page.waitForURL(`${site.address}/connected`);
  });

  test.each(['See the JSON', 'List all of them'])(
    'after "%s", Back leads to the choice and Forward to the result',
    async (name) => {
      await page.goto(`${site.address}/errors`);
      await page.getByRole('button', { name }).first().click();
      await page.waitForURL(`${site.address}/errors/answer`);
      const shown = await page.locator('main').innerText();
      expect((await page.goBack())?.status()).toBe(200);
      expect(page.url()).toBe(`${site.address}/errors`);
      expect((await page.goForward())?.status()).toBe(200);
      expect(await page.locator('main').innerText()).toBe(shown);
    },
  );

  test('the raw answer is the problem document that a script gets', async () => {
    await page.goto(`${site.address}/errors`);
    await page.getByLabel('API code').selectOption('429');
    await page.getByRole('button', { name: 'See the JSON' }).first().click();
    const shown = await page.locator('pre').innerText();
    expect(shown).toContain('content-type: application/problem+json');
    expect(shown).toContain('"code": "ERR_CONNECT_RATE_LIMITED"');
    await page.getByRole('button', { name: 'See the page' }).click();
    expect(await ending(allow)).toBe('503 Too many requests');
  });
});
