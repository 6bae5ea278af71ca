import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { clockSkewMs } from '../../../src/provider/http/clock-skew';
import { readAnswer } from '../../../src/provider/token/read-answer';
import { readExpiry } from '../../../src/provider/token/expiry';
import type { SandboxSwitches } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';
import { signIn, REDIRECT_URI } from '../../support/sandbox-client';
import { configFor } from '../../support/local-server';

const NOW_MS = Date.UTC(2030, 0, 1);
const AT_NOW = { sentMs: NOW_MS, nowMs: NOW_MS };
const dated = (ms: number): string => new Date(ms).toUTCString();
const MINUTES_5 = 300_000;
const DAY = 86_400_000;

async function endpointAhead(aheadMs: number, switches: Partial<SandboxSwitches>) {
  const sandbox = await startSandbox({
    now: () => Date.now() + aheadMs,
    switches: { lifetimeSeconds: 10, ...switches },
  });
  const { clientId, clientSecret, tokenUrl } = sandbox.connectOptions;
  const endpoint = tokenEndpoint(configFor(tokenUrl, { clientId, clientSecret }));
  return { endpoint, code: (await signIn(sandbox)).code };
}

describe.each([
  ['5 minutes ahead', MINUTES_5],
  ['5 minutes behind', -MINUTES_5],
  ['right', 0],
  ['23 hours ahead', 23 * 3_600_000],
])('with a provider whose clock is %s', (_how, aheadMs) => {
  test.each(['seconds', 'milliseconds', 'string', 'iso'] as const)(
    'expiry in %s is right by our clock',
    async (expiresAt) => {
      const { endpoint, code } = await endpointAhead(aheadMs, { expiresAt });
      const exchangedAt = Date.now() / 1000;
      const token = await endpoint.exchange({ code, redirectUri: REDIRECT_URI, codeVerifier: undefined });
      const refreshedAt = Date.now() / 1000;
      const refreshed = await endpoint.refresh(token.refresh_token ?? '');
      // Whole seconds, and the time of the call.
      expect(token.expires_at).toBeGreaterThan(exchangedAt + 8);
      expect(token.expires_at).toBeLessThan(exchangedAt + 12);
      expect(refreshed.expires_at).toBeGreaterThan(refreshedAt + 8);
      expect(refreshed.expires_at).toBeLessThan(refreshedAt + 12);
    },
  );

  test('the documented sample of 2022 stays as it is', async () => {
    const { endpoint, code } = await endpointAhead(aheadMs, { expiresAt: 'past' });
    expect((await endpoint.exchange({ code, redirectUri: REDIRECT_URI, codeVerifier: undefined })).expires_at).toBe(
      1_642_507_278,
    );
  });
});

describe('the skew', () => {
  test.each([
    ['ahead by 2 s', NOW_MS + 2000, 2000],
    ['behind by 2 s', NOW_MS - 2000, -2000],
    ['ahead by 1 s', NOW_MS + 1000, 0],
    ['behind by 1 s', NOW_MS - 1000, 0],
    ['ahead by a day', NOW_MS + DAY, DAY],
    ['ahead by more', NOW_MS + DAY + 1000, 0],
    ['behind by a day', NOW_MS - DAY, -DAY],
    ['behind by more', NOW_MS - DAY - 1000, 0],
  ])('of a Date %s', (_how, ms, skewMs) => {
    expect(clockSkewMs(dated(ms), AT_NOW)).toBe(skewMs);
  });

  test.each([
    [undefined],
    [''],
    ['now'],
    [['x']],
    [5],
    ['2030-01-01T00:05:00Z'],
    [String(NOW_MS + MINUTES_5)],
    ['Tue, 41 Jan 2030 00:05:00 GMT'],
  ])('of Date: %p is 0', (header) => {
    expect(clockSkewMs(header, AT_NOW)).toBe(0);
  });

  test('is 0 for a Date from within a slow call, and counts beside it', () => {
    const slow = { sentMs: NOW_MS - 30_000, nowMs: NOW_MS };
    expect(clockSkewMs(dated(NOW_MS - 29_000), slow)).toBe(0);
    expect(clockSkewMs(dated(NOW_MS - 31_000), slow)).toBe(0);
    expect(clockSkewMs(dated(NOW_MS - 32_000), slow)).toBe(-32_000);
  });

  test('moves moments, never durations, and never makes a past moment a future one', () => {
    const now = NOW_MS / 1000;
    const answer = (body: object) =>
      readAnswer(
        { status: 200, body: JSON.stringify({ access_token: 'at', ...body }), date: dated(NOW_MS + MINUTES_5) },
        { stage: 'refresh', statusByApiCode: {}, nowMs: NOW_MS },
      ).token?.expires_at;
    expect(answer({ expires_at: now + 310 })).toBe(now + 10);
    expect(answer({ expires_at: 10 })).toBe(now + 10);
    expect(answer({ expires_in: '10' })).toBe(now + 10);
    // By the provider's own clock this one has run out 10 s ago.
    expect(answer({ expires_at: now + 290 })).toBe(now - 10);
    expect(readExpiry({ expires_at: now - 290 }, NOW_MS, -MINUTES_5)).toBe(now + 10);
    expect(readExpiry({ expires_at: 1_642_507_278 }, NOW_MS, -DAY)).toBe(1_642_507_278);
  });
});
