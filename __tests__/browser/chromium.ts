import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Keeps Chromium from calling anybody on its own. */
const QUIET_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Headless Chromium with a profile of its own. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: QUIET_FLAGS });
}

/** What axe finds wrong on the page as it stands: rule and place of each violation. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  // Evaluated through the debugger: the page's policy allows no script, and must not be switched off.
  await page.evaluate(axe.source);
  const result = await page.evaluate<axe.AxeResults>('axe.run(document)');
  return result.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}
