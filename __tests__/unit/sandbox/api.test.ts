import type { Sandbox } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { api, call, exchange, signIn } from '../../support/sandbox-client';

let sandbox: Sandbox;
let accessToken: string;
beforeAll(async () => {
  sandbox = await startSandbox();
  accessToken = String((await exchange(sandbox, { code: (await signIn(sandbox)).code })).body.access_token);
});

test.each<[string, unknown]>([
  ['/me', { id: 'sandbox-user-1', name: 'Sandbox User', email: 'user@sandbox.invalid' }],
  ['/user-connected-account/by-token?t=abc', expect.objectContaining({ accountId: 'sandbox-account-1' })],
  ['/user-connected-accounts?accountId=1', [expect.objectContaining({ accountId: 'sandbox-account-1' })]],
  ['/user-connected-accounts?appId=1', [expect.objectContaining({ accountId: 'sandbox-account-1' })]],
  ['/app/action/detail/7', { actionId: '7', name: 'An action of the sandbox' }],
])('GET %s answers in the documented envelope', async (path, data) => {
  const { status, body } = await api(sandbox, path, accessToken);
  expect([status, body]).toEqual([200, { success: true, data }]);
});

test.each([
  ['GET', '/user-connected-accounts', 400],
  ['GET', '/user-connected-account/by-token', 400],
  ['GET', '/app/action/detail/', 404],
  ['GET', '/elsewhere', 404],
  ['POST', '/me', 405],
])('%s %s is refused with %i', async (method, path, code) => {
  sandbox.set({ errorShape: 'flat' });
  const { status, body } = await api(sandbox, path, accessToken, method);
  expect([status, body]).toEqual([code, { code }]);
  sandbox.reset();
});

test.each([
  ['no token', undefined, 'Bearer'],
  ['a token that is none', 'nonsense', 'Bearer error="invalid_token"'],
])('%s is refused with 401', async (_, token, challenge) => {
  const { status, headers, body } = await api(sandbox, '/me', token);
  expect([status, body.error]).toEqual([401, 'invalid_token']);
  expect(headers['www-authenticate']).toBe(challenge);
});

test('paths are matched to the letter, and others are 404', async () => {
  sandbox.set({ errorShape: 'errorObject' });
  for (const path of ['/', '/oauth/authorize', '/v1/oauth2/token/', '/api/v2/integrations']) {
    const { status, body } = await call(`${sandbox.url}${path}`);
    expect([status, body]).toEqual([404, { error: { code: 404, message: 'Not found' } }]);
  }
  sandbox.reset();
});
