import type { Browser, Page } from 'playwright-core';
import { accessibilityFaults, openContext, startChromium } from '../../support/chromium';
import { describeInChromium } from '../../support/requires';
import type { RunningExample, Stage } from './stage';

/** What a visitor of the example "spa" sees. @param stageOf - asked in `beforeAll`, when there is one */
export function describeSpaInChromium(stageOf: () => Stage): void {
  describeInChromium('spa in a real browser', (executablePath) => {
    let chromium: Browser;
    let example: RunningExample;
    let page: Page;
    /** Loads of the document, to see what goes on without one. */
    let loads: number;

    beforeAll(async () => {
      [chromium, example] = await Promise.all([startChromium(executablePath), stageOf().example('spa')]);
    });

    beforeEach(async () => {
      page = await (await openContext(chromium, { viewport: { width: 375, height: 667 } })).newPage();
      loads = 0;
      page.on('domcontentloaded', () => void (loads += 1));
      await page.goto(`${example.url}/#settings`);
    });

    const status = () => page.getByRole('status');
    const shown = (text: string) => status().filter({ hasText: text }).waitFor();
    const button = (name: string, on: Page = page) => on.getByRole('button', { name });

    async function openPopup(): Promise<Page> {
      const [popup] = await Promise.all([page.waitForEvent('popup'), button('Connect in a popup').click()]);
      return popup;
    }

    test('a popup signs in and closes, and the page goes on without a reload', async () => {
      const popup = await openPopup();
      const closed = popup.waitForEvent('close');
      await button('Allow', popup).click();
      await closed;
      await shown('Sandbox User, user@sandbox.invalid');
      expect({ url: page.url(), loads }).toEqual({ url: `${example.url}/#settings`, loads: 1 });
      expect(await button('Connect in a popup').isVisible()).toBe(false);

      await button('Disconnect').click();
      await button('Connect in a popup').waitFor();
      expect(await button('Disconnect').isVisible()).toBe(false);
    });

    test('a declined popup shows why and can start again', async () => {
      const popup = await openPopup();
      await button('Decline', popup).click();
      await popup.getByRole('link', { name: 'Start again' }).click();
      const closed = popup.waitForEvent('close');
      await button('Allow', popup).click();
      await closed;
      await shown('Sandbox User');
    });

    test('a redirect comes back to the very address, to a page that is as accessible as before', async () => {
      await button('Connect in a popup').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await button('Connect on this page').click();
      await button('Allow').click();
      await page.waitForURL(`${example.url}/#settings`);
      await shown('Sandbox User');
      expect(await accessibilityFaults(page)).toEqual([]);
    });
  });
}
