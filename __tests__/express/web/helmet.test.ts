import helmet from 'helmet';
import { browser, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

test("under helmet's form-action 'self' our pages start a sign-in by a link, never by a form", async () => {
  const app = await startApp(await startSandbox(), { before: [helmet()] });
  const home = await browser().visit(`${app.url}/`);
  expect(home.headers['content-security-policy']).toContain("form-action 'self'");
  const failed = await browser().visit(`${app.url}/connect/callback?code=a&state=b`);
  expect([failed.status, failed.body]).toEqual([403, expect.stringContaining('<a href="/connect/authorize"')]);
  expect(failed.body).not.toContain('<form');
});
