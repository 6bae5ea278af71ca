import fc from 'fast-check';
import { readOptions } from '../../../src/options/read';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { refreshFlights } from '../../../src/refresh/flight';
import { memoryLedger } from '../../../src/ledger/memory-ledger';
import type { Sandbox, SandboxSwitches } from '../../../src/testing';
import { getTokenOver } from '../../support/get-token';
import type { TestAppParts } from '../../support/app';
import { runs } from '../../support/property';
import {
  connectedWorld,
  givenRotation,
  tokenIn,
  tokenOf,
  verdict,
  type Time,
  type World,
} from '../../support/refreshing';
import { editSessions, onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
let skewMs = 0;
givenRotation(
  (...given) => {
    [sandbox, time] = given;
    skewMs = 0;
  },
  () => Date.now() + skewMs,
);

/** Refreshes that requests every second cost within so many seconds. */
async function refreshesIn(world: World, seconds: number): Promise<number> {
  const before = sandbox.calls.refresh;
  for (let second = 0; second < seconds; second += 1) {
    const answer = await world.fresh();
    if (answer.status !== 200) throw new Error(`${second} s: ${answer.status} ${answer.body}`);
    time.pass(1000);
  }
  return sandbox.calls.refresh - before;
}

describe('inside the leeway, while the provider takes its time', () => {
  test('19 of 20 requests answer with the old token without waiting, and one refresh is made', async () => {
    const world = await connectedWorld(sandbox);
    await world.expireIn(30);
    const old = await world.stored();
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    let answered = 0;
    const answers = Array.from({ length: 20 }, () =>
      world.fresh().then((answer) => {
        answered += 1;
        if (answered === 19) sandbox.release();
        return tokenIn(answer).access_token;
      }),
    );
    const tokens = await Promise.all(answers);
    expect(tokens.filter((token) => token === old.access_token)).toHaveLength(19);
    expect({ refreshCalls: sandbox.calls.refresh, presentations: sandbox.presentations(old.refresh_token) }).toEqual({
      refreshCalls: 1,
      presentations: 1,
    });
  });

  test('requests without a valid token wait for it, and all get the new one', async () => {
    const world = await connectedWorld(sandbox);
    await world.expireIn(1);
    const old = await world.stored();
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const answers = Array.from({ length: 20 }, () => world.fresh());
    await sandbox.waiting();
    sandbox.release();
    const tokens = (await Promise.all(answers)).map((answer) => tokenIn(answer).access_token);
    expect([...new Set(tokens)]).toEqual([(await world.stored()).access_token]);
    expect({ refreshCalls: sandbox.calls.refresh, presentations: sandbox.presentations(old.refresh_token) }).toEqual({
      refreshCalls: 1,
      presentations: 1,
    });
    expect((await world.stored()).connection).toMatch(/^[\w-]{22}\.1$/u);
  });

  test('a token that is not due is given as it is', async () => {
    const world = await connectedWorld(sandbox);
    const before = await onlySession(world.app);
    expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
    expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
      refreshCalls: 0,
      session: before,
    });
  });
});

/** An app whose callers wait 250 ms at most. */
function impatient(): TestAppParts {
  return {
    routes: (app) => {
      const config = readOptions({ ...sandbox.connectOptions, redirectUri: 'http://127.0.0.1:1/connect/callback' });
      const flights = refreshFlights({
        ...config,
        ledger: memoryLedger(),
        endpoint: tokenEndpoint(config),
        waitMaxMs: 250,
      });
      const getToken = getTokenOver(config, flights);
      app.get('/impatient', (req, res, next) => {
        getToken(req).then((token) => void res.json(token), next);
      });
    },
  };
}

test.each([
  [30, [200]],
  [1, [503, 'ERR_CONNECT_LEDGER', '2']],
])(
  'whoever waits, with %i s left, waits at most waitMax; the refresh goes on, and the next request has its token',
  async (seconds, expected) => {
    const world = await connectedWorld(sandbox, impatient());
    await world.expireIn(seconds);
    const old = await world.stored();
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const ask = () => world.visitor.visit(`${world.app.url}/impatient`, { accept: 'application/json' });
    const answers = await Promise.all([ask(), ask(), ask()]);
    for (const answer of answers) expect(verdict(answer)).toEqual(expected);
    sandbox.release();
    time.pass(seconds * 1000);
    const fresh = tokenIn(await ask());
    expect({ sameToken: fresh.access_token === old.access_token, works: sandbox.works(fresh.access_token) }).toEqual({
      sameToken: false,
      works: true,
    });
    expect({ refreshCalls: sandbox.calls.refresh, presentations: sandbox.presentations(old.refresh_token) }).toEqual({
      refreshCalls: 1,
      presentations: 1,
    });
  },
);

describe.each<[string, Partial<SandboxSwitches>]>([
  ['rotates its refresh tokens', { refresh: 'rotate' }],
  ['gives new refresh tokens', { refresh: 'new' }],
  ['gives the same refresh token again', { refresh: 'same' }],
  ['gives no refresh token', { refresh: 'omitted' }],
])('a provider that %s', (_what, switches) => {
  test('five expiries, five fresh tokens', async () => {
    sandbox.set(switches);
    const world = await connectedWorld(sandbox);
    const seen = new Set([(await world.stored()).access_token]);
    for (let more = 1; more <= 5; more += 1) {
      time.pass(3600_000);
      const fresh = tokenIn(await world.fresh());
      expect({ works: sandbox.works(fresh.access_token), refreshCalls: sandbox.calls.refresh }).toEqual({
        works: true,
        refreshCalls: more,
      });
      seen.add(fresh.access_token);
    }
    expect(seen.size).toBe(6);
  });
});

describe('an expiry that nobody knows', () => {
  test.each<[string, Partial<SandboxSwitches>, number | undefined]>([
    ['is missing', { expiresAt: 'missing' }, undefined],
    ['has passed when the token arrives', { expiresAt: 'past' }, 1_642_507_278],
  ])('because it %s: the token is used, and refreshed only when the API refuses it', async (_what, switches, kept) => {
    sandbox.set(switches);
    const world = await connectedWorld(sandbox);
    const old = await world.stored();
    expect(old.expires_at).toBe(kept);
    expect(await refreshesIn(world, 3)).toBe(0);
    time.pass(48 * 3_600_000);
    expect(tokenIn(await world.fresh()).access_token).toBe(old.access_token);
    const fresh = tokenIn(await world.refused(old.access_token));
    expect({ works: sandbox.works(fresh.access_token), refreshCalls: sandbox.calls.refresh }).toEqual({
      works: true,
      refreshCalls: 1,
    });
    expect(fresh.expires_at).toBe(kept);
    expect(await refreshesIn(world, 3)).toBe(0);
  });

  test('is told from one that has passed since by the label, wherever the app keeps the token', async () => {
    sandbox.set({ expiresAt: 'past' });
    const world = await connectedWorld(sandbox);
    expect((await world.stored()).connection).toMatch(/^[\w-]{22}\.0\.0$/u);
    // What an app brings without a label has run out at some time: nobody knows more.
    await editSessions(world.app, (document) => Reflect.deleteProperty(tokenOf(document), 'connection'));
    await world.fresh();
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('stays so where onConnect takes longer than the token lives', async () => {
    sandbox.set({ lifetimeSeconds: 10 });
    const world = await connectedWorld(sandbox, { options: { onConnect: () => time.pass(15_000) } });
    expect((await world.stored()).connection).toMatch(/^[\w-]{22}\.0\.(?:9|10)$/u);
    await world.fresh();
    expect(sandbox.calls.refresh).toBe(1);
  });
});

describe.each([300_000, -300_000])('with the provider’s clock %i ms off', (skew) => {
  test.each([3600, 60, 10])('a token of %i s is refreshed as often as it expires', async (lifetimeSeconds) => {
    skewMs = skew;
    sandbox.set({ lifetimeSeconds });
    const world = await connectedWorld(sandbox);
    const seconds = 30;
    const refreshes = await refreshesIn(world, seconds);
    // At 80 % of the lifetime, and a second less for an expiry that comes in whole seconds.
    expect(refreshes).toBeLessThanOrEqual(Math.ceil(seconds / (lifetimeSeconds * 0.8 - 2)));
    expect(sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
  });
});

describe('short-lived tokens', () => {
  // A token that has expired before its answer arrives is another case.
  beforeEach(() => time.stop());

  test.each([
    [10, 4],
    [5, 10],
    [2, 20],
  ])('of %i s: at most %i refreshes in 20 s, and never an expired token', async (lifetimeSeconds, most) => {
    sandbox.set({ lifetimeSeconds });
    const world = await connectedWorld(sandbox);
    for (let second = 0; second < 20; second += 1) {
      const token = tokenIn(await world.fresh()).access_token;
      expect({ second, works: sandbox.works(token) }).toEqual({ second, works: true });
      time.pass(1000);
    }
    expect(sandbox.calls.refresh).toBeLessThanOrEqual(most);
    expect((await world.stored()).connection).toMatch(/^[\w-]{22}\.\d+\.\d+$/u);
  });

  test('of 2 s cost several requests at the same moment one refresh', async () => {
    sandbox.set({ lifetimeSeconds: 2 });
    const world = await connectedWorld(sandbox);
    time.pass(3000);
    for (let more = 0; more < 5; more += 1) await world.fresh();
    expect(sandbox.calls.refresh).toBe(1);
  });
});

describe('the leeway', () => {
  /** Seconds before the expiry at which the token is refreshed first. */
  async function refreshedAt(
    refreshLeewaySeconds: number,
    lifetimeSeconds: number,
    probes: readonly number[],
  ): Promise<number | undefined> {
    sandbox.set({ lifetimeSeconds });
    const world = await connectedWorld(sandbox, { options: { refreshLeewaySeconds } });
    const bornMs = Date.now();
    for (const left of probes) {
      time.pass(Math.max(0, bornMs + (lifetimeSeconds - left) * 1000 - Date.now()));
      await world.fresh();
      if (sandbox.calls.refresh > 0) return left;
    }
    return undefined;
  }

  test.each([
    // 60 s; none but the margin of a token that could expire on its way; at most 20 % of the lifetime.
    [60, 3600, [300, 65, 58, 5], 58],
    [0, 3600, [60, 10, 4.5, 1], 1],
    [3600, 3600, [1800, 725, 715, 5], 715],
    [3600, 20_000, [3610, 3590], 3590],
    [60, 100, [50, 22, 18, 5], 18],
    [60, 300, [100, 62, 57, 5], 57],
    [0, 10, [5, 2.5, 1], 1],
  ])('of %i s, for a token of %i s: of %j s left, refreshed at %i', async (leeway, lifetime, probes, expected) => {
    expect(await refreshedAt(leeway, lifetime, probes)).toBe(expected);
  });
});

describe('what a session may hold instead', () => {
  test.each(['soon', '', '1700000000', null, true, -1, 0, [], {}, '2026-01-01T00:00:00Z'])(
    'an expires_at of %j is no token set: 401, the provider is not asked, and nothing is written',
    async (expiresAt) => {
      const world = await connectedWorld(sandbox);
      await editSessions(world.app, (document) => {
        (document['connectToken'] as Record<string, unknown>)['expires_at'] = expiresAt;
      });
      const before = await onlySession(world.app);
      for (let more = 0; more < 2; more += 1) {
        expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
      }
      expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
        refreshCalls: 0,
        session: before,
      });
    },
  );

  test.each([1, 1.5, 1_642_507_278, 1e9])(
    'an expires_at of %d has passed: one refresh, then a token that lasts',
    async (expiresAt) => {
      const world = await connectedWorld(sandbox);
      await editSessions(world.app, (document) => {
        tokenOf(document).expires_at = expiresAt;
      });
      expect(await refreshesIn(world, 3)).toBe(1);
    },
  );

  test('a token set that the app brought from elsewhere is refreshed, and keeps its new generation', async () => {
    const world = await connectedWorld(sandbox);
    await editSessions(world.app, (document) => {
      Reflect.deleteProperty(tokenOf(document), 'connection');
      tokenOf(document).expires_at = 1;
    });
    const answers = await Promise.all([world.fresh(), world.fresh(), world.fresh()]);
    expect(new Set(answers.map((answer) => tokenIn(answer).access_token)).size).toBe(1);
    expect((await world.stored()).connection).toMatch(/^[\w-]{43}\.1$/u);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test.each(['Bearer', 'BEARER'])(
    'type %s, from elsewhere, is shown as bearer, and written so with the next refresh only',
    async (type) => {
      const world = await connectedWorld(sandbox);
      await editSessions(world.app, (document) => {
        tokenOf(document).type = type;
      });
      const shown = tokenIn(await world.visitor.visit(`${world.app.url}/token`)).type;
      expect({ shown, given: tokenIn(await world.fresh()).type, stored: (await world.stored()).type }).toEqual({
        shown: 'bearer',
        given: 'bearer',
        stored: type,
      });
      await world.expireIn(-1);
      expect({ given: tokenIn(await world.fresh()).type, stored: (await world.stored()).type }).toEqual({
        given: 'bearer',
        stored: 'bearer',
      });
    },
  );

  test('whatever stands in the label, or in the one of 0.1.0 beside it, the token is given, refreshed once, and its label whole afterwards', async () => {
    sandbox.set({ refresh: 'same' });
    const world = await connectedWorld(sandbox);
    const label = fc.oneof(
      fc.json().map((text) => JSON.parse(text) as unknown),
      fc.string(),
      fc.stringMatching(/^[A-Za-z0-9_-]{0,70}\.\d{0,12}(\.\d{0,12})?$/u),
      fc.constantFrom(
        'a.999999999',
        '__proto__.1',
        'constructor.0',
        'a.1.0',
        'a.0.999999999',
        '.1',
        'a.-1',
        'a.1e3',
        'a.01',
      ),
    );
    await fc.assert(
      fc.asyncProperty(label, fc.boolean(), async (value, beside) => {
        const before = sandbox.calls.refresh;
        await editSessions(world.app, (document) => {
          const token: Record<string, unknown> = {
            ...tokenOf(document),
            expires_at: 1,
            connection: beside ? undefined : value,
          };
          Object.assign(document, { connectToken: token, ...(beside ? { connectLineage: value } : {}) });
        });
        const answer = await world.fresh();
        expect({ status: answer.status, works: sandbox.works(tokenIn(answer).access_token) }).toEqual({
          status: 200,
          works: true,
        });
        expect(tokenIn(await world.fresh())).toEqual(tokenIn(answer));
        // A label of before may have been used by an earlier run; then its newest token set is adopted.
        expect(sandbox.calls.refresh - before).toBeLessThanOrEqual(1);
        time.pass(6000);
      }),
      runs(20_260_101, 60),
    );
  });
});

test('a scope that the provider does not repeat at a refresh stays', async () => {
  const world = await connectedWorld(sandbox);
  await editSessions(world.app, (document) => {
    tokenOf(document).scope = 'profile email';
  });
  await world.expireIn(1);
  const fresh = tokenIn(await world.fresh());
  expect({ scope: fresh.scope, token: await world.stored(), refreshCalls: sandbox.calls.refresh }).toEqual({
    scope: 'profile email',
    token: fresh,
    refreshCalls: 1,
  });
});

test('two instances on one app keep two connections in one session, each refreshed for itself', async () => {
  const world = await connectedWorld(sandbox, {
    routes: (app, connect) => {
      app.get('/both', (req, res, next) => {
        connect
          .getToken(req)
          .then((token) => void res.json([token, (req.session as unknown as Record<string, unknown>)['other']]), next);
      });
    },
  });
  await editSessions(world.app, (document) => {
    document['other'] = { ...tokenOf(document), access_token: 'of-another-instance', connection: 'other.7' };
    tokenOf(document).expires_at = 1;
  });
  const answer = await world.visitor.visit(`${world.app.url}/both`, {});
  expect(JSON.parse(answer.body)).toMatchObject([{ type: 'bearer' }, { access_token: 'of-another-instance' }]);
  expect(await onlySession(world.app)).toMatchObject({
    other: { access_token: 'of-another-instance', connection: 'other.7' },
  });
  expect(sandbox.calls.refresh).toBe(1);
});
