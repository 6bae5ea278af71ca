import type { Sandbox, SandboxSwitches } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { authorizationUrl, call, exchange, REDIRECT_URI, signIn } from '../../support/sandbox-client';

let sandbox: Sandbox;
beforeEach(async () => (sandbox = await startSandbox()));

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

test('a person who allows gets a code, and the code gets the four documented fields', async () => {
  const { code, url } = await signIn(sandbox, { state: 'a state/+&' });
  const { status, body } = await exchange(sandbox, { code });
  expect(url).toBe(`${REDIRECT_URI}?code=${code}&state=a+state%2F%2B%26`);
  expect(status).toBe(200);
  expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_at', 'refresh_token', 'type']);
  expect(body.type).toBe('bearer');
  expect(Math.abs(Number(body.expires_at) - Date.now() / 1000 - 3600)).toBeLessThan(5);
});

test('the tokens are HS256 JSON Web Tokens', async () => {
  const { body } = await exchange(sandbox, { code: (await signIn(sandbox)).code });
  for (const token of [body.access_token, body.refresh_token] as string[]) {
    const [header, claims] = token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(claims?.scope).toBe('*');
  }
});

test('it listens on 127.0.0.1 and knows a client of its own', async () => {
  const other = await startSandbox();
  expect(sandbox.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(sandbox.connectOptions.authorizeUrl).toBe(`${sandbox.url}/oAuth/authorize`);
  expect(sandbox.connectOptions.tokenUrl).toBe(`${sandbox.url}/v1/oauth2/token`);
  expect(sandbox.connectOptions.apiBaseUrl).toBe(`${sandbox.url}/api/v2/integrations`);
  expect(sandbox.apiBaseUrl).toBe(`${sandbox.url}/api/v2/integrations`);
  expect(other.connectOptions.clientId).not.toBe(sandbox.connectOptions.clientId);
  expect(other.connectOptions.clientSecret).not.toBe(sandbox.connectOptions.clientSecret);
});

test.each<[SandboxSwitches['state'], string | null]>([
  ['echo', 'xyzzA'],
  ['drop', null],
  ['alter', 'xyzzB'],
])('switch state "%s" brings back %p, with a code and with an error', async (state, expected) => {
  sandbox.set({ state });
  expect((await signIn(sandbox, { state: 'xyzzA' })).state).toBe(expected);
  const declined = new URL(await sandbox.decline(authorizationUrl(sandbox, { state: 'xyzzA' })));
  expect(declined.searchParams.get('state')).toBe(expected);
  const refused = new URL(await sandbox.allow(authorizationUrl(sandbox, { state: 'xyzzA', response_type: 'token' })));
  expect(refused.searchParams.get('state')).toBe(expected);
});

test('an altered state differs whatever it ends with', async () => {
  sandbox.set({ state: 'alter' });
  expect((await signIn(sandbox, { state: 'xyzzB' })).state).toBe('xyzzA');
});

test('declining sends access_denied', async () => {
  expect(await sandbox.decline(authorizationUrl(sandbox, { state: 's' }))).toBe(
    `${REDIRECT_URI}?error=access_denied&state=s`,
  );
});

test('switch refusal "bare" sends a person who declines back without any parameter', async () => {
  sandbox.set({ refusal: 'bare' });
  expect(await sandbox.decline(authorizationUrl(sandbox, { state: 's' }))).toBe(REDIRECT_URI);
});

test('a query of the redirect address is kept as it is', async () => {
  const redirectUri = `${REDIRECT_URI}?tenant=a%2fb`;
  expect(await sandbox.allow(authorizationUrl(sandbox, { redirect_uri: redirectUri }))).toMatch(
    /^http:\/\/localhost:3000\/connect\/callback\?tenant=a%2fb&code=[\w-]{32}$/,
  );
});

describe('a request that does not say safely whom to answer', () => {
  test.each([
    ['has no client_id', { client_id: undefined }],
    ['has another client_id', { client_id: 'someone-else' }],
    ['has no redirect_uri', { redirect_uri: undefined }],
    ['has a relative redirect_uri', { redirect_uri: '/connect/callback' }],
    ['has a redirect_uri elsewhere', { redirect_uri: 'https://app.example.com/connect/callback' }],
    ['has a redirect_uri that only looks local', { redirect_uri: 'http://127.0.0.1.example.com/' }],
    ['has a redirect_uri whose name only ends like localhost', { redirect_uri: 'http://notlocalhost/' }],
    ['has a redirect_uri with a user name', { redirect_uri: 'http://me@localhost/' }],
    ['has a redirect_uri with a fragment', { redirect_uri: `${REDIRECT_URI}#x` }],
    ['has a redirect_uri with a control character', { redirect_uri: `${REDIRECT_URI}\r\nX: y` }],
    ['has a redirect_uri of another scheme', { redirect_uri: 'ftp://localhost/' }],
  ])('%s: a page instead of a redirect', async (_, parameters) => {
    const { status, headers, text } = await call(authorizationUrl(sandbox, parameters));
    expect(status).toBe(400);
    expect(headers.location).toBeUndefined();
    expect(text).toContain('This request cannot be answered');
    await expect(sandbox.allow(authorizationUrl(sandbox, parameters))).rejects.toThrow(
      /The sandbox answered 400: The /,
    );
  });

  test.each(['client_id', 'redirect_uri'])('has %s twice: a page instead of a redirect', async (name) => {
    const url = new URL(authorizationUrl(sandbox));
    url.searchParams.append(name, url.searchParams.get(name) ?? '');
    expect((await call(url.href)).status).toBe(400);
  });
});

test('with registered redirect addresses only these are accepted, character by character', async () => {
  const registered = 'https://app.example.com/connect/callback';
  const strict = await startSandbox({ redirectUris: [registered] });
  expect(await strict.allow(authorizationUrl(strict, { redirect_uri: registered }))).toMatch(
    /^https:\/\/app\.example\.com\/connect/,
  );
  for (const other of [REDIRECT_URI, `${registered}/`, registered.toUpperCase()]) {
    expect((await call(authorizationUrl(strict, { redirect_uri: other }))).status).toBe(400);
  }
});

test.each([
  'http://localhost/',
  'http://app.localhost:3000/',
  'http://127.9.8.7:1/',
  'http://[::1]:8080/cb',
  'https://localhost:3443/cb',
])('without registered redirect addresses %s on loopback is accepted', async (redirectUri) => {
  expect((await call(authorizationUrl(sandbox, { redirect_uri: redirectUri }))).status).toBe(200);
});

test.each([
  ['without response_type', { response_type: undefined }, 'invalid_request'],
  ['with another response_type', { response_type: 'token' }, 'unsupported_response_type'],
  ['without scope', { scope: undefined }, 'invalid_scope'],
  ['with a scope that is none', { scope: 'a  b' }, 'invalid_scope'],
  [
    'with a challenge of another method',
    { code_challenge: CHALLENGE, code_challenge_method: 'plain' },
    'invalid_request',
  ],
  ['with a challenge without method', { code_challenge: CHALLENGE }, 'invalid_request'],
  ['with a challenge that is none', { code_challenge: 'short', code_challenge_method: 'S256' }, 'invalid_request'],
  ['with a method without challenge', { code_challenge_method: 'S256' }, 'invalid_request'],
])('a request %s is sent back with its state and %s', async (_, parameters, error) => {
  const { status, headers } = await call(authorizationUrl(sandbox, { ...parameters, state: 's' }));
  expect(status).toBe(303);
  expect(headers.location).toBe(`${REDIRECT_URI}?error=${error}&state=s`);
});

test('a request with a repeated parameter is sent back without guessing at its state', async () => {
  const { headers } = await call(`${authorizationUrl(sandbox, { state: 's' })}&state=t`);
  expect(headers.location).toBe(`${REDIRECT_URI}?error=invalid_request`);
});

test('unknown parameters are ignored', async () => {
  expect((await call(authorizationUrl(sandbox, { prompt: 'none' }))).status).toBe(200);
});

describe('the consent page', () => {
  test('says Sandbox and shows app, scope and where it returns to, escaped', async () => {
    const { text } = await call(authorizationUrl(sandbox, { scope: "<b>&'read" }));
    expect(text).toContain('>Sandbox</p>');
    expect(text).toContain(`<dd>${sandbox.connectOptions.clientId}</dd>`);
    expect(text).toContain('<dd>&#60;b&#62;&#38;&#39;read</dd>');
    expect(text).toContain('<dd>localhost:3000</dd>');
    expect((await call(authorizationUrl(sandbox))).text).toContain('<dd>Everything (*)</dd>');
  });

  test('loads nothing, runs nothing, and lets its form lead anywhere', async () => {
    const { headers, text } = await call(authorizationUrl(sandbox));
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(headers['cache-control']).toBe('no-store');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(text).not.toMatch(/<script|src=|href=|url\(/);
  });

  test('gives the same answer to a second click, so that a double click works', async () => {
    const { text } = await call(authorizationUrl(sandbox, { state: 's' }));
    const consent = /name="consent" value="([^"]+)"/.exec(text)?.[1] ?? '';
    const click = (decision: string): ReturnType<typeof call> =>
      call(sandbox.connectOptions.authorizeUrl, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ consent, decision }).toString(),
      });
    const clicks = await Promise.all([click('allow'), click('allow'), click('decline')]);
    expect(clicks.map(({ status }) => status)).toEqual([303, 303, 303]);
    expect(new Set(clicks.map(({ headers }) => headers.location)).size).toBe(1);
    expect(clicks[0].headers.location).toContain('code=');
    expect(sandbox.calls.consent).toBe(3);
    expect((await click('perhaps')).status).toBe(400);
  });

  test('gives a code of its own to each visit', async () => {
    expect((await signIn(sandbox)).code).not.toBe((await signIn(sandbox)).code);
  });

  test.each([
    ['belongs to no page', 'consent=unknown&decision=allow'],
    ['is empty', ''],
  ])('does not accept a decision that %s', async (_, body) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const { status, text } = await call(sandbox.connectOptions.authorizeUrl, { method: 'POST', headers, body });
    expect(status).toBe(400);
    expect(text).toContain('belongs to no open request');
  });

  test('is forgotten once a thousand newer ones were opened', async () => {
    const { text } = await call(authorizationUrl(sandbox));
    const consent = /name="consent" value="([^"]+)"/.exec(text)?.[1] ?? '';
    const decide = (): ReturnType<typeof call> =>
      call(sandbox.connectOptions.authorizeUrl, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ consent, decision: 'allow' }),
      });
    for (let batch = 0; batch < 9; batch += 1) {
      await Promise.all(Array.from({ length: 111 }, () => call(authorizationUrl(sandbox))));
    }
    expect((await decide()).status).toBe(303);
    await call(authorizationUrl(sandbox));
    expect((await decide()).status).toBe(400);
  });
});

test('the authorization endpoint answers GET and POST only', async () => {
  const { status, headers } = await call(sandbox.connectOptions.authorizeUrl, { method: 'DELETE' });
  expect(status).toBe(400);
  expect(headers.allow).toBe('GET, POST');
});

test.each(['http://127.0.0.1:1/oAuth/authorize', 'https://connectcloud.appypie.com/oAuth/authorize'])(
  'allow() opens no address of another host: %s',
  async (url) => {
    await expect(sandbox.allow(url)).rejects.toThrow('not an authorization URL of this sandbox');
  },
);

test('allow() opens no other page of the sandbox', async () => {
  await expect(sandbox.decline(`${sandbox.url}/oauth/authorize`)).rejects.toThrow(
    'not an authorization URL of this sandbox',
  );
});
