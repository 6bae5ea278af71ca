import { withLocal } from '../../../src/ledger/redis/local';
import type { Forgotten, RefreshLedger } from '../../../src/ledger/ledger';
import { ledgerInMemory } from '../../../src/ledger/memory-ledger';
import { cleanup } from '../../support/cleanup';

const HOUR = 3_600_000;
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR };
const failure = {
  claimant: 'a',
  kind: 'transient',
  backoffMs: 1000,
  error: 'unavailable',
  ambiguous: false,
  retentionMs: HOUR,
} as const;

const AWAY = new Error('away');

let warn: jest.SpyInstance<void, Parameters<typeof process.emitWarning>>;
beforeEach(() => {
  warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  cleanup(() => warn.mockRestore());
});

/** A shared ledger that can be away, and one that steps in for it. */
function ledgers(): { readonly shared: RefreshLedger; readonly ledger: RefreshLedger; away: boolean } {
  const shared = ledgerInMemory();
  const state = { shared, away: false, ledger: shared };
  const operations = Object.entries(shared).map(
    ([name, operation]) =>
      [
        name,
        (...args: never[]) =>
          state.away ? Promise.reject(AWAY) : (operation as (...given: never[]) => unknown)(...args),
      ] as const,
  );
  state.ledger = withLocal(Object.fromEntries(operations) as unknown as RefreshLedger, ledgerInMemory());
  return state;
}

test('a claim that was won alone is renewed, and its failure recorded, also when the shared ledger is back', async () => {
  const world = ledgers();
  world.away = true;
  expect((await world.ledger.acquire('key', claim)).kind).toBe('won');
  world.away = false;
  expect({
    renewed: await world.ledger.renew('key', 'b', 10_000),
    failed: await world.ledger.fail('key', { ...failure, claimant: 'b' }),
  }).toEqual({ renewed: false, failed: 'lost' });
  expect({
    renewed: await world.ledger.renew('key', 'a', 10_000),
    failed: await world.ledger.fail('key', failure),
  }).toEqual({ renewed: true, failed: 'recorded' });
  world.away = true;
  expect(await world.ledger.acquire('key', claim)).toMatchObject({ kind: 'backoff', error: 'unavailable' });
});

test('10,000 connections that ended alone are told to the shared ledger, the oldest being given up first', async () => {
  const world = ledgers();
  world.away = true;
  await Promise.all(Array.from({ length: 10_001 }, (_none, number) => world.ledger.revoke(`key ${number}`, HOUR)));
  world.away = false;
  expect((await world.ledger.acquire('key 0', claim)).kind).toBe('won');
  for (const key of ['key 1', 'key 10000']) {
    expect(await world.ledger.acquire(key, claim)).toEqual({ kind: 'revoked' });
    expect(await world.shared.acquire(key, claim)).toEqual({ kind: 'revoked' });
  }
});

test('a connection that ended alone has ended once, also when the shared ledger is told of it later', async () => {
  const world = ledgers();
  world.away = true;
  expect(await world.ledger.revoke('key', HOUR)).toEqual({ first: true });
  world.away = false;
  expect(await world.ledger.revoke('key', HOUR)).toEqual({ first: false });
  expect(await world.shared.revoke('key', HOUR)).toEqual({ first: false });
  await world.shared.revoke('other', HOUR);
  expect(await world.ledger.revoke('other', HOUR)).toEqual({ first: false });
});

test('a failure that the shared ledger records is not recorded alone as well', async () => {
  const world = ledgers();
  await world.ledger.acquire('key', claim);
  expect(await world.ledger.fail('key', failure)).toBe('recorded');
  world.away = true;
  expect((await world.ledger.acquire('key', claim)).kind).toBe('won');
});

test.each([
  ['tombstone', (ledger: RefreshLedger, key: string) => ledger.revoke(key, HOUR)],
  [
    'record',
    (ledger: RefreshLedger, key: string) =>
      ledger.settle(key, { generation: 0, fence: 1, box: 'box', retentionMs: HOUR }),
  ],
] as const)('a %s that the shared ledger will never know of is told of', async (what, happen) => {
  const world = ledgers();
  const told: Forgotten[] = [];
  world.ledger.onForgotten?.((forgotten) => void told.push(forgotten));
  world.away = true;
  for (let number = 0; number < 10_000; number += 1) await happen(world.ledger, `key ${number}`);
  expect([told, warn.mock.calls]).toEqual([[], []]);
  await happen(world.ledger, 'one more');
  expect(told).toEqual([{ what, count: 1 }]);
  expect(warn.mock.calls).toEqual([
    [
      expect.stringMatching(/^redisLedger\(\) has been without Redis for too long and has forgotten /u),
      { code: 'CONNECT_AUTH_LEDGER_FULL', detail: expect.any(String) as unknown },
    ],
  ]);
});

test('what the local ledger forgets is told of as well', async () => {
  const told: Forgotten[] = [];
  const away = () => Promise.reject(AWAY);
  const shared = { acquire: away, renew: away, settle: away, fail: away, revoke: away, once: away };
  const ledger = withLocal(shared, ledgerInMemory({ maxClaims: 1 }));
  ledger.onForgotten?.((forgotten) => void told.push(forgotten));
  for (const name of ['one', 'two']) expect(await ledger.once(name, HOUR)).toBe(true);
  expect(told).toEqual([{ what: 'claim', count: 1 }]);
});
