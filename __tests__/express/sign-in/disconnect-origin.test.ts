import { IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { ConnectEvent } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { clearSessions, tokensIn } from '../../support/stored';
import { some } from '../../support/told';

let sandbox: Sandbox;
let app: TestApp;
let visitor: Browser;
const events: ConnectEvent[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox, { options: { onEvent: (event) => events.push(event) } });
});
beforeEach(async () => {
  await clearSessions(app);
  visitor = browser();
  await signIn(app, sandbox, visitor);
  events.length = 0;
});

const disconnect = (headers: OutgoingHttpHeaders, method = 'POST'): Promise<Answer> =>
  visitor.visit(`${app.url}/connect/disconnect`, headers, method);

type Signs = Readonly<Record<string, string | string[]>>;

/** `OWN` stands for the origin of redirectUri, `HOST` for its host with the port. */
function filled(headers: Signs): OutgoingHttpHeaders {
  const fill = (text: string): string => text.replaceAll('OWN', app.url).replaceAll('HOST', new URL(app.url).host);
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(fill) : fill(value)]),
  );
}

const site = 'sec-fetch-site';

const ACCEPTED: readonly [string, Signs][] = [
  ['Sec-Fetch-Site same-origin alone', { [site]: 'same-origin' }],
  ['Sec-Fetch-Site same-origin with Origin null, as under no-referrer', { [site]: 'same-origin', origin: 'null' }],
  // No page can set it, and a proxy may have rewritten the others.
  [
    'Sec-Fetch-Site same-origin with an Origin under another address of this site',
    { [site]: 'same-origin', origin: 'http://localhost:1' },
  ],
  ['Sec-Fetch-Site same-origin with such a Referer', { [site]: 'same-origin', referer: 'http://localhost:1/' }],
  ['all three signs', { [site]: 'same-origin', origin: 'OWN', referer: 'OWN/page?x=1' }],
  ['our Origin alone', { origin: 'OWN' }],
  ['our Origin, and a Host header that a proxy has rewritten', { origin: 'OWN', host: 'internal.example:8080' }],
  ['our Referer alone', { referer: 'OWN/page?x=https://evil.example/' }],
  ['our Referer without a path', { referer: 'OWN' }],
  ['Origin null and our Referer', { origin: 'null', referer: 'OWN/' }],
  ['an empty Origin and our Referer', { origin: '', referer: 'OWN/' }],
];

test.each(ACCEPTED)('%s is a page of this site', async (_words, headers) => {
  const answer = await disconnect(filled(headers));
  expect({ status: answer.status, body: answer.body, storedTokens: await tokensIn(app) }).toEqual({
    status: 204,
    body: '',
    storedTokens: 0,
  });
});

const FOREIGN: readonly [string, Signs][] = [
  ['Sec-Fetch-Site cross-site', { [site]: 'cross-site' }],
  ['Sec-Fetch-Site same-site', { [site]: 'same-site' }],
  ['Sec-Fetch-Site none', { [site]: 'none' }],
  ['Sec-Fetch-Site of another case', { [site]: 'Same-Origin' }],
  ['an empty Sec-Fetch-Site', { [site]: '' }],
  ['Sec-Fetch-Site cross-site with our Origin', { [site]: 'cross-site', origin: 'OWN' }],
  ['Sec-Fetch-Site same-site with our Origin and Referer', { [site]: 'same-site', origin: 'OWN', referer: 'OWN/' }],
  ['Sec-Fetch-Site twice', { [site]: ['same-origin', 'cross-site'] }],
  ['Sec-Fetch-Site twice, the foreign one first', { [site]: ['cross-site', 'same-origin'] }],
  ['Sec-Fetch-Site as a joined list', { [site]: 'same-origin, same-origin' }],
  ['a foreign Origin', { origin: 'https://evil.example' }],
  ['a foreign Origin that equals the Host header', { origin: 'http://evil.example', host: 'evil.example' }],
  ['a foreign Origin with our Referer', { origin: 'https://evil.example', referer: 'OWN/' }],
  ['our Origin with a foreign Referer', { origin: 'OWN', referer: 'https://evil.example/OWN/' }],
  ['the Origin of another port', { origin: 'http://127.0.0.1:1' }],
  ['the Origin without our port', { origin: 'http://127.0.0.1' }],
  ['the Origin of another scheme', { origin: 'https://HOST' }],
  ['the Origin of a subdomain', { origin: 'http://www.HOST' }],
  ['the Origin of another name of this machine', { origin: 'http://localhost' }],
  ['an Origin that begins like ours', { origin: 'OWN.evil.example' }],
  ['an Origin that ends like ours', { origin: 'http://evilHOST' }],
  ['our host with a trailing dot', { origin: 'OWN.' }],
  ['our Origin with a slash', { origin: 'OWN/' }],
  ['our Origin in another case', { origin: 'HTTP://HOST' }],
  ['our Origin as user name', { origin: 'http://HOST@evil.example' }],
  ['our Origin with a user name', { origin: 'http://user@HOST' }],
  ['Origin twice, ours first', { origin: ['OWN', 'https://evil.example'] }],
  ['Origin twice, ours last', { origin: ['https://evil.example', 'OWN'] }],
  ['two Origins in one header', { origin: 'OWN, https://evil.example' }],
  ['a foreign Referer', { referer: 'https://evil.example/OWN/' }],
  ['a Referer with our origin as user name', { referer: 'OWN@evil.example/' }],
  ['a Referer with our host as user name and a slash', { referer: 'http://HOST%2f@evil.example/' }],
  ['a Referer with a backslash after our origin', { referer: 'OWN\\@evil.example/' }],
  ['a Referer that begins like ours', { referer: 'OWN.evil.example/' }],
  ['a Referer of another scheme', { referer: 'https://HOST/' }],
  ['a Referer inside of ours', { referer: 'blob:OWN/1' }],
  ['a Referer that is no URL', { referer: '/page' }],
  ['Referer twice, ours first', { referer: ['OWN/', 'https://evil.example/'] }],
  ['Referer twice, ours last', { referer: ['https://evil.example/', 'OWN/'] }],
];

const MISSING: readonly [string, Signs][] = [
  ['no sign at all', {}],
  ['Origin null alone', { origin: 'null' }],
  ['an empty Origin and an empty Referer', { origin: '', referer: '' }],
  ['a Host header alone', { host: 'HOST' }],
  ['X-Requested-With alone', { 'x-requested-with': 'XMLHttpRequest' }],
  ['a forwarded host', { 'x-forwarded-host': 'HOST', origin: 'null' }],
];

test.each([
  ...FOREIGN.map(([words, headers]) => [words, headers, 'foreign'] as const),
  ...MISSING.map(([words, headers]) => [words, headers, 'missing'] as const),
])('%s is refused, and the connection stays', async (_words, headers, reason) => {
  const answer = await disconnect(filled(headers));
  const { code, reason: told, loginUrl } = JSON.parse(answer.body) as Record<string, unknown>;
  expect({ status: answer.status, code, told, loginUrl }).toEqual({
    status: 403,
    code: 'ERR_CONNECT_ORIGIN',
    told: reason,
    loginUrl: undefined,
  });
  expect([answer.headers['cache-control'], answer.headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
  expect({ setCookie: answer.headers['set-cookie'], storedTokens: await tokensIn(app) }).toEqual({
    setCookie: undefined,
    storedTokens: 1,
  });
  expect(events).toEqual([
    {
      type: 'error',
      time: expect.any(Number) as number,
      stage: 'disconnect',
      code: 'ERR_CONNECT_ORIGIN',
      status: 403,
      reason,
      message: some.message,
      reference: some.reference,
    },
  ]);
  expect(JSON.stringify([answer.body, events])).not.toMatch(/evil/u);
});

test('a visitor without any session is asked where they come from too', async () => {
  visitor = browser();
  expect((await disconnect({})).status).toBe(403);
  expect((await disconnect(filled({ origin: 'OWN' }))).status).toBe(204);
});

describe('of the methods', () => {
  const own = { [site]: 'same-origin' };

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s is 405 and ends nothing', async (method) => {
    const answer = await disconnect(own, method);
    expect({ status: answer.status, allow: answer.headers['allow'], storedTokens: await tokensIn(app) }).toEqual({
      status: 405,
      allow: 'POST',
      storedTokens: 1,
    });
    if (method !== 'HEAD') expect(JSON.parse(answer.body)).toMatchObject({ code: 'ERR_CONNECT_METHOD' });
  });

  test('OPTIONS names POST and ends nothing', async () => {
    const answer = await disconnect(
      { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      'OPTIONS',
    );
    expect({ status: answer.status, allow: answer.headers['allow'], storedTokens: await tokensIn(app) }).toEqual({
      status: 204,
      allow: 'POST',
      storedTokens: 1,
    });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('below an adapter that knows no raw headers the plain ones count', async () => {
  const own = await startApp(sandbox, {
    before: [
      (req, _res, next) => {
        Object.assign(req, { rawHeaders: undefined });
        next();
      },
    ],
  });

  const ask = (origin: string): Promise<Answer> => browser().visit(`${own.url}/connect/disconnect`, { origin }, 'POST');
  expect([(await ask(own.url)).status, (await ask('https://evil.example')).status]).toEqual([204, 403]);
});

test('a dump that has read headersDistinct of the prototype blinds it to no repeated header', async () => {
  const { prototype } = IncomingMessage;
  const before = new Set(Object.getOwnPropertySymbols(prototype));
  Reflect.get(prototype, 'headersDistinct');
  try {
    const answer = await disconnect(filled({ referer: ['OWN/', 'https://evil.example/'] }));
    expect({ status: answer.status, storedTokens: await tokensIn(app) }).toEqual({ status: 403, storedTokens: 1 });
  } finally {
    for (const symbol of Object.getOwnPropertySymbols(prototype))
      if (!before.has(symbol)) Reflect.deleteProperty(prototype, symbol);
  }
});
