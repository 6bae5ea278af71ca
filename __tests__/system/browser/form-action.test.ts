import helmet from 'helmet';
import type { Browser, Page } from 'playwright-core';
import type { Sandbox } from '../../../src/testing';
import { startApp, type TestApp } from '../../support/app';
import { openContext, startChromium } from '../../support/chromium';
import { describeInChromium } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';

const FORM = '<!doctype html><form action="/connect/authorize"><button>Connect</button></form>';

describeInChromium("a form that starts the sign-in, under helmet's form-action", (executablePath) => {
  let browser: Browser;
  let sandbox: Sandbox;
  beforeAll(async () => {
    browser = await startChromium(executablePath);
  });
  beforeEach(async () => {
    sandbox = await startSandbox();
  });

  function appWith(formAction: readonly string[]): Promise<TestApp> {
    return startApp(sandbox, {
      before: [
        helmet({
          contentSecurityPolicy: { directives: { formAction: [...formAction], upgradeInsecureRequests: null } },
        }),
      ],
      routes: (app) => {
        app.get('/form', (_req, res) => void res.send(FORM));
      },
    });
  }

  async function pageWithForm(app: TestApp): Promise<Page> {
    const page = await (await openContext(browser)).newPage();
    await page.goto(`${app.url}/form`);
    return page;
  }

  test("its default, 'self', stops the form on its way to the provider", async () => {
    const page = await pageWithForm(await appWith(["'self'"]));
    const refusal = page.waitForEvent('console', (message) => message.text().includes('form-action'));
    await page.getByRole('button').click();
    expect((await refusal).text()).toContain('Content Security Policy');
    expect(new URL(page.url()).pathname).toBe('/form');
    expect(sandbox.calls.consent).toBe(0);
  });

  test('with the origin of authorizeUrl beside it, as the recipe says, the form gets there', async () => {
    const page = await pageWithForm(await appWith(["'self'", sandbox.url]));
    await page.getByRole('button').click();
    await page.waitForURL(`${sandbox.url}/**`);
    await page.getByRole('button', { name: 'Allow' }).waitFor();
  });
});
