import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { blocks } from './markdown';

/** As Turbo 8.0.23, htmx 4.0.1 and htmx 2.0 in Chromium have sent them; a boosted page asks with the mode of a script. */
const TURBO = {
  accept: 'text/html, application/xhtml+xml',
  'sec-fetch-mode': 'cors',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-dest': 'empty',
};
const SENT = {
  Turbo: TURBO,
  'htmx 4': { ...TURBO, accept: 'text/html', 'sec-fetch-mode': 'same-origin', 'hx-request': 'true' },
  'htmx 2': { ...TURBO, accept: '*/*', 'hx-request': 'true', 'hx-boosted': 'true' },
};
const BROWSER = { ...TURBO, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  app = await startApp(sandbox, {
    routes: (own, connect) => void own.get('/guarded', connect.requireConnect(), (_req, res) => void res.send('in')),
  });
});

describe.each(Object.entries(SENT))('what docs/recipes.md says of %s', (_name, headers) => {
  test('a link to authorize is redirected to the provider, where fetch() cannot follow', async () => {
    const { status, location } = await browser().visit(`${app.url}/connect/authorize`, headers);
    expect({ status, origin: new URL(location).origin }).toEqual({ status: 302, origin: sandbox.url });
  });

  test('Disconnect ends the connection, and answers 204', async () => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    expect((await visitor.visit(`${app.url}/connect/disconnect`, headers, 'POST')).status).toBe(204);
    expect((await visitor.visit(`${app.url}/token`)).body).toBe('null');
  });

  test('a guarded page is 401; asked for by the browser it is a redirect', async () => {
    expect((await browser().visit(`${app.url}/guarded`, headers)).status).toBe(401);
    expect((await browser().visit(`${app.url}/guarded`, BROWSER)).status).toBe(302);
  });
});

test('a link under the pointer is 503 with Retry-After, for both of their headers', async () => {
  for (const mark of [{ 'x-sec-purpose': 'prefetch' }, { 'hx-preloaded': 'true' }]) {
    const { status, headers } = await browser().visit(`${app.url}/connect/authorize`, { ...TURBO, ...mark });
    expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 503, retryAfter: '1' });
  }
});

test('what the recipe prints leaves link and form to the browser, which disconnect redirects', async () => {
  const printed = blocks('docs/recipes.md', 'html').find(({ text }) => text.includes('data-turbo'))?.text ?? '';
  const tags = [...printed.matchAll(/<(?:a|form) [^>]*>/gu)].map(([tag]) => tag);
  expect(tags.map((tag) => tag.includes('data-turbo="false"') && tag.includes('hx-boost="false"'))).toEqual([
    true,
    true,
  ]);
  const { status, location } = await browser().visit(`${app.url}/connect/disconnect`, BROWSER, 'POST');
  expect({ status, location }).toEqual({ status: 303, location: '/' });
});
