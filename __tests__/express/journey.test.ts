import type { Sandbox } from '../../src/testing';
import { browser, signIn, startApp, type TestApp } from '../support/app';
import { startSandbox } from '../support/sandbox';

let sandbox: Sandbox;
let app: TestApp;
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox);
});

test('a visitor connects, lands on returnTo with a new session id, and the session holds the token', async () => {
  const visitor = browser();
  const before = sandbox.calls.token;
  const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/welcome%3Fa=1`);
  const oldCookie = visitor.cookies.get('connect.sid');
  const answer = await visitor.visit(await sandbox.allow(started.location));
  expect([answer.status, answer.location]).toEqual([302, '/welcome?a=1']);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(answer.headers['referrer-policy']).toBe('no-referrer');
  expect(visitor.cookies.get('connect.sid')).not.toBe(oldCookie);
  expect(sandbox.calls.token).toBe(before + 1);
  const token = JSON.parse((await visitor.visit(`${app.url}/token`)).body) as Record<string, unknown>;
  expect(Object.keys(token).sort()).toEqual(['access_token', 'connection', 'expires_at', 'refresh_token', 'type']);
  expect(token['type']).toBe('bearer');
  const profile = await fetch(`${sandbox.apiBaseUrl}/me`, {
    headers: { authorization: `Bearer ${String(token['access_token'])}` },
  });
  expect(profile.status).toBe(200);
});

test('a replay in the connected session lands on the original page without a provider call', async () => {
  const visitor = browser();
  const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/first`);
  const callbackUrl = await sandbox.allow(started.location);
  await visitor.visit(callbackUrl);
  const before = sandbox.calls.token;
  const replay = await visitor.visit(callbackUrl);
  expect({ status: replay.status, location: replay.location, tokenCalls: sandbox.calls.token }).toEqual({
    status: 302,
    location: '/first',
    tokenCalls: before,
  });
  await signIn(app, sandbox, visitor);
  const stale = await visitor.visit(callbackUrl);
  expect({ status: stale.status, tokenCalls: sandbox.calls.token }).toEqual({ status: 403, tokenCalls: before + 1 });
});

test('eight identical callbacks at once are one exchange, and each ends in the connected session', async () => {
  const visitor = browser();
  const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/landed`);
  const callbackUrl = await sandbox.allow(started.location);
  const before = sandbox.calls.token;
  const tabs = Array.from({ length: 8 }, () => visitor.fork());
  const answers = await Promise.all(tabs.map((tab) => tab.visit(callbackUrl)));
  expect(answers.map((answer) => [answer.status, answer.location])).toEqual(Array(8).fill([302, '/landed']));
  expect(sandbox.calls.token).toBe(before + 1);
  expect(new Set(tabs.map((tab) => tab.cookies.get('connect.sid')!.split('.')[0])).size).toBe(1);
  const late = await visitor.visit(callbackUrl);
  expect({ status: late.status, location: late.location, tokenCalls: sandbox.calls.token }).toEqual({
    status: 302,
    location: '/landed',
    tokenCalls: before + 1,
  });
});

test('what onConnect writes into the session, and what the app had there, is in the new session', async () => {
  const own = await startApp(sandbox, {
    options: {
      onConnect(req) {
        Object.assign(req.session, { userId: 7, cart: ['kept', 'added'] });
        delete (req.session as unknown as Record<string, unknown>)['guest'];
      },
    },
    routes(users) {
      users.get('/shop', (req, res) => {
        Object.assign(req.session, { cart: ['kept'], guest: true, locale: 'en' });
        res.end();
      });
      users.get('/mine', (req, res) => {
        const { userId, cart, guest, locale } = req.session as unknown as Record<string, unknown>;
        res.json({ userId, cart, guest, locale });
      });
    },
  });

  const visitor = browser();
  await visitor.visit(`${own.url}/shop`);
  expect((await signIn(own, sandbox, visitor)).status).toBe(302);
  expect(JSON.parse((await visitor.visit(`${own.url}/mine`)).body)).toEqual({
    userId: 7,
    cart: ['kept', 'added'],
    locale: 'en',
  });
});
