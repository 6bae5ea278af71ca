import type { ConnectToken } from '../../../../src';
import { tokenEndpoint, type TokenEndpoint } from '../../../../src/provider/token/token-endpoint';
import { refreshFailure } from '../../../../src/provider/token/refresh-failure';
import type { ConnectError } from '../../../../src/errors/connect-error';
import { browser, startApp, type TestApp } from '../../../support/app';
import { startRotatingProvider, type RotatingProvider } from '../../../support/rotating-provider';
import { startSandbox } from '../../../support/sandbox';

let provider: RotatingProvider;
let app: TestApp;
let endpoint: TokenEndpoint;

beforeAll(async () => {
  provider = await startRotatingProvider();
  // Only its shape is needed: each of its options is replaced.
  const unused = await startSandbox();
  app = await startApp(unused, { options: provider.connectOptions });
  endpoint = tokenEndpoint({
    ...provider.connectOptions,
    clientAuthentication: 'header',
    requestFormat: 'json',
    timeoutMs: 30_000,
    statusByApiCode: {},
  });
});

afterEach(() => provider.clockAhead(0));

async function connected(): Promise<Required<Pick<ConnectToken, 'access_token' | 'refresh_token' | 'expires_at'>>> {
  const visitor = browser();
  const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/token`);
  const landed = await visitor.visit(await provider.allow(started.location));
  expect([landed.status, landed.location]).toEqual([302, '/token']);
  return JSON.parse((await visitor.visit(`${app.url}/token`)).body) as Required<ConnectToken>;
}

/** How a refresh is refused. */
async function refusal(refreshToken: string): Promise<[code: string, kind: string]> {
  const error = await endpoint.refresh(refreshToken).then(
    () => {
      throw new Error('refreshed');
    },
    (thrown: unknown) => thrown as ConnectError,
  );
  return [error.code, refreshFailure(error).kind];
}

test('a visitor connects with the default options, and the token opens the API for an hour', async () => {
  const beforeSeconds = Math.floor(Date.now() / 1000);
  const token = await connected();
  expect(token.expires_at).toBeGreaterThanOrEqual(beforeSeconds + 3600);
  expect(token.expires_at).toBeLessThanOrEqual(Date.now() / 1000 + 3600);
  expect(await provider.works(token.access_token)).toBe(true);
  expect(await provider.works('another')).toBe(false);
  await provider.clockAhead(3601);
  expect(await provider.works(token.access_token)).toBe(false);
});

test('each refresh brings another refresh token, and each is counted once', async () => {
  const first = await connected();
  const second = await endpoint.refresh(first.refresh_token);
  const third = await endpoint.refresh(second.refresh_token ?? '');
  expect(new Set([first.refresh_token, second.refresh_token, third.refresh_token]).size).toBe(3);
  expect(await provider.works(third.access_token)).toBe(true);
  expect(await provider.presentations(first.refresh_token)).toBe(1);
  expect(await provider.presentations(second.refresh_token ?? '')).toBe(1);
  expect(await provider.presentations(third.refresh_token ?? '')).toBe(0);
});

test('a used refresh token that comes again ends the whole connection, and no other', async () => {
  const mine = await connected();
  const yours = await connected();
  const next = await endpoint.refresh(mine.refresh_token);
  const before = await provider.summary();
  expect(await refusal(mine.refresh_token)).toEqual(['ERR_CONNECT_EXPIRED', 'terminal']);
  expect(await refusal(next.refresh_token ?? '')).toEqual(['ERR_CONNECT_EXPIRED', 'terminal']);
  expect(await provider.works(next.access_token)).toBe(false);
  expect(await provider.presentations(mine.refresh_token)).toBe(2);
  expect(await provider.summary()).toEqual({
    refreshTokens: before.refreshTokens + 1,
    presentations: before.presentations + 2,
    presentedTwice: before.presentedTwice + 1,
  });
  await expect(endpoint.refresh(yours.refresh_token)).resolves.toMatchObject({ type: 'bearer' });
});

test('of many at once one is served, and the connection ends', async () => {
  const token = await connected();
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => endpoint.refresh(token.refresh_token)));
  const served = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(served.length).toBe(1);
  expect(await provider.works(served[0]?.access_token ?? '')).toBe(false);
  expect(await provider.presentations(token.refresh_token)).toBe(10);
});
