const { afterAll, beforeAll, beforeEach, expect, test } = require('@jest/globals');
const request = require('supertest');
const { startSandbox } = require('express-connect-auth/testing');
const { createApp } = require('./app');

process.env.SESSION_SECRET = 'only for tests';

let sandbox;
let app;

beforeAll(async () => {
  sandbox = await startSandbox();
  ({ app } = createApp({ ...sandbox.connectOptions, redirectUri: 'http://localhost/connect/callback' }));
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

/** Opens a page as a browser does, clicks `allow` or `decline`, and comes back. */
async function visit(browser, path, click) {
  const guarded = await browser.get(path).set('Accept', 'text/html');
  const started = await browser.get(guarded.headers.location);
  const { pathname, search } = new URL(await sandbox[click](started.headers.location));
  return browser.get(pathname + search);
}

test('a visitor who allows comes back to the page and sees their name', async () => {
  const browser = request.agent(app);
  expect((await visit(browser, '/profile', 'allow')).headers.location).toBe('/profile');
  expect((await browser.get('/profile')).body).toEqual({ name: 'Sandbox User' });
});

test('a visitor who declines gets 403', async () => {
  const browser = request.agent(app);
  expect((await visit(browser, '/profile', 'decline')).status).toBe(403);
});

test('a script without a connected account gets 401 with the way to connect', async () => {
  const answer = await request(app).get('/profile');
  expect(answer.status).toBe(401);
  expect(JSON.parse(answer.text).loginUrl).toBe('/connect/authorize');
});

test('a token that the API refuses is refreshed, and nobody notices', async () => {
  const browser = request.agent(app);
  await visit(browser, '/profile', 'allow');
  sandbox.expireAccessTokens();
  expect((await browser.get('/profile')).body).toEqual({ name: 'Sandbox User' });
  expect(sandbox.calls.refresh).toBe(1);
});

test('the maintenance of the provider is a 503 that says when to come back', async () => {
  const browser = request.agent(app);
  await visit(browser, '/profile', 'allow');
  sandbox.force(503, { on: 'api', retryAfter: '120' });
  const answer = await browser.get('/profile');
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '120']);
});
