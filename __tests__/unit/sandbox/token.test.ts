import { createHash } from 'node:crypto';
import type { Sandbox, SandboxSwitches } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import type { Reply } from '../../support/sandbox-client';
import {
  api,
  authorizationUrl,
  basic,
  call,
  exchange,
  REDIRECT_URI,
  refresh,
  signIn,
  tokenCall,
} from '../../support/sandbox-client';

let sandbox: Sandbox;
let nowMs: number;
beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  sandbox = await startSandbox({ now: () => nowMs });
});

const VERIFIER = 'v'.repeat(43);
const PKCE = {
  code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
  code_challenge_method: 'S256',
};

function expectOAuthError(reply: Reply, error: string, status = 400): void {
  expect([reply.status, reply.body.error]).toEqual([status, error]);
}

describe('a code', () => {
  test('works once; the second time it is refused and what it gave is revoked', async () => {
    const { code } = await signIn(sandbox);
    const first = await exchange(sandbox, { code });
    expect((await api(sandbox, '/me', String(first.body.access_token))).status).toBe(200);
    expectOAuthError(await exchange(sandbox, { code }), 'invalid_grant');
    expect((await api(sandbox, '/me', String(first.body.access_token))).status).toBe(401);
    expectOAuthError(await refresh(sandbox, String(first.body.refresh_token)), 'invalid_grant');
    expect(sandbox.presentations(code)).toBe(2);
  });

  test('that comes eight times at once gives tokens once', async () => {
    const { code } = await signIn(sandbox);
    const replies = await Promise.all(Array.from({ length: 8 }, () => exchange(sandbox, { code })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
  });

  test('works for 60 seconds', async () => {
    const inTime = await signIn(sandbox);
    const late = await signIn(sandbox);
    nowMs += 59_999;
    expect((await exchange(sandbox, { code: inTime.code })).status).toBe(200);
    nowMs += 1;
    expectOAuthError(await exchange(sandbox, { code: late.code }), 'invalid_grant');
  });

  test('is bound to its redirect address, and a wrong one spends it', async () => {
    const { code } = await signIn(sandbox);
    expectOAuthError(await exchange(sandbox, { code, redirect_uri: `${REDIRECT_URI}/` }), 'invalid_grant');
    expectOAuthError(await exchange(sandbox, { code }), 'invalid_grant');
  });

  test('is not spent by wrong credentials', async () => {
    const { code } = await signIn(sandbox);
    expectOAuthError(await exchange(sandbox, { code, client_secret: 'wrong' }), 'invalid_client', 401);
    expect((await exchange(sandbox, { code })).status).toBe(200);
  });

  test('that was never issued is refused', async () => {
    expectOAuthError(await exchange(sandbox, { code: '__proto__' }), 'invalid_grant');
  });

  test('of another sandbox is refused', async () => {
    const other = await startSandbox({ clientId: sandbox.connectOptions.clientId });
    expectOAuthError(await exchange(sandbox, { code: (await signIn(other)).code }), 'invalid_grant');
  });
});

describe('PKCE', () => {
  test('a code with a challenge needs its verifier', async () => {
    const { code } = await signIn(sandbox, PKCE);
    expect((await exchange(sandbox, { code, code_verifier: VERIFIER })).status).toBe(200);
  });

  test.each([
    ['no verifier', undefined, PKCE],
    ['another verifier', 'w'.repeat(43), PKCE],
    [
      'a verifier that is too short',
      'short',
      {
        code_challenge: createHash('sha256').update('short').digest('base64url'),
        code_challenge_method: 'S256',
      },
    ],
    ['a verifier although no challenge came', VERIFIER, {}],
  ])('enforced: %s is refused', async (_, verifier, parameters) => {
    const { code } = await signIn(sandbox, parameters);
    expectOAuthError(await exchange(sandbox, { code, code_verifier: verifier }), 'invalid_grant');
  });

  test('ignored: any verifier goes, and any challenge', async () => {
    sandbox.set({ pkce: 'ignored' });
    const { code } = await signIn(sandbox, { code_challenge: 'nonsense' });
    expect((await exchange(sandbox, { code, code_verifier: 'x' })).status).toBe(200);
  });

  test('refused: the challenge is sent back as an error, the verifier refused', async () => {
    sandbox.set({ pkce: 'refused' });
    expect(await sandbox.allow(authorizationUrl(sandbox, PKCE))).toBe(`${REDIRECT_URI}?error=invalid_request`);
    const { code } = await signIn(sandbox);
    expectOAuthError(await exchange(sandbox, { code, code_verifier: VERIFIER }), 'invalid_request');
    expect((await exchange(sandbox, { code })).status).toBe(200);
  });
});

describe('credentials', () => {
  const nobody = { client_id: undefined, client_secret: undefined };
  const places = {
    header: (box: Sandbox) => ({
      fields: { client_secret: undefined },
      headers: { Authorization: basic(box.connectOptions.clientId, box.connectOptions.clientSecret) },
    }),
    body: () => ({ fields: {}, headers: {} }),
    both: (box: Sandbox) => ({
      fields: {},
      headers: { Authorization: basic(box.connectOptions.clientId, box.connectOptions.clientSecret) },
    }),
    none: () => ({ fields: { client_secret: undefined }, headers: {} }),
  };

  test.each<[SandboxSwitches['credentials'], keyof typeof places, string]>([
    ['any', 'header', 'accepted'],
    ['any', 'body', 'accepted'],
    ['any', 'both', 'accepted'],
    ['any', 'none', 'invalid_client'],
    ['header', 'header', 'accepted'],
    ['header', 'body', 'invalid_client'],
    ['header', 'both', 'accepted'],
    ['body', 'header', 'invalid_client'],
    ['body', 'body', 'accepted'],
    ['body', 'both', 'accepted'],
    ['not-both', 'header', 'accepted'],
    ['not-both', 'body', 'accepted'],
    ['not-both', 'both', 'invalid_request'],
  ])('switch credentials "%s": in %s is %s', async (credentials, place, outcome) => {
    sandbox.set({ credentials });
    const { fields, headers } = places[place](sandbox);
    const { body } = await exchange(sandbox, { code: (await signIn(sandbox)).code, ...fields }, { headers });
    expect(body.error ?? 'accepted').toBe(outcome);
  });

  test.each([
    ['a wrong secret', basic('the-id', 'wrong')],
    ['a wrong id', basic('wrong', 'secret: ü%+')],
    ['a secret that was not form-encoded', `Basic ${Buffer.from('the-id:secret: ü%+').toString('base64')}`],
    ['another scheme', 'Bearer abc'],
    ['no colon', `Basic ${Buffer.from('the-id').toString('base64')}`],
    ['nothing in it', 'Basic'],
  ])('a header with %s is refused with 401 and its scheme', async (_, authorization) => {
    const strict = await startSandbox({ clientId: 'the-id', clientSecret: 'secret: ü%+' });
    const { code } = await signIn(strict);
    const refused = await exchange(strict, { code, ...nobody }, { headers: { Authorization: authorization } });
    expectOAuthError(refused, 'invalid_client', 401);
    expect(refused.headers['www-authenticate']).toBe('Basic realm="sandbox"');
    const right = { Authorization: basic('the-id', 'secret: ü%+') };
    expect((await exchange(strict, { code, ...nobody }, { headers: right })).status).toBe(200);
  });

  test('a right header beside another client_id in the body is refused', async () => {
    const { headers } = places.header(sandbox);
    const reply = await exchange(sandbox, { code: 'x', client_id: 'other', client_secret: undefined }, { headers });
    expectOAuthError(reply, 'invalid_client', 401);
  });

  test.each([
    ['none', { client_secret: undefined }, {}, 2032],
    ['wrong ones', { client_secret: 'wrong' }, {}, 2036],
    ['ones in two places', {}, { Authorization: 'Basic eDp5' }, 2038],
  ])('in the provider’s own numbers, %s are %#', async (_, fields, headers, apiCode) => {
    sandbox.set({ errorShape: 'flat', credentials: 'not-both' });
    expect((await exchange(sandbox, { code: 'x', ...fields }, { headers })).body).toEqual({ code: apiCode });
  });
});

describe('the request', () => {
  test.each<[SandboxSwitches['requestFormat'], 'json' | 'form', number]>([
    ['any', 'json', 200],
    ['any', 'form', 200],
    ['json', 'json', 200],
    ['json', 'form', 400],
    ['form', 'form', 200],
    ['form', 'json', 400],
  ])('switch requestFormat "%s": a %s body gets %i', async (requestFormat, format, status) => {
    sandbox.set({ requestFormat });
    expect((await exchange(sandbox, { code: (await signIn(sandbox)).code }, { format })).status).toBe(status);
  });

  test('of the wrong format is code 406 in the provider’s own numbers', async () => {
    sandbox.set({ requestFormat: 'json', errorShape: 'flat' });
    const reply = await exchange(sandbox, { code: 'x' }, { format: 'form' });
    expect([reply.status, reply.body]).toEqual([406, { code: 406 }]);
  });

  test.each([
    ['broken JSON', 'application/json', '{"grant_type":'],
    ['a JSON array', 'application/json', '[]'],
    ['JSON null', 'application/json', 'null'],
    ['a number in JSON', 'application/json', '{"grant_type":"refresh_token","refresh_token":5}'],
    ['a repeated form field', 'application/x-www-form-urlencoded', 'grant_type=refresh_token&grant_type=refresh_token'],
    ['another media type', 'text/plain', '{}'],
    ['no media type', undefined, '{}'],
    ['over 64 KiB', 'application/json', '{"grant_type":"refresh_token","refresh_token":"x"}' + ' '.repeat(65_536)],
  ])('with %s is refused and counts as no grant', async (_, type, body) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
    const reply = await call(sandbox.connectOptions.tokenUrl, { method: 'POST', headers, body });
    expectOAuthError(reply, 'invalid_request');
    expect(sandbox.calls).toMatchObject({ token: 1, exchange: 0, refresh: 0 });
  });

  test('with a charset after its media type is read', async () => {
    const headers = { 'Content-Type': 'Application/JSON; charset=utf-8' };
    expect((await exchange(sandbox, { code: (await signIn(sandbox)).code }, { headers })).status).toBe(200);
  });

  test.each([
    ['no grant_type', {}, 'invalid_request'],
    ['another grant_type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no code', { grant_type: 'authorization_code', redirect_uri: REDIRECT_URI }, 'invalid_request'],
    ['no redirect_uri', { grant_type: 'authorization_code', code: 'x' }, 'invalid_request'],
    ['no refresh_token', { grant_type: 'refresh_token' }, 'invalid_request'],
  ])('with %s is refused', async (_, fields, error) => {
    expectOAuthError(await tokenCall(sandbox, fields), error);
  });

  test('of another method is refused, and counts for nothing', async () => {
    const reply = await call(sandbox.connectOptions.tokenUrl);
    expect([reply.status, reply.headers.allow]).toEqual([400, 'POST']);
    expect(sandbox.calls.token).toBe(0);
  });
});

test.each([
  ['absent', {}, { code: 2032, message: 'API Key is required' }],
  ['wrong', { ACCESSTOKEN: 'other' }, { code: 2036, message: 'Invalid API Key' }],
  ['right', { ACCESSTOKEN: 'the key' }, undefined],
])('switch accessTokenKey: a header ACCESSTOKEN that is %s', async (_, headers, error) => {
  sandbox.set({ accessTokenKey: { required: 'the key' } });
  const { code } = await signIn(sandbox);
  expect((await exchange(sandbox, { code }, { headers })).body.error).toEqual(error);
});

test('switch accessTokenKey: "ignored" again asks for no key any more', async () => {
  sandbox.set({ accessTokenKey: { required: 'the key' } });
  const { code } = await signIn(sandbox);
  sandbox.set({ accessTokenKey: 'ignored' });
  expect((await exchange(sandbox, { code })).body.type).toBe('bearer');
});

test('the refusal of a developer key keeps to the error shape where that has numbers', async () => {
  sandbox.set({ accessTokenKey: { required: 'the key' }, errorShape: 'flat' });
  expect((await exchange(sandbox, { code: 'x' })).body).toEqual({ code: 2032 });
});

test.each<[SandboxSwitches['expiresAt'], unknown]>([
  ['seconds', 1_800_000_100],
  ['milliseconds', 1_800_000_100_000],
  ['string', '1800000100'],
  ['iso', '2027-01-15T08:01:40.000Z'],
  ['missing', undefined],
  ['past', 1_642_507_278],
])('switch expiresAt "%s" sends %p for a token of 100 seconds, which works as long', async (expiresAt, expected) => {
  sandbox.set({ expiresAt, lifetimeSeconds: 100 });
  const { body } = await exchange(sandbox, { code: (await signIn(sandbox)).code });
  expect(body.expires_at).toBe(expected);
  nowMs += 99_999;
  expect((await api(sandbox, '/me', String(body.access_token))).status).toBe(200);
  nowMs += 1;
  expect((await api(sandbox, '/me', String(body.access_token))).status).toBe(401);
});

test('switch envelope "data" wraps the answer, and only that', async () => {
  sandbox.set({ envelope: 'data' });
  const { body } = await exchange(sandbox, { code: (await signIn(sandbox)).code });
  expect(Object.keys(body)).toEqual(['success', 'data']);
  expect(body.success).toBe(true);
  expect(Object.keys(body.data as object).sort()).toEqual(['access_token', 'expires_at', 'refresh_token', 'type']);
});

test('token answers are never cached', async () => {
  const { headers } = await exchange(sandbox, { code: (await signIn(sandbox)).code });
  expect([headers['cache-control'], headers.pragma]).toEqual(['no-store', 'no-cache']);
});
