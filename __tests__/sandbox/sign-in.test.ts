import type { Sandbox } from 'express-connect-auth/testing';
import { startSandbox } from 'express-connect-auth/testing';
import { exchange, signIn } from './client';

let sandbox: Sandbox;
beforeEach(async () => (sandbox = await startSandbox()));
afterEach(() => sandbox.close());

test('a person who allows gets a code, and the code gets the four documented fields', async () => {
  const { code, state } = await signIn(sandbox, { state: 'a state' });
  const { status, body } = await exchange(sandbox, { code });
  expect(state).toBe('a state');
  expect(status).toBe(200);
  expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_at', 'refresh_token', 'type']);
  expect(body.type).toBe('bearer');
  expect(Math.abs(Number(body.expires_at) - Date.now() / 1000 - 3600)).toBeLessThan(5);
});
