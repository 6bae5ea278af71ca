import type { Sandbox } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { api, exchange, refresh, signIn } from '../../support/sandbox-client';

let sandbox: Sandbox;
let nowMs: number;
beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  sandbox = await startSandbox({ now: () => nowMs });
});

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function connected(): Promise<Tokens> {
  return (await exchange(sandbox, { code: (await signIn(sandbox)).code })).body as Tokens;
}

async function refreshed(refreshToken: string): Promise<Tokens> {
  const { status, body } = await refresh(sandbox, refreshToken);
  expect(status).toBe(200);
  return body as Tokens;
}

async function expectDead(refreshToken: string): Promise<void> {
  const { status, body } = await refresh(sandbox, refreshToken);
  expect([status, body.error]).toEqual([400, 'invalid_grant']);
}

test('"new" gives another refresh token and lets the old one work on', async () => {
  const first = await connected();
  const second = await refreshed(first.refresh_token);
  expect(second.refresh_token).not.toBe(first.refresh_token);
  expect(second.access_token).not.toBe(first.access_token);
  await refreshed(first.refresh_token);
  expect((await api(sandbox, '/me', second.access_token)).status).toBe(200);
});

test('"same" repeats the refresh token', async () => {
  sandbox.set({ refresh: 'same' });
  const first = await connected();
  expect((await refreshed(first.refresh_token)).refresh_token).toBe(first.refresh_token);
  expect((await refreshed(first.refresh_token)).refresh_token).toBe(first.refresh_token);
});

test('"omitted" sends no refresh token with a refresh, only with the code', async () => {
  sandbox.set({ refresh: 'omitted' });
  const first = await connected();
  expect(first.refresh_token).toMatch(/^eyJ/);
  expect(Object.keys(await refreshed(first.refresh_token))).toEqual(['access_token', 'expires_at', 'type']);
  await refreshed(first.refresh_token);
});

describe('"rotate"', () => {
  beforeEach(() => sandbox.set({ refresh: 'rotate' }));

  test('a used refresh token that comes again ends the whole connection', async () => {
    const first = await connected();
    const second = await refreshed(first.refresh_token);
    const third = await refreshed(second.refresh_token);
    expect((await api(sandbox, '/me', third.access_token)).status).toBe(200);
    await expectDead(first.refresh_token);
    await expectDead(third.refresh_token);
    expect((await api(sandbox, '/me', third.access_token)).status).toBe(401);
    expect(sandbox.presentations(first.refresh_token)).toBe(2);
    expect(sandbox.presentations(second.refresh_token)).toBe(1);
    expect(sandbox.calls.refresh).toBe(4);
  });

  test('leaves other connections alone', async () => {
    const mine = await connected();
    const yours = await connected();
    await refreshed(mine.refresh_token);
    await expectDead(mine.refresh_token);
    await refreshed(yours.refresh_token);
  });

  test('within graceMs the same successor is given again, after it the connection ends', async () => {
    sandbox.set({ graceMs: 1000 });
    const first = await connected();
    const second = await refreshed(first.refresh_token);
    nowMs += 999;
    expect(await refreshed(first.refresh_token)).toEqual(second);
    expect((await api(sandbox, '/me', second.access_token)).status).toBe(200);
    nowMs += 1;
    await expectDead(first.refresh_token);
    await expectDead(second.refresh_token);
  });

  test('two at once: one gets the tokens, the other ends the connection', async () => {
    const first = await connected();
    const replies = await Promise.all([refresh(sandbox, first.refresh_token), refresh(sandbox, first.refresh_token)]);
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
  });
});

test('an unknown refresh token and an access token in its place are refused', async () => {
  await expectDead('unknown');
  await expectDead((await connected()).access_token);
});

test('expireAccessTokens() stops every access token there is, and no refresh token', async () => {
  const first = await connected();
  const over = await connected();
  sandbox.expireAccessTokens();
  expect((await api(sandbox, '/me', first.access_token)).status).toBe(401);
  expect((await api(sandbox, '/me', over.access_token)).status).toBe(401);
  expect((await api(sandbox, '/me', (await refreshed(first.refresh_token)).access_token)).status).toBe(200);
});

describe('revoke()', () => {
  test('ends the connection that either of its tokens belongs to, also earlier ones, and no other', async () => {
    for (const kind of ['access_token', 'refresh_token'] as const) {
      const first = await connected();
      const second = await refreshed(first.refresh_token);
      const other = await connected();
      sandbox.revoke(first[kind]);
      await expectDead(first.refresh_token);
      await expectDead(second.refresh_token);
      expect({
        firstWorks: sandbox.works(first.access_token),
        secondWorks: sandbox.works(second.access_token),
      }).toEqual({
        firstWorks: false,
        secondWorks: false,
      });
      expect((await api(sandbox, '/me', second.access_token)).status).toBe(401);
      await refreshed(other.refresh_token);
      expect(sandbox.works(other.access_token)).toBe(true);
    }
  });

  test('refuses what is none of its tokens', async () => {
    const { code } = await signIn(sandbox);
    for (const token of [code, 'made-up', '']) expect(() => sandbox.revoke(token)).toThrow(RangeError);
  });
});

describe('deadGrantAs', () => {
  test.each([400, 401, 403] as const)(
    '%d is the status, and the number in the body, without any OAuth name',
    async (n) => {
      sandbox.set({ deadGrantAs: n });
      const { refresh_token } = await connected();
      sandbox.revoke(refresh_token);
      for (const errorShape of ['oauth', 'form'] as const) {
        sandbox.set({ errorShape });
        const { status, text, body } = await refresh(sandbox, refresh_token);
        expect({ status, code: (body['error'] as { code: number }).code, text }).toEqual({
          status: n,
          code: n,
          text: expect.not.stringMatching(/_/u) as unknown,
        });
      }
      sandbox.set({ errorShape: 'flat' });
      expect((await refresh(sandbox, refresh_token)).body).toEqual({ code: n });
      sandbox.set({ errorShape: 'text' });
      const said = await refresh(sandbox, refresh_token);
      expect({ status: said.status, contentType: said.headers['content-type'], text: said.text }).toEqual({
        status: n,
        contentType: 'text/plain; charset=utf-8',
        text: expect.stringMatching(/^[A-Z][A-Za-z ]+$/u) as unknown,
      });
      sandbox.set({ errorShape: 'empty' });
      const silent = await refresh(sandbox, refresh_token);
      expect({ status: silent.status, text: silent.text }).toEqual({ status: n, text: '' });
    },
  );

  test('answers for every refresh token that is no good, and for nothing else', async () => {
    sandbox.set({ deadGrantAs: 403, refresh: 'rotate' });
    const first = await connected();
    await refreshed(first.refresh_token);
    expect((await refresh(sandbox, first.refresh_token)).status).toBe(403);
    expect((await refresh(sandbox, 'unknown')).status).toBe(403);
    expect((await exchange(sandbox, { code: 'unknown' })).body['error']).toBe('invalid_grant');
    expect((await refresh(sandbox, 'unknown', { client_secret: 'wrong' })).body['error']).toBe('invalid_client');
    const { refresh_token } = await connected();
    await refreshed(refresh_token);
  });

  test('in words it is invalid_grant', async () => {
    sandbox.set({ deadGrantAs: 'invalid_grant' });
    await expectDead('unknown');
  });
});
