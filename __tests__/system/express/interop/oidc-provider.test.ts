import type { ConnectAuthOptions, ConnectToken } from '../../../../src';
import { browser, startApp, type Answer, type Browser, type TestApp } from '../../../support/app';
import { person, startForeignProvider, type ForeignProvider } from '../../../support/foreign-provider';
import { startSandbox } from '../../../support/sandbox';

// Characters that a server reads as something else unless both are form-encoded (RFC 6749 §2.3.1).
const clientId = 'interop client:100%+1';
const clientSecret = 'se%cr+et: /?&="7%41';

let provider: ForeignProvider;
let apps: Record<'standard' | 'wrongSecret' | 'withoutPkce' | 'json', TestApp>;

beforeAll(async () => {
  provider = await startForeignProvider();
  apps = {
    standard: await appWith({}),
    wrongSecret: await appWith({ clientSecret: `${clientSecret}x` }),
    withoutPkce: await appWith({ pkce: false }),
    json: await appWith({ requestFormat: 'json' }),
  };
  const redirectUris = Object.values(apps).map((app) => `${app.url}/connect/callback`);
  await provider.register({ clientId, clientSecret, redirectUris });
});

async function appWith(options: Partial<ConnectAuthOptions>): Promise<TestApp> {
  // Only its shape is needed: each of its options is replaced.
  const unused = await startSandbox();
  return startApp(unused, {
    options: {
      clientId,
      clientSecret,
      authorizeUrl: provider.authorizeUrl,
      tokenUrl: provider.tokenUrl,
      requestFormat: 'form',
      clientAuthentication: 'header',
      pkce: true,
      scope: ['openid', 'offline_access'],
      // OpenID Connect Core §11: offline access needs the consent page.
      authorizeParams: { prompt: 'consent' },
      ...options,
    },
  });
}

async function start(app: TestApp, visitor: Browser): Promise<string> {
  const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/landed`);
  expect(started.status).toBe(302);
  return started.location;
}

async function signIn(app: TestApp, visitor: Browser): Promise<Answer> {
  return visitor.visit(await person(provider.url, 'visitor-7').allow(await start(app, visitor)));
}

async function tokenOf(app: TestApp, visitor: Browser): Promise<ConnectToken | null> {
  return JSON.parse((await visitor.visit(`${app.url}/token`)).body) as ConnectToken | null;
}

/** A token request with a code that was never issued: the answer tells what the server thinks of the client. */
async function tokenError(id: string, secret: string): Promise<unknown> {
  const answer = await fetch(provider.tokenUrl, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: 'never-issued',
      redirect_uri: 'http://127.0.0.1/',
    }),
  });
  return ((await answer.json()) as { error?: unknown }).error;
}

test('a visitor connects through oidc-provider, and the token opens its userinfo', async () => {
  const visitor = browser();
  const landed = await signIn(apps.standard, visitor);
  expect([landed.status, landed.location]).toEqual([302, '/landed']);
  const token = await tokenOf(apps.standard, visitor);
  expect(token).toMatchObject({ type: 'bearer', scope: 'openid offline_access' });
  expect(token?.refresh_token).toMatch(/^[\w-]{20,}$/u);
  const lifetimeSeconds = (token?.expires_at ?? 0) - Date.now() / 1000;
  expect(lifetimeSeconds).toBeGreaterThan(1_700);
  expect(lifetimeSeconds).toBeLessThanOrEqual(1_801);
  const profile = await fetch(`${provider.url}/me`, {
    headers: { authorization: `Bearer ${token?.access_token ?? ''}` },
  });
  expect([profile.status, await profile.json()]).toEqual([200, { sub: 'visitor-7' }]);
});

test('a visitor who cancels gets 403 ERR_CONNECT_DENIED and stays unconnected', async () => {
  const visitor = browser();
  const back = await person(provider.url, 'visitor-8').cancel(await start(apps.standard, visitor));
  const answer = await visitor.visit(back, { accept: 'application/json' });
  expect(answer.status).toBe(403);
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'ERR_CONNECT_DENIED', loginUrl: '/connect/authorize' });
  expect(await tokenOf(apps.standard, visitor)).toBeNull();
});

test.each([
  ['wrongSecret', 'a wrong client secret', 'ERR_CONNECT_CONFIG', 500],
  ['withoutPkce', 'a sign-in without PKCE', 'ERR_CONNECT_CONFIG', 500],
  ['json', 'a token request in JSON', 'ERR_CONNECT_CONFIG', 500],
] as const)('%s: the server refuses %s, which is our fault: %s', async (name, _what, code, status) => {
  const app = apps[name];
  const visitor = browser();
  const back = await person(provider.url, 'visitor-9').allow(await start(app, visitor));
  const answer = await visitor.visit(back, { accept: 'application/json' });
  expect([answer.status, (JSON.parse(answer.body) as { code: unknown }).code]).toEqual([status, code]);
  expect(answer.body).not.toContain(clientSecret);
  expect(await tokenOf(app, visitor)).toBeNull();
});

test('the server is a strict judge: it refuses raw credentials, and takes form-encoded ones', async () => {
  const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  expect(await tokenError(clientId, clientSecret)).toMatch(/^invalid_(client|request)$/u);
  expect(await tokenError(encoded(clientId), encoded(`${clientSecret}x`))).toBe('invalid_client');
  expect(await tokenError(encoded(clientId), encoded(clientSecret))).toBe('invalid_grant');
});

test('a redirect URI that differs in its port only is refused on the page of the provider', async () => {
  const visitor = browser();
  const url = new URL(await start(apps.standard, visitor));
  url.searchParams.set('redirect_uri', 'http://127.0.0.1:9/connect/callback');
  const page = await fetch(url, { redirect: 'manual' });
  expect({ status: page.status, location: page.headers.get('location') }).toEqual({ status: 400, location: null });
});
