import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isConnectError } from '../../../src/errors';
import type { RefreshLedger } from '../../../src/refresh/ledger';
import { memoryLedger } from '../../../src/refresh/memory-ledger';

const HOUR = 3_600_000;

function aged(maxRecords?: number): { ledger: RefreshLedger; clock: { now: number } } {
  const clock = { now: 5 };
  return { clock, ledger: memoryLedger({ now: () => clock.now, ...(maxRecords === undefined ? {} : { maxRecords }) }) };
}

const claim = (generation = 0) => ({ generation, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR });

async function refresh(ledger: RefreshLedger, key: string): Promise<void> {
  const won = await ledger.acquire(key, claim());
  if (won.kind !== 'won') throw new Error(won.kind);
  await ledger.settle(key, { generation: 0, fence: won.fence, box: `box of ${key}`, retentionMs: HOUR });
}

/** What somebody is told who holds the token set of the sign-in. */
async function seen(ledger: RefreshLedger, key: string): Promise<string> {
  return (await ledger.acquire(key, { ...claim(), claimant: 'somebody else' })).kind;
}

test('a full ledger forgets the connection first that has been idle for the longest time', async () => {
  const { ledger } = aged(3);
  for (const key of ['one', 'two', 'three']) await refresh(ledger, key);
  await ledger.acquire('one', claim(1));
  await ledger.settle('one', { generation: 1, fence: 2, box: 'newer', retentionMs: HOUR });
  await refresh(ledger, 'four');
  expect(await seen(ledger, 'one')).toBe('adopt');
  expect(await seen(ledger, 'three')).toBe('adopt');
  expect(await seen(ledger, 'four')).toBe('adopt');
  expect(await seen(ledger, 'two')).toBe('won');
});

test('a full ledger keeps refreshes in flight and ended connections longer than idle ones', async () => {
  const { ledger } = aged(3);
  await ledger.acquire('in flight', claim());
  await ledger.revoke('ended', HOUR);
  for (let i = 0; i < 20; i += 1) await refresh(ledger, `idle ${i}`);
  expect(await seen(ledger, 'idle 19')).toBe('adopt');
  expect(await seen(ledger, 'in flight')).toBe('wait');
  expect(await seen(ledger, 'ended')).toBe('revoked');
});

test('a full ledger of refreshes in flight gives up the oldest of them: its size has an end', async () => {
  const { ledger } = aged(2);
  for (const key of ['one', 'two', 'three']) await ledger.acquire(key, claim());
  expect(await seen(ledger, 'two')).toBe('wait');
  expect(await seen(ledger, 'three')).toBe('wait');
  expect(await seen(ledger, 'one')).toBe('won');
});

test('names that were only looked for push no claim out', async () => {
  const { ledger, clock } = aged(10);
  expect(await ledger.once('claim', HOUR)).toBe(true);
  for (let look = 0; look < 100; look += 1) {
    expect(await ledger.once(`look ${look}`, 1)).toBe(true);
    clock.now += look % 2;
  }
  expect(await ledger.once('claim', HOUR)).toBe(false);
});

test('names taken once have a bound of their own', async () => {
  const { ledger } = aged(2);
  await refresh(ledger, 'kept');
  expect([await ledger.once('a', HOUR), await ledger.once('b', HOUR), await ledger.once('c', HOUR)]).toEqual([
    true,
    true,
    true,
  ]);
  expect([await ledger.once('c', HOUR), await ledger.once('b', HOUR)]).toEqual([false, false]);
  expect(await ledger.once('a', HOUR)).toBe(true);
  expect(await seen(ledger, 'kept')).toBe('adopt');
});

test('100,000 connections are kept unless told otherwise, no more', async () => {
  const { ledger } = aged();
  // Claims only, all at once: a record each, and nothing more to pay for.
  await Promise.all(Array.from({ length: 100_001 }, (_none, number) => ledger.acquire(`key ${number}`, claim())));
  expect(await seen(ledger, 'key 1')).toBe('wait');
  expect(await seen(ledger, 'key 100000')).toBe('wait');
  expect(await seen(ledger, 'key 0')).toBe('won');
});

test('ended connections fill half of a ledger at most, and crowd out no other', async () => {
  const { ledger } = aged(10);
  for (const key of ['a', 'b', 'c', 'd', 'e']) await refresh(ledger, key);
  for (let i = 0; i < 100; i += 1) await ledger.revoke(`ended ${i}`, HOUR);
  for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await seen(ledger, key)).toBe('adopt');
  expect([await seen(ledger, 'ended 95'), await seen(ledger, 'ended 99')]).toEqual(['revoked', 'revoked']);
  expect(await seen(ledger, 'ended 94')).toBe('won');
});

test('only differences of the clock count: one that runs below zero will do', async () => {
  const ledger = memoryLedger({ now: () => -HOUR });
  await refresh(ledger, 'key');
  expect(await ledger.acquire('key', claim(1))).toMatchObject({ kind: 'won', fence: 2 });
  expect(await ledger.acquire('key', { ...claim(1), claimant: 'b' })).toEqual({ kind: 'wait', ms: 10_000 });
});

test.each([
  { maxRecords: 0 },
  { maxRecords: 1.5 },
  { maxRecords: 10_000_001 },
  { maxRecords: '5' },
  { now: 7 },
  { maxRecord: 5 },
])('%j is refused without its value', (options) => {
  let thrown: unknown;
  try {
    memoryLedger(options as never);
  } catch (error) {
    thrown = error;
  }
  expect(isConnectError(thrown) && [thrown.code, thrown.message]).toEqual([
    'ERR_CONNECT_OPTIONS',
    'memoryLedger() takes maxRecords (a whole number of 1–10000000) and now (a function), nothing else.',
  ]);
});

test('in a worker of node:cluster the first ledger warns, and no other', () => {
  const worker = jest.replaceProperty(cluster, 'isWorker', true);
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    for (let more = 0; more < 3; more += 1) memoryLedger();
    expect(warn.mock.calls).toEqual([
      [
        'memoryLedger() coordinates one process only, and this one is a worker of node:cluster.',
        { code: 'CONNECT_AUTH_MEMORY_LEDGER', detail: expect.stringContaining('Pass ledger: redisLedger(') as unknown },
      ],
    ]);
  } finally {
    warn.mockRestore();
    worker.restore();
  }
});

test('the file starts no timer at all', () => {
  for (const name of ['memory-ledger', 'bounded-records', 'record']) {
    const text = readFileSync(join(__dirname, `../../../src/refresh/${name}.ts`), 'utf8');
    expect(text).not.toMatch(/setTimeout|setInterval|setImmediate/u);
  }
});
