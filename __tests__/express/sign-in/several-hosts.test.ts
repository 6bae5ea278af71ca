import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { memoryLedger, type ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, startApp, type Answer, type Browser, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

// One app under several hosts: each visitor comes back to the host that they started from.

const SHOP = 'https://shop.example/connect/callback';
const CLUB = 'https://club.example/connect/callback';
const PORT_8443 = 'https://port.example:8443/connect/callback';
const SIXTH = 'http://[::1]:3000/connect/callback';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ redirectUris: [SHOP, CLUB, PORT_8443, SIXTH] });
});
beforeEach(() => sandbox.reset());

const redirectUri = [SHOP, CLUB, PORT_8443, SIXTH];

function start(options: Partial<ConnectAuthOptions> = {}, parts: TestAppParts = {}): Promise<TestApp> {
  return startApp(sandbox, { ...parts, options: { redirectUri, ...options } });
}

const from = (host: string, more: Record<string, string> = {}): Record<string, string> => ({
  accept: 'text/html',
  host,
  ...more,
});

const begin = (app: TestApp, visitor: Browser, headers: Record<string, string>): Promise<Answer> =>
  visitor.visit(`${app.url}/connect/authorize`, headers);
const sentTo = ({ location }: Answer): string | null => new URL(location).searchParams.get('redirect_uri');

/** Goes on where the provider sends the browser, to a host that has no address here. */
async function comeBack(app: TestApp, visitor: Browser, started: Answer): Promise<Answer> {
  const { pathname, search, host } = new URL(await sandbox.allow(started.location));
  return visitor.visit(`${app.url}${pathname}${search}`, from(host));
}

test.each([
  ['shop.example', SHOP],
  ['club.example', CLUB],
  ['CLUB.example', CLUB],
  ['port.example:8443', PORT_8443],
  ['port.example', PORT_8443],
  ['club.example:443', CLUB],
  ['[::1]:3000', SIXTH],
])('a sign-in from %s comes back there, and the exchange repeats the address', async (host, expected) => {
  const app = await start();
  const visitor = browser();
  const started = await begin(app, visitor, from(host));
  expect(sentTo(started)).toBe(expected);
  // The sandbox refuses a code whose exchange names another redirect URI.
  expect(await comeBack(app, visitor, started)).toMatchObject({ status: 302, location: '/' });
  expect((await visitor.visit(`${app.url}/token`)).body).toContain('access_token');
});

test.each([
  ['another site', 'evil.example'],
  ['a name that ends like one of ours', 'club.example.evil.example'],
  ['a user name', 'club.example@evil.example'],
  ['nonsense', '%%%'],
  ['a name of every object', '__proto__'],
  ['a path', 'evil.example/club.example'],
  ['nothing', ''],
])('a Host that is %s leads to the first', async (_what, host) => {
  const app = await start();
  const started = await begin(app, browser(), from(host));
  expect({ status: started.status, sentTo: sentTo(started) }).toEqual({ status: 302, sentTo: SHOP });
});

test.each([
  ['HTTP/1.0 without Host', 'GET /connect/authorize HTTP/1.0\r\nAccept: text/html\r\n\r\n', SHOP],
  [
    'an address with another host',
    'GET http://evil.example/connect/authorize HTTP/1.1\r\nHost: club.example\r\nConnection: close\r\n\r\n',
    CLUB,
  ],
  [
    'Host twice',
    'GET /connect/authorize HTTP/1.1\r\nHost: club.example\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    CLUB,
  ],
])('%s', async (_what, head, expected) => {
  const { url } = await start();
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(head);
  const location = /^location: (\S+)/imu.exec(await text(socket))?.[1] ?? '';
  expect(new URL(location).searchParams.get('redirect_uri')).toBe(expected);
});

test('X-Forwarded-Host counts where the app trusts its proxy only', async () => {
  const forwarded = from('inside', { 'x-forwarded-host': 'port.example:8443, shop.example' });
  const untrusting = await start();
  expect(sentTo(await begin(untrusting, browser(), forwarded))).toBe(SHOP);
  const trusting = await start({}, { before: [], routes: (app) => void app.set('trust proxy', true) });
  expect(sentTo(await begin(trusting, browser(), forwarded))).toBe(PORT_8443);
});

test.each([
  ['a host is put before the others', [SHOP, CLUB], [CLUB, SHOP]],
  ['a second host is put before the only one', [CLUB], [SHOP, CLUB]],
  ['the first host is taken off', [SHOP, CLUB], [CLUB]],
  ['the only one is put into a list', [CLUB], [CLUB]],
])('a deployment in which %s refuses no sign-in under way, nor does going back', async (_what, one, two) => {
  const { store } = await start();
  const ledger = memoryLedger();
  const before = await start({ ledger, redirectUri: one }, { store });
  const after = await start({ ledger, redirectUri: two }, { store });
  for (const [first, second] of [
    [before, after],
    [after, before],
  ] as const) {
    const visitor = browser();
    const started = await begin(first, visitor, from('club.example'));
    expect(sentTo(started)).toBe(CLUB);
    const { status, location } = await comeBack(second, visitor, started);
    expect({ status, location }).toEqual({ status: 302, location: '/' });
  }
});

test('what was started from another host is exchanged with its own address, also after the list has changed', async () => {
  const parts = { store: (await start()).store };
  const ledger = memoryLedger();
  const before = await start({ ledger, redirectUri: [SHOP, CLUB] }, parts);
  const after = await start({ ledger, redirectUri: [SHOP] }, parts);
  const visitor = browser();
  const started = await begin(before, visitor, from('club.example'));
  // A deployment has taken the host off the list meanwhile.
  expect(await comeBack(after, visitor, started)).toMatchObject({ status: 302, location: '/' });
});

test('several sign-ins of one session keep their own', async () => {
  const app = await start();
  const visitor = browser();
  const shop = await begin(app, visitor, from('shop.example'));
  const club = await begin(app, visitor, from('club.example'));
  expect(await comeBack(app, visitor, shop)).toMatchObject({ status: 302 });
  expect(await comeBack(app, visitor, club)).toMatchObject({ status: 302 });
});

test('with one address nothing more is kept in the session', async () => {
  const app = await start({ redirectUri: [CLUB] });
  await begin(app, browser(), from('club.example'));
  expect(JSON.stringify(await app.sessions())).not.toContain('club.example');
});

test('a cookie has to cover the host of this visitor', async () => {
  const app = await start({}, { session: { cookie: { domain: 'club.example' } } });
  expect((await begin(app, browser(), from('club.example'))).status).toBe(302);
  expect((await begin(app, browser(), from('shop.example'))).body).toContain('ERR_CONNECT_COOKIE');
});

test('disconnecting is for pages of the host that was asked', async () => {
  const app = await start();
  const disconnect = (host: string, origin: string): Promise<Answer> =>
    browser().visit(`${app.url}/connect/disconnect`, { host, origin }, 'POST');
  expect({
    own: (await disconnect('club.example', 'https://club.example')).status,
    ofTheOther: (await disconnect('club.example', 'https://shop.example')).status,
    first: (await disconnect('shop.example', 'https://shop.example')).status,
  }).toEqual({ own: 204, ofTheOther: 403, first: 204 });
});
