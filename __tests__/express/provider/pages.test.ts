import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser } from '../../support/app';
import { connectedWorld, givenRotation, refreshingApp } from '../../support/refreshing';

/** What gateways, firewalls and portals put in the place of an answer says nothing about an account. */

let sandbox: Sandbox;
givenRotation((given) => {
  sandbox = given;
  sandbox.set({ errorShape: 'html' });
});

const JSON_ONLY = { accept: 'application/json' };
const NO_ANSWER = { status: 502, code: 'ERR_CONNECT_RESPONSE', reason: 'html' };

function told({ status, body }: { readonly status: number; readonly body: string }): object {
  const { code, reason } = JSON.parse(body) as Record<string, unknown>;
  return { status, code, reason };
}

test.each([400, 401, 403])('a page with %i in the place of a token is 502', async (status) => {
  const { app, visitor } = await refreshingApp(sandbox);
  sandbox.force(status, { on: 'exchange' });
  expect(told(await visitor.visit(await beginSignIn(app, sandbox, visitor), JSON_ONLY))).toEqual(NO_ANSWER);
});

test.each([400, 401, 403])('a page with %i in the place of a new token ends no connection', async (status) => {
  const world = await connectedWorld(sandbox);
  await world.expireIn(-1);
  sandbox.force(status, { on: 'refresh' });
  expect((await world.fresh()).status).toBe(503);
  expect((await world.stored()).type).toBe('bearer');
});

test.each([401, 403])('a page with %i from the API is 502, and costs no refresh', async (status) => {
  const world = await connectedWorld(sandbox, {
    routes: (app, connect) => {
      app.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get<unknown>('/me')
          .then(({ data }) => void res.json(data), next);
      });
    },
  });
  sandbox.force(status, { on: 'api' });
  expect(told(await world.visitor.visit(`${world.app.url}/me`, JSON_ONLY))).toEqual(NO_ANSWER);
  expect({ refreshCalls: sandbox.calls.refresh, apiCalls: sandbox.calls.api }).toEqual({
    refreshCalls: 0,
    apiCalls: 1,
  });
});

test('a page that limits the rate, or says that something is down or not there, still says so', async () => {
  for (const [status, expected] of [
    [429, { status: 503, code: 'ERR_CONNECT_RATE_LIMITED' }],
    [503, { status: 503, code: 'ERR_CONNECT_UNAVAILABLE' }],
  ] as const) {
    const { app } = await refreshingApp(sandbox);
    const visitor = browser();
    sandbox.force(status, { on: 'exchange' });
    expect(told(await visitor.visit(await beginSignIn(app, sandbox, visitor), JSON_ONLY))).toMatchObject(expected);
  }
});
