import { once } from 'node:events';
import type { Browser, Page } from 'playwright-core';
import { connectOptionsFromEnv } from '../../../src';
import { parseEnv } from 'node:util';
import type { Sandbox } from '../../../src/testing';
import { buildCli, type BuiltCli } from '../../support/cli/built-cli';
import { startApp } from '../../support/app';
import { describeInChromium } from '../../support/requires';
import { openContext, startChromium } from '../../support/chromium';

describeInChromium('a visitor of an app on the sandbox of the command line', (executablePath) => {
  let chromium: Browser;
  let cli: BuiltCli;
  let page: Page;
  let pasted: ReturnType<typeof connectOptionsFromEnv>;

  beforeAll(async () => {
    cli = buildCli();
    chromium = await startChromium(executablePath);
  });
  beforeEach(async () => {
    page = await (await openContext(chromium)).newPage();
  });

  /** Pastes what the command prints into an app, and opens its sign-in. */
  async function openSignIn(...flags: readonly string[]): Promise<string> {
    const child = cli.start(['sandbox', ...flags]);
    let said = '';
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    while (!said.includes('Ctrl+C stops it.')) await once(child.stdout!, 'data');
    pasted = connectOptionsFromEnv(
      parseEnv(
        said
          .split('\n')
          .filter((line) => line.startsWith('CONNECT_'))
          .join('\n'),
      ),
    );
    // The app listens on a port of its own, so its redirectUri is its own as well.
    const app = await startApp({ connectOptions: pasted } as unknown as Sandbox);
    await page.goto(`${app.url}/connect/authorize?returnTo=/token`);
    return app.url;
  }

  test('allows, and lands connected on the page that they wanted', async () => {
    const url = await openSignIn();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${url}/token`);
    expect(JSON.parse(await page.locator('body').innerText())).toMatchObject({ type: 'bearer' });
  });

  test('prints an API that answers to the token of its visitor', async () => {
    const url = await openSignIn();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${url}/token`);
    const { access_token: token } = JSON.parse(await page.locator('body').innerText()) as { access_token: string };
    const answer = await fetch(`${pasted.apiBaseUrl}/me`, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ success: true })]);
  });

  test('declines, is told so, and can start again', async () => {
    const url = await openSignIn('--credentials', 'body', '--request-format', 'form');
    await page.getByRole('button', { name: 'Decline' }).click();
    await page.waitForURL(`${url}/connect/callback?**`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('The connection was declined');
    await page.getByRole('link', { name: 'Start again' }).click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${url}/`);
    expect(await page.locator('body').innerText()).toBe('hello');
  });
});
