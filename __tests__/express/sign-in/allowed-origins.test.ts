import { safeReturnTo } from '../../../src/web/return-to';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { clearSessions, editSessions, tokensIn, type StoredAttempts } from '../../support/stored';

const SPA = 'https://spa.example';
const DEV = 'http://localhost:5173';
const allowedOrigins = [SPA, DEV];

type Signs = Readonly<Record<string, string | string[]>>;

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox, {
    options: { allowedOrigins, afterConnect: `${SPA}/home`, afterDisconnect: `${SPA}/bye` },
  });
});
beforeEach(async () => {
  await clearSessions(app);
});

describe('disconnect', () => {
  let visitor: Browser;
  beforeEach(async () => {
    visitor = browser();
    await signIn(app, sandbox, visitor);
  });
  const disconnect = (headers: Signs): Promise<Answer> =>
    visitor.visit(`${app.url}/connect/disconnect`, headers, 'POST');

  const site = 'sec-fetch-site';
  test.each<readonly [string, Signs]>([
    ['fetch() of a sibling subdomain', { [site]: 'same-site', origin: SPA, referer: `${SPA}/` }],
    ['fetch() of another site', { [site]: 'cross-site', origin: SPA, referer: `${SPA}/` }],
    ['the other allowed origin', { [site]: 'cross-site', origin: DEV }],
    ['a browser without Sec-Fetch-Site', { origin: SPA, referer: `${SPA}/page` }],
    ['a browser that sends a Referer only', { referer: `${SPA}/page` }],
  ])('%s is allowed', async (_words, headers) => {
    expect({ status: (await disconnect(headers)).status, storedTokens: await tokensIn(app) }).toEqual({
      status: 204,
      storedTokens: 0,
    });
  });

  test.each<readonly [string, Signs]>([
    ['same-site without an Origin', { [site]: 'same-site' }],
    ['same-site with a Referer only', { [site]: 'same-site', referer: `${SPA}/` }],
    ['same-site with Origin null', { [site]: 'same-site', origin: 'null', referer: `${SPA}/` }],
    ['same-site of another subdomain', { [site]: 'same-site', origin: 'https://other.example' }],
    ['an unknown Sec-Fetch-Site', { [site]: 'sibling', origin: SPA }],
    ['Sec-Fetch-Site none', { [site]: 'none', origin: SPA }],
    ['two Origins, one of them foreign', { [site]: 'same-site', origin: [SPA, 'https://evil.example'] }],
    ['two Origins in one header', { [site]: 'same-site', origin: `${SPA}, ${SPA}` }],
    ['a trailing dot', { [site]: 'same-site', origin: `${SPA}.` }],
    ['another port', { [site]: 'same-site', origin: `${SPA}:8443` }],
    ['the default port', { [site]: 'same-site', origin: `${SPA}:443` }],
    ['another scheme', { [site]: 'same-site', origin: 'http://spa.example' }],
    ['another case', { [site]: 'same-site', origin: 'https://SPA.example' }],
    ['a longer name', { [site]: 'same-site', origin: `${SPA}.evil.example` }],
    ['a longer name in front', { [site]: 'same-site', origin: 'https://evilspa.example' }],
    ['a user name', { [site]: 'same-site', origin: 'https://spa.example@evil.example' }],
    ['a slash', { [site]: 'same-site', origin: `${SPA}/` }],
    ['an allowed Origin with a foreign Referer', { origin: SPA, referer: 'https://evil.example/' }],
    ['a Referer with a user name', { referer: `${SPA}@evil.example/` }],
    ['a Referer with a backslash', { referer: `${SPA}\\@evil.example/` }],
  ])('%s is refused', async (_words, headers) => {
    expect({ status: (await disconnect(headers)).status, storedTokens: await tokensIn(app) }).toEqual({
      status: 403,
      storedTokens: 1,
    });
  });

  test('a form lands where afterDisconnect says', async () => {
    const answer = await disconnect({ accept: 'text/html', [site]: 'same-site', origin: SPA });
    expect([answer.status, answer.location]).toEqual([303, `${SPA}/bye`]);
  });
});

describe('landing', () => {
  async function landingOf(returnTo?: string): Promise<string> {
    const visitor = browser();
    const query = returnTo === undefined ? '' : `?returnTo=${encodeURIComponent(returnTo)}`;
    const started = await visitor.visit(`${app.url}/connect/authorize${query}`);
    return (await visitor.visit(await sandbox.allow(started.location))).location;
  }

  test.each([
    ['nothing', undefined, `${SPA}/home`],
    ['a path of this site', '/reports', '/reports'],
    ['an allowed origin', SPA, `${SPA}/`],
    ['a page there', `${SPA}/a?b=c#d`, `${SPA}/a?b=c#d`],
    ['a page of the other', `${DEV}/a`, `${DEV}/a`],
    ['another subdomain', 'https://other.example/a', `${SPA}/home`],
  ])('%s', async (_words, returnTo, landing) => {
    expect(await landingOf(returnTo)).toBe(landing);
  });

  test('a store in which the landing was changed leads nowhere else', async () => {
    const visitor = browser();
    const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/a`);
    await editSessions(app, (document) => {
      const { p } = document['connectPending'] as StoredAttempts;
      for (const attempt of p) attempt.r = 'https://spa.example@evil.example/';
    });
    expect((await visitor.visit(await sandbox.allow(started.location))).location).toBe(`${SPA}/home`);
  });
});

const rules = { ownPaths: ['/connect/authorize'], allowedOrigins };

test.each([
  'https://spa.example@evil.example/',
  'https://spa.example:443/',
  'https://spa.example:8443/',
  'https://spa.example:/',
  'https://spa.example:@evil.example/',
  'https://user@spa.example/',
  'https://user:pass@spa.example/',
  'https://@spa.example/',
  'https://spa.example./',
  'https://spa.example.evil.example/',
  'https://evilspa.example/',
  'https://SPA.example/',
  'HTTPS://spa.example/',
  'http://spa.example/',
  '//spa.example/',
  'https:/spa.example/',
  'https:spa.example/',
  'https:\\\\spa.example/',
  'https://spa.example\\',
  'https://spa.example\\@evil.example/',
  'https://spa.example/\\evil.example',
  'https://spa.example?x',
  'https://spa.example#x',
  'https://spa.example%2f@evil.example/',
  'https://spa.example%00/',
  'https://spa.example\u0000/',
  'https://spa.example\t/',
  'https://spa\t.example/',
  'https://spa.example\n.evil.example/',
  ' https://spa.example/',
  '\thttps://spa.example/',
  'https://spa.example /',
  'https://spa\u3002example/',
  'https://ſpa.example/',
  'https://ｓpa.example/',
  'https://spa.ex\u00adample/',
  'https://spa.example\uff0f',
  'https://spa.example\u2215@evil.example/',
  'https://spa.example//evil.example',
  'https://spa.example/.//evil.example',
  'https://spa.example/%2fevil.example',
  'https://spa.example/%5cevil.example',
  'https://spa.example/a\r\nSet-Cookie: x=y',
  'https://spa.example/connect/authorize',
  'https://spa.example/Connect/%61uthorize/?x',
  `https://spa.example/${'a'.repeat(2048)}`,
  'http://localhost:51733/',
  'http://localhost:5173@evil.example/',
  'http://localhost/',
  'blob:https://spa.example/x',
  'javascript://spa.example/%0aalert(1)',
])('%j is not one of the allowed origins', (value) => {
  expect(safeReturnTo(value, rules)).toBeUndefined();
});

test.each([
  ['https://spa.example', 'https://spa.example/'],
  ['https://spa.example/', 'https://spa.example/'],
  ['https://spa.example/café', 'https://spa.example/caf%C3%A9'],
  ['https://spa.example/../a', 'https://spa.example/a'],
  ['https://spa.example/@evil.example', 'https://spa.example/@evil.example'],
  ['http://localhost:5173/#/route', 'http://localhost:5173/#/route'],
])('%s lands on %s, also when it is read again', (value, landing) => {
  expect(safeReturnTo(value, rules)).toBe(landing);
  expect(safeReturnTo(landing, rules)).toBe(landing);
});

test('of two allowed origins that begin alike, the one that is meant counts', () => {
  const alike = { ...rules, allowedOrigins: ['http://localhost', DEV, `${SPA}.tld`, SPA] };
  for (const landing of ['http://localhost/a', `${DEV}/a`, `${SPA}/a`, `${SPA}.tld/a`]) {
    expect(safeReturnTo(landing, alike)).toBe(landing);
  }
});
