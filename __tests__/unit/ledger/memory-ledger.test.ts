import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isConnectError } from '../../../src/errors/connect-error';
import type { Forgotten, RefreshLedger } from '../../../src/ledger/ledger';
import { memoryLedger, type MemoryLedgerOptions } from '../../../src/ledger/memory-ledger';
import { cleanup } from '../../support/cleanup';

const HOUR = 3_600_000;

interface Aged {
  readonly ledger: RefreshLedger;
  readonly clock: { now: number };
  /** What the ledger has told of. */
  readonly told: Forgotten[];
}

function aged(maxRecords?: number, more: MemoryLedgerOptions = {}): Aged {
  const clock = { now: 5 };
  const ledger = memoryLedger({ now: () => clock.now, maxRecords, ...more });
  const told: Forgotten[] = [];
  ledger.onForgotten?.((forgotten) => void told.push(forgotten));
  return { clock, ledger, told };
}

/** Whatever is warned of in a test, and nobody need read it in the report. */
let warn: jest.SpyInstance<void, Parameters<typeof process.emitWarning>>;
beforeEach(() => {
  warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  cleanup(() => warn.mockRestore());
});

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

test('ended connections have a bound of their own and crowd out no other', async () => {
  const { ledger } = aged(5);
  for (const key of ['a', 'b', 'c', 'd', 'e']) await refresh(ledger, key);
  for (let i = 0; i < 100; i += 1) await ledger.revoke(`ended ${i}`, HOUR);
  for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await seen(ledger, key)).toBe('adopt');
  expect([await seen(ledger, 'ended 95'), await seen(ledger, 'ended 99')]).toEqual(['revoked', 'revoked']);
  expect(await seen(ledger, 'ended 94')).toBe('won');
});

test('as many disconnects as maxTombstones are remembered, and the next one is reported', async () => {
  const { ledger, told } = aged(undefined, { maxTombstones: 1000 });
  await Promise.all(Array.from({ length: 1000 }, (_none, number) => ledger.revoke(`ended ${number}`, HOUR)));
  expect(told).toEqual([]);
  expect(warn).not.toHaveBeenCalled();
  await ledger.revoke('one more', HOUR);
  expect(told).toEqual([{ what: 'tombstone', count: 1 }]);
  expect(warn.mock.calls).toEqual([
    [
      'memoryLedger() is full and has forgotten that a connection has ended.',
      { code: 'CONNECT_AUTH_LEDGER_FULL', detail: expect.stringContaining('maxTombstones') as unknown },
    ],
  ]);
});

describe('a ledger that forgets something before its time', () => {
  const drops = {
    record: (ledger: RefreshLedger, name: string) => refresh(ledger, name),
    tombstone: (ledger: RefreshLedger, name: string) => ledger.revoke(name, HOUR),
    claim: (ledger: RefreshLedger, name: string) => ledger.once(name, HOUR),
  };

  test.each(Object.entries(drops))('tells of the first %s at once, then of the sum of a minute', async (what, drop) => {
    const { ledger, told, clock } = aged(2);
    for (const name of ['a', 'b']) await drop(ledger, name);
    expect(told).toEqual([]);
    await drop(ledger, 'c');
    expect(told).toEqual([{ what, count: 1 }]);
    for (const name of ['d', 'e', 'f']) await drop(ledger, name);
    clock.now += 59_999;
    await drop(ledger, 'g');
    expect(told).toHaveLength(1);
    clock.now += 1;
    await drop(ledger, 'h');
    expect(told).toEqual([
      { what, count: 1 },
      { what, count: 5 },
    ]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test('tells of a refresh in flight, too', async () => {
    const { ledger, told } = aged(1);
    for (const key of ['one', 'two']) await ledger.acquire(key, claim());
    expect(told).toEqual([{ what: 'record', count: 1 }]);
  });

  test('tells of nothing that has expired, wherever it stands among others', async () => {
    const { ledger, told, clock } = aged(3);
    await ledger.revoke('for long', 9 * HOUR);
    await ledger.revoke('for an hour', HOUR);
    await ledger.revoke('for two hours', 2 * HOUR);
    clock.now += HOUR;
    await ledger.revoke('next', HOUR);
    expect([await seen(ledger, 'for long'), await seen(ledger, 'for two hours')]).toEqual(['revoked', 'revoked']);
    expect(told).toEqual([]);
    await ledger.revoke('one too many', HOUR);
    expect(told).toEqual([{ what: 'tombstone', count: 1 }]);
    expect(await seen(ledger, 'for long')).toBe('won');
  });

  test('tells of nobody who has only looked, and gives those up first', async () => {
    const { ledger, told } = aged(3);
    await refresh(ledger, 'a connection');
    for (let look = 0; look < 9; look += 1) {
      await ledger.acquire(`look ${look}`, { ...claim(), leaseMs: 1, retentionMs: 50 });
      await ledger.once(`look ${look}`, 1);
    }
    expect(await seen(ledger, 'a connection')).toBe('adopt');
    expect(told).toEqual([]);
  });

  test('goes on when a listener throws, and tells the others', async () => {
    const { ledger } = aged(1);
    const others: Forgotten[] = [];
    ledger.onForgotten?.(() => {
      throw new Error('a listener');
    });
    ledger.onForgotten?.((forgotten) => void others.push(forgotten));
    expect(await ledger.revoke('one', HOUR)).toEqual({ first: true });
    expect(await ledger.revoke('two', HOUR)).toEqual({ first: true });
    expect(others).toEqual([{ what: 'tombstone', count: 1 }]);
  });
});

test('no number of looks pushes a claim out', async () => {
  const { ledger, told } = aged(3);
  for (const name of ['a', 'b', 'c']) expect(await ledger.once(name, HOUR)).toBe(true);
  for (let look = 0; look < 9; look += 1) expect(await ledger.once(`look ${look}`, 1)).toBe(true);
  expect(await ledger.once('look 8', 1)).toBe(false);
  for (const name of ['a', 'b', 'c']) expect(await ledger.once(name, 1)).toBe(false);
  expect(told).toEqual([]);
});

test.each([
  ['maxTombstones', async (ledger: RefreshLedger, name: string) => (await ledger.revoke(name, HOUR)).first],
  ['maxClaims', (ledger: RefreshLedger, name: string) => ledger.once(name, HOUR)],
] as const)('%s is apart from maxRecords', async (option, isNew) => {
  const { ledger } = aged(1, { [option]: 3 });
  for (const name of ['a', 'b', 'c', 'd']) expect(await isNew(ledger, name)).toBe(true);
  expect({ b: await isNew(ledger, 'b'), c: await isNew(ledger, 'c'), d: await isNew(ledger, 'd') }).toEqual({
    b: false,
    c: false,
    d: false,
  });
  expect(await isNew(ledger, 'a')).toBe(true);
});

test('only differences of the clock count: one that runs below zero will do', async () => {
  const ledger = memoryLedger({ now: () => -HOUR });
  await refresh(ledger, 'key');
  expect(await ledger.acquire('key', claim(1))).toMatchObject({ kind: 'won', fence: 2 });
  expect(await ledger.acquire('key', { ...claim(1), claimant: 'b' })).toEqual({ kind: 'wait', ms: 10_000 });
});

const SIZE = 'expected a whole number of 1–10000000';
test.each([
  [{ maxRecords: 0 }, `maxRecords (${SIZE})`],
  [{ maxRecords: 1.5 }, `maxRecords (${SIZE})`],
  [{ maxTombstones: 10_000_001 }, `maxTombstones (${SIZE})`],
  [{ maxRecords: '5', maxClaims: null }, `maxRecords (${SIZE}); maxClaims (${SIZE})`],
  [{ now: 7 }, 'now (expected a function)'],
  [{ maxRecord: 5 }, 'maxRecord (no such option, did you mean maxRecords?)'],
  [{ 'a secret': 5 }, 'an option whose name is not printable'],
])('%j is refused without its value', (options, complaint) => {
  let thrown: unknown;
  try {
    memoryLedger(options as never);
  } catch (error) {
    thrown = error;
  }
  expect(isConnectError(thrown) && [thrown.code, thrown.message]).toEqual([
    'ERR_CONNECT_OPTIONS',
    `memoryLedger() cannot use these options: ${complaint}.`,
  ]);
});

test('the smallest and the largest sizes are taken', () => {
  for (const size of [1, 10_000_000]) memoryLedger({ maxRecords: size, maxTombstones: size, maxClaims: size });
});

test('in a worker of node:cluster the first ledger warns, and no other', () => {
  const worker = jest.replaceProperty(cluster, 'isWorker', true);
  try {
    for (let more = 0; more < 3; more += 1) memoryLedger();
    expect(warn.mock.calls).toEqual([
      [
        'memoryLedger() coordinates one process only, and this one is a worker of node:cluster.',
        { code: 'CONNECT_AUTH_MEMORY_LEDGER', detail: expect.stringContaining('Pass ledger: redisLedger(') as unknown },
      ],
    ]);
  } finally {
    worker.restore();
  }
});

test('the ledger starts no timer at all', () => {
  const own = ['memory-ledger', 'ledger-by-steps', 'replace', 'record', 'record-text', 'forgotten'];
  for (const name of [...own.map((file) => `ledger/${file}`), 'base/bounded-map', 'base/bounded-numbers']) {
    const text = readFileSync(join(__dirname, `../../../src/${name}.ts`), 'utf8');
    expect(text).not.toMatch(/setTimeout|setInterval|setImmediate/u);
  }
});
