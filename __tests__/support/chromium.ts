import axe from 'axe-core';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { cleanup } from './cleanup';

/** Keeps Chromium from calling anybody on its own. */
const QUIET_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Headless Chromium with a profile of its own; it ends with the test or the file that starts it. */
export async function startChromium(executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, headless: true, args: QUIET_FLAGS });
  cleanup(() => browser.close());
  return browser;
}

/** A visitor with cookies of their own; it ends with the test or the file that opens it. */
export async function openContext(browser: Browser, options?: BrowserContextOptions): Promise<BrowserContext> {
  const context = await browser.newContext(options);
  cleanup(() => context.close());
  return context;
}

/** What axe finds wrong on the page as it stands: rule and place of each violation. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  // Evaluated through the debugger: the page's policy allows no script, and must not be switched off.
  if (await page.evaluate('typeof axe === "undefined"')) await page.evaluate(axe.source);
  const violations = await page.evaluate<axe.Result[]>(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}

/**
 * Accessible, and nowhere wider than the window, on a phone and on a desktop. 320: the narrowest that a page must fit
 * without scrolling sideways (WCAG 2.2, 1.4.10).
 */
export async function expectSoundLooks(page: Page): Promise<void> {
  for (const width of [320, 375, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    if (width > 320) expect(await accessibilityFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
  }
}
