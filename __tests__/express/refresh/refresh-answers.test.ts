import type { Sandbox } from '../../../src/testing';
import { browser, signIn } from '../../support/app';
import {
  connectedWorld,
  givenRotation,
  tokenIn,
  tokenOf,
  verdict,
  type Time,
  type World,
} from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
let world: World;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const UNAVAILABLE = 'ERR_CONNECT_UNAVAILABLE';
const NUMBERED = { errorShape: 'flat' } as const;

interface Row {
  readonly what: string;
  readonly plan: () => void;
  readonly kind: string;
  /** Status, code and Retry-After while no valid token is left. */
  readonly refused: readonly unknown[];
  /** Milliseconds after which the provider is not asked yet, and is. */
  readonly quiet: number;
  readonly again: number;
}

const ROWS: readonly Row[] = [
  {
    what: 'an unreadable success',
    plan: () => sandbox.fault({ kind: 'truncated' }, { on: 'refresh' }),
    kind: 'ambiguous',
    refused: [503, UNAVAILABLE, '2'],
    quiet: 900,
    again: 2100,
  },
  {
    what: 'a connection cut after the request',
    plan: () => sandbox.fault({ kind: 'reset' }, { on: 'refresh' }),
    kind: 'ambiguous',
    refused: [503, UNAVAILABLE, '2'],
    quiet: 900,
    again: 2100,
  },
  {
    what: '500',
    plan: () => sandbox.force(500, { on: 'refresh' }),
    kind: 'transient',
    refused: [503, UNAVAILABLE, '1'],
    quiet: 800,
    again: 1100,
  },
  {
    what: '503 with Retry-After: 7',
    plan: () => sandbox.force(503, { on: 'refresh', retryAfter: '7' }),
    kind: 'transient',
    refused: [503, UNAVAILABLE, '7'],
    quiet: 6500,
    again: 7100,
  },
  {
    what: '503 with Retry-After: 600',
    plan: () => sandbox.force(503, { on: 'refresh', retryAfter: '600' }),
    kind: 'transient',
    refused: [503, UNAVAILABLE, '120'],
    quiet: 119_000,
    again: 120_100,
  },
  {
    what: '429',
    plan: () => sandbox.force(429, { on: 'refresh' }),
    kind: 'transient',
    refused: [503, 'ERR_CONNECT_RATE_LIMITED', '30'],
    quiet: 29_000,
    again: 30_100,
  },
  {
    what: '429 with Retry-After: 600',
    plan: () => sandbox.force(429, { on: 'refresh', retryAfter: '600' }),
    kind: 'transient',
    refused: [503, 'ERR_CONNECT_RATE_LIMITED', '600'],
    quiet: 599_000,
    again: 600_100,
  },
  ...[404, 405, 410].map((apiCode) => ({
    what: `${apiCode} without an OAuth name`,
    plan: () => {
      sandbox.set(NUMBERED);
      sandbox.force(apiCode, { on: 'refresh' });
    },
    kind: 'transient',
    refused: [503, UNAVAILABLE, '1'],
    quiet: 800,
    again: 1100,
  })),
  ...[400, 401, 403, 404].map((apiCode) => ({
    what: `${apiCode} as a page of HTML`,
    plan: () => {
      sandbox.set({ errorShape: 'html' });
      sandbox.force(apiCode, { on: 'refresh' });
    },
    kind: 'transient',
    refused: [503, UNAVAILABLE, '1'],
    quiet: 800,
    again: 1100,
  })),
  {
    what: 'a redirect',
    plan: () => sandbox.fault({ kind: 'redirect', status: 307, location: 'http://127.0.0.1:9/' }, { on: 'refresh' }),
    kind: 'transient',
    refused: [503, UNAVAILABLE, '1'],
    quiet: 800,
    again: 1100,
  },
  ...[400, 401, 403].map((apiCode) => ({
    what: `${apiCode} without an OAuth name`,
    plan: () => {
      sandbox.set(NUMBERED);
      sandbox.force(apiCode, { on: 'refresh' });
    },
    kind: 'refused',
    refused: [401, 'ERR_CONNECT_EXPIRED', undefined],
    quiet: 1800,
    again: 2100,
  })),
  // The sandbox sends 403 and 404 in OAuth's shape as these.
  ...(['access_denied', 'invalid_request'] as const).map((what, index) => ({
    what,
    plan: () => sandbox.force(403 + index, { on: 'refresh' }),
    kind: 'refused',
    refused: [401, 'ERR_CONNECT_EXPIRED', undefined],
    quiet: 1800,
    again: 2100,
  })),
  ...[2032, 2036, 2038].map((apiCode) => ({
    what: `code ${apiCode}`,
    plan: () => {
      sandbox.set(NUMBERED);
      sandbox.force(apiCode, { on: 'refresh' });
    },
    kind: 'configuration',
    refused: [500, 'ERR_CONNECT_CONFIG', '30'],
    quiet: 29_000,
    again: 30_100,
  })),
  {
    what: 'invalid_client',
    plan: () => sandbox.force(401, { on: 'refresh' }),
    kind: 'configuration',
    refused: [500, 'ERR_CONNECT_CONFIG', '30'],
    quiet: 29_000,
    again: 30_100,
  },
];

describe.each(ROWS)('the provider answers a refresh with $what', ({ plan, kind, refused, quiet, again }) => {
  // A busy machine takes its time.
  beforeEach(() => time.stop());

  test('a token that is still valid serves on, and the provider is left alone for the time', async () => {
    world = await connectedWorld(sandbox, { options: { refreshLeewaySeconds: 3600 } });
    await world.expireIn(700);
    const before = await onlySession(world.app);
    plan();
    expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
    expect(world.told('refresh_failed')).toMatchObject([{ kind }]);
    time.pass(quiet);
    expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
    expect({ session: await onlySession(world.app), refreshCalls: sandbox.calls.refresh }).toEqual({
      session: before,
      refreshCalls: 1,
    });
    time.pass(again - quiet);
    expect(tokenIn(await world.fresh()).access_token).not.toBe(tokenOf(before).access_token);
    expect({ refreshCalls: sandbox.calls.refresh, works: sandbox.works((await world.stored()).access_token) }).toEqual({
      refreshCalls: 2,
      works: true,
    });
  });

  test('without a valid token the request is refused, and the session is not touched', async () => {
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
    const before = await onlySession(world.app);
    plan();
    expect(verdict(await world.fresh())).toEqual(refused);
    expect((await world.fresh()).status).toBe(refused[0]);
    // What the event promises: the status of visitors without a valid token.
    expect(world.told('refresh_failed')).toMatchObject([{ kind, status: refused[0] }]);
    expect({ session: await onlySession(world.app), refreshCalls: sandbox.calls.refresh }).toEqual({
      session: before,
      refreshCalls: 1,
    });
    time.pass(again);
    expect(tokenIn(await world.fresh())).toEqual(await world.stored());
    expect(sandbox.calls.refresh).toBe(2);
  });
});

describe('the provider goes on failing', () => {
  /** Shows that so many seconds pass between one attempt and the next. */
  async function expectGaps(plan: () => void, gaps: readonly number[]): Promise<void> {
    time.stop();
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
    const before = await onlySession(world.app);
    plan();
    await world.fresh();
    for (const [index, seconds] of gaps.entries()) {
      time.pass(seconds * 1000 - 500);
      await world.fresh();
      expect({ seconds, refreshCalls: sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 1 });
      time.pass(501);
      plan();
      await world.fresh();
      expect({ seconds, refreshCalls: sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 2 });
    }
    expect(await onlySession(world.app)).toEqual(before);
  }

  test('500: 1, 2, 4, 8, 16, 30, 30 s pass between attempts', () =>
    expectGaps(() => sandbox.force(500, { on: 'refresh' }), [1, 2, 4, 8, 16, 30, 30]));
});

describe('an answer that is lost is asked for again within 2 s, as long as a grace time runs,', () => {
  /** A visitor whose token has run out, at a provider that gives a lost answer again for 10 s. */
  async function expired(): Promise<void> {
    time.stop();
    sandbox.set({ graceMs: 10_000 });
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
  }

  async function expectAgainSoon(): Promise<void> {
    sandbox.fault({ kind: 'truncated' }, { on: 'refresh', commit: true });
    expect(verdict(await world.fresh())).toEqual([503, UNAVAILABLE, '2']);
    time.pass(2000);
    expect(sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
  }

  test('also after an outage', async () => {
    await expired();
    sandbox.force(503, { on: 'refresh', times: 4 });
    for (let outage = 0; outage < 4; outage += 1) {
      expect((await world.fresh()).status).toBe(503);
      time.pass(31_000);
    }
    await expectAgainSoon();
  });

  test('also after refusals', async () => {
    await expired();
    sandbox.set(NUMBERED);
    sandbox.force(401, { on: 'refresh', times: 4 });
    for (let refusal = 0; refusal < 4; refusal += 1) {
      expect((await world.fresh()).status).toBe(401);
      time.pass(31_000);
    }
    await expectAgainSoon();
  });

  test('also after a pause in which this process asked for nobody', async () => {
    await expired();
    const others = [browser(), browser(), browser()];
    for (const other of others) await signIn(world.app, sandbox, other);
    await world.expireIn(1);
    sandbox.force(401, { on: 'refresh', times: 3 });
    for (const other of others) await other.visit(`${world.app.url}/fresh`, { accept: 'application/json' });
    for (let visit = 0; visit < 4; visit += 1) expect((await world.fresh()).status).toBe(500);
    time.pass(31_000);
    await expectAgainSoon();
  });
});

test('an unreachable provider costs nobody the connection: 503, and another try a second later', async () => {
  const gone = await startSandbox();
  world = await connectedWorld(gone);
  await world.expireIn(1);
  const before = await onlySession(world.app);
  await gone.close();
  expect(verdict(await world.fresh())).toEqual([503, UNAVAILABLE, '1']);
  await world.fresh();
  expect(world.told('refresh_failed')).toMatchObject([{ kind: 'not_sent', status: 503 }]);
  time.pass(1100);
  await world.fresh();
  expect(world.told('refresh_failed')).toHaveLength(2);
  expect(await onlySession(world.app)).toEqual(before);
});

describe('invalid_grant', () => {
  test('a token that is still valid serves on; once it is not, the connection has ended and is cleared', async () => {
    world = await connectedWorld(sandbox, { options: { refreshLeewaySeconds: 3600 } });
    await world.expireIn(500);
    const old = await world.stored();
    sandbox.force(400, { on: 'refresh' });
    expect(tokenIn(await world.fresh())).toEqual(old);
    expect(tokenIn(await world.fresh())).toEqual(old);
    expect(world.told('refresh_failed')).toMatchObject([
      { kind: 'terminal', status: 401, oauthError: 'invalid_grant' },
    ]);
    time.pass(499_000);
    const answer = await world.fresh();
    expect(verdict(answer)).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
    expect(JSON.parse(answer.body)).toMatchObject({ reason: 'invalid_grant', loginUrl: '/connect/authorize' });
    expect(Object.keys(await onlySession(world.app))).toEqual(['cookie', 'connectPending']);
    expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('without a valid token the visitor is told at once', async () => {
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
    sandbox.force(400, { on: 'refresh' });
    expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
    expect(JSON.stringify(await onlySession(world.app))).not.toContain('access_token');
  });

  test('after a lost answer it is told as lost_response', async () => {
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
    sandbox.fault({ kind: 'reset' }, { on: 'refresh', commit: true });
    expect(verdict(await world.fresh())).toEqual([503, UNAVAILABLE, '2']);
    time.pass(2100);
    const answer = await world.fresh();
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      401,
      { code: 'ERR_CONNECT_EXPIRED', reason: 'lost_response' },
    ]);
    expect(world.told('refresh_failed')).toMatchObject([{ kind: 'ambiguous' }, { kind: 'terminal' }]);
  });

  test('after a lost answer a provider with a grace time gives the same successor, once', async () => {
    sandbox.set({ graceMs: 60_000 });
    world = await connectedWorld(sandbox);
    await world.expireIn(1);
    const old = await world.stored();
    sandbox.fault({ kind: 'reset' }, { on: 'refresh', commit: true });
    await world.fresh();
    time.pass(2100);
    expect(sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
    expect({ presentations: sandbox.presentations(old.refresh_token), refreshCalls: sandbox.calls.refresh }).toEqual({
      presentations: 2,
      refreshCalls: 2,
    });
  });

  test('a dead connection is probed once after ten minutes', async () => {
    world = await connectedWorld(sandbox, { options: { refreshLeewaySeconds: 3600 } });
    await world.expireIn(700);
    const old = await world.stored();
    sandbox.force(400, { on: 'refresh', times: 2 });
    await world.fresh();
    time.pass(599_000);
    expect({ token: tokenIn(await world.fresh()), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: old,
      refreshCalls: 1,
    });
    time.pass(1500);
    expect({ token: tokenIn(await world.fresh()), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: old,
      refreshCalls: 2,
    });
    expect({ token: tokenIn(await world.fresh()), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: old,
      refreshCalls: 2,
    });
  });

  test('a probe that succeeds brings the connection back', async () => {
    world = await connectedWorld(sandbox, { options: { refreshLeewaySeconds: 3600 } });
    await world.expireIn(700);
    const old = await world.stored();
    sandbox.force(400, { on: 'refresh' });
    await world.fresh();
    time.pass(600_500);
    expect(tokenIn(await world.fresh()).access_token).not.toBe(old.access_token);
    expect(sandbox.works((await world.stored()).access_token)).toBe(true);
  });
});
