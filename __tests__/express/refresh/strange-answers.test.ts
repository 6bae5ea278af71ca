import { inspect } from 'node:util';
import { memoryLedger, type ConnectEvent, type RefreshLedger } from '../../../src';
import { backOff } from '../../../src/refresh/back-off';
import { refreshFlights } from '../../../src/refresh/flight';
import type { Sandbox } from '../../../src/testing';
import { connectedWorld, verdict } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { onlySession } from '../../support/stored';
import { tokenSet } from '../../support/token-set';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

const LEDGER_503 = [503, 'ERR_CONNECT_LEDGER', '2'];
const KEPT_WITHOUT_TOKEN = JSON.stringify({ token: { access_token: '', type: 'bearer' } });

test.each(['v1.key.unreadable', 'null', '{}', KEPT_WITHOUT_TOKEN])(
  'a record that nobody can read (%s) is trouble, not absence: 503, and the provider is not asked',
  async (box) => {
    const ledger: RefreshLedger = {
      ...memoryLedger(),
      acquire: () => Promise.resolve({ kind: 'adopt', generation: 3, box, ageMs: 10_000 }),
    };
    const world = await connectedWorld(sandbox, { options: { ledger } });
    await world.expireIn(1);
    const before = await onlySession(world.app);
    expect(verdict(await world.fresh())).toEqual(LEDGER_503);
    expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
      refreshCalls: 0,
      session: before,
    });
  },
);

test('a success that was superseded by a record that nobody can read is given to nobody: 503', async () => {
  const ledger: RefreshLedger = {
    ...memoryLedger(),
    settle: () => Promise.resolve({ kind: 'superseded', generation: 5, box: 'v1.key.unreadable' }),
  };
  const world = await connectedWorld(sandbox, { options: { ledger } });
  await world.expireIn(1);
  const before = await onlySession(world.app);
  expect(verdict(await world.fresh())).toEqual(LEDGER_503);
  expect({
    refreshCalls: sandbox.calls.refresh,
    session: await onlySession(world.app),
    refreshed: world.told('refreshed'),
  }).toEqual({ refreshCalls: 1, session: before, refreshed: [] });
});

test('a ledger that hands out one expired token set after the other is not asked for ever: 503', async () => {
  let asked = 0;
  const ledger: RefreshLedger = {
    ...memoryLedger(),
    acquire: (_key, { generation }) => {
      asked += 1;
      const token = { access_token: `expired-${asked}`, refresh_token: 'refresh', type: 'bearer', expires_at: 1 };
      return Promise.resolve({
        kind: 'adopt',
        generation: generation + 1,
        box: JSON.stringify({ token }),
        ageMs: 10_000,
      });
    },
  };
  const world = await connectedWorld(sandbox, { options: { ledger } });
  await world.expireIn(1);
  // The sign-in has asked whether its session has moved.
  asked = 0;
  const before = await onlySession(world.app);
  expect(verdict(await world.fresh())).toEqual(LEDGER_503);
  expect({ asked, refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
    asked: 8,
    refreshCalls: 0,
    session: before,
  });
});

test('whatever a refresh throws becomes a pause with an event, and none of its words', async () => {
  const events: ConnectEvent[] = [];
  const flights = refreshFlights({
    tokenUrl: 'https://provider.example/token',
    clientId: 'client',
    ledger: memoryLedger(),
    onEvent: (event) => void events.push(event),
    endpoint: { refresh: () => Promise.reject(new TypeError('words of a library')) },
  });
  const set = tokenSet({
    token: { access_token: 'a', refresh_token: 'r', type: 'bearer' as const },
    connectionId: 'connectionId',
    generation: 0,
  });
  const { outcome } = flights.start(set, { patient: true, minAgeMs: 0, retentionMs: 60_000 });
  expect(await outcome).toMatchObject({ kind: 'backoff', word: 'ambiguous' });
  expect(events).toMatchObject([
    { type: 'refresh_failed', kind: 'ambiguous', code: 'ERR_CONNECT_UNAVAILABLE', status: 503 },
  ]);
  expect(inspect([await outcome, events], { depth: 9 })).not.toContain('words of a library');
});

test('after lost answers 1–2 s pass by chance, so that processes do not meet again, then 2, 4, 8, 16, 30, 30 s', () => {
  const wait = (attempts: number, ambiguous: boolean, chance: number): number =>
    backOff('ambiguous', { attempts, ambiguous, refusals: 0, rateLimited: false }, chance).ms;
  for (const attempts of [0, 1, 20]) {
    expect([0, 0.5, 1].map((chance) => wait(attempts, false, chance))).toEqual([1000, 1500, 2000]);
  }
  const next = [1, 2, 3, 4, 5, 6].map((attempts) => wait(attempts, true, 0.5));
  expect(next).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000]);
});
