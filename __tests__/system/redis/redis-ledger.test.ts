import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import { redisLedger, type RedisLedgerOptions } from '../../../src/redis';
import { patientLedger } from '../../support/patient-ledger';
import { ledgerConformance } from '../../../src/testing';
import type { RefreshLedger } from '../../../src/ledger/ledger';
import { findSecrets } from '../../support/find-secret';
import { startRedis, startRedisProxy, type RedisProxy, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { advance, CLIENTS, type Client } from './clients';

const HOUR = 3_600_000;
const KEY = 'k'.repeat(43);
const OLD_KEY = { id: 'old', secret: 'the old secret of the ledger, 40 letters' };
const NEW_KEY = { id: 'new', secret: 'the new secret of the ledger, 40 letters' };
const encryptionKeys = [OLD_KEY];
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR };
const failure = {
  claimant: 'a',
  kind: 'transient',
  backoffMs: 1000,
  error: 'unavailable',
  ambiguous: false,
  retentionMs: HOUR,
} as const;
const success = { generation: 0, fence: 1, box: 'box 1', retentionMs: HOUR };

async function faultOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isConnectError(error)) throw new Error(`no ConnectError: ${inspect(error)}`);
  return { code: error.code, status: error.status, reason: error.reason, retryAfterSeconds: error.retryAfterSeconds };
}

const away = (reason: string) => ({ code: 'ERR_CONNECT_LEDGER', status: 503, reason, retryAfterSeconds: 2 });

describeInRedis('the ledger in Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  describe.each(Object.entries(CLIENTS))('through %s', (_name, connect) => {
    let client: Client;
    beforeAll(async () => {
      client = await connect(redis.url);
    });

    const cases = ledgerConformance(async () => {
      await redis.command('FLUSHALL');
      return {
        ledger: patientLedger({ sendCommand: client.sendCommand, encryptionKeys }),
        advance: (ms) => advance(redis, ms),
      };
    });
    test.each(cases)('$name', ({ run }) => run());

    test('a Redis that has forgotten the scripts gets them again', async () => {
      const ledger = patientLedger({ sendCommand: client.sendCommand, encryptionKeys });
      await redis.command('SCRIPT', 'FLUSH');
      expect((await ledger.acquire('forgotten', claim)).kind).toBe('won');
      expect(await ledger.renew('forgotten', 'a', 10_000)).toBe(true);
    });

    test('no address, key or box is in an error', async () => {
      const seen: unknown[] = [];
      const ledger = patientLedger({ sendCommand: client.sendCommand, encryptionKeys, prefix: 'leaky:' });
      await redis.command('SET', `leaky:${KEY}`, 'no hash');
      for (const work of [
        () => ledger.acquire(KEY, claim),
        () => ledger.settle(KEY, { ...success, box: 'secret-box-text-0123456789' }),
        () => ledger.renew(KEY, 'a', 1000),
        () => ledger.fail(KEY, failure),
      ]) {
        await work().catch((error: unknown) => seen.push(error));
      }
      expect(seen.map((error) => isConnectError(error) && error.reason)).toEqual(Array(4).fill('refused'));
      const text = seen
        .map((error) => inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error))
        .join('\n');
      expect(
        findSecrets(text, [
          { name: 'key', value: KEY },
          { name: 'box', value: 'secret-box-text-0123456789' },
          { name: 'address', value: `127.0.0.1:${redis.port}` },
          { name: 'secret', value: OLD_KEY.secret },
        ]),
      ).toEqual([]);
    });
  });

  describe('by node-redis', () => {
    let client: Client;
    let sent: string[][];
    const ledgerWith = (more: Partial<RedisLedgerOptions> = {}): RefreshLedger =>
      patientLedger({
        sendCommand: (...args) => {
          sent.push(args);
          return client.sendCommand(...args);
        },
        encryptionKeys,
        ...more,
      });
    beforeAll(async () => {
      client = await CLIENTS['node-redis, RESP2'](redis.url);
    });
    beforeEach(async () => {
      sent = [];
      await redis.command('FLUSHALL');
    });

    test('each operation is one command on one key under the prefix', async () => {
      const ledger = ledgerWith({ prefix: 'app{1}:' });
      const all = async (key: string): Promise<void> => {
        await ledger.acquire(key, claim);
        await ledger.renew(key, 'a', 1000);
        await ledger.fail(key, failure);
        await ledger.settle(key, success);
        await ledger.revoke(key, HOUR);
      };
      await all('warm');
      sent = [];
      await all(KEY);
      await ledger.once('name', HOUR);
      expect(sent.map((args) => (args[0] === 'SET' ? [args[0], args[1]] : [args[0], args[2], args[3]]))).toEqual([
        ...Array<string[]>(5).fill(['EVALSHA', '1', `app{1}:${KEY}`]),
        ['SET', 'app{1}:once:name'],
      ]);
      expect(((await redis.command('KEYS', '*')) as string[]).sort()).toEqual([
        `app{1}:${KEY}`,
        'app{1}:once:name',
        'app{1}:warm',
      ]);
    });

    test('every key has a time to live, and what is left of an ended connection holds no token set', async () => {
      const ledger = ledgerWith();
      await ledger.acquire(KEY, claim);
      await ledger.settle(KEY, success);
      await ledger.once('name', HOUR);
      for (const key of (await redis.command('KEYS', '*')) as string[]) {
        const left = Number(await redis.command('PTTL', key));
        expect(left).toBeGreaterThan(HOUR - 60_000);
        expect(left).toBeLessThanOrEqual(HOUR);
      }
      await ledger.revoke(KEY, HOUR);
      expect(((await redis.command('HKEYS', `connect-auth:${KEY}`)) as string[]).sort()).toEqual(['st']);
    });

    describe('a record that version 0.1 has left', () => {
      const name = `connect-auth:${KEY}`;
      const leave = async (...fields: readonly (string | number)[]): Promise<void> => {
        await redis.command('HSET', name, 'g', 0, 'fence', 3, 'amb', 0, 'att', 2, ...fields);
        await redis.command('PEXPIRE', name, HOUR);
      };
      const LATER = Date.now() + HOUR;
      const EARLIER = 1;
      const WON = { kind: 'won', fence: 4, ambiguous: false, attempts: 2, refusals: 0, ended: false };

      test('in a back-off is waited for, and then its refusals are counted from zero', async () => {
        const ledger = ledgerWith();
        await leave('st', 'backoff', 'dl', LATER, 'err', 'suspect');
        expect(await ledger.acquire(KEY, claim)).toMatchObject({ kind: 'backoff', error: 'suspect' });
        await redis.command('HSET', name, 'dl', EARLIER);
        expect(await ledger.acquire(KEY, claim)).toEqual(WON);
        expect(await ledger.fail(KEY, { ...failure, kind: 'refused', error: 'refused' })).toBe('recorded');
        await redis.command('HSET', name, 'dl', EARLIER);
        expect(await ledger.acquire(KEY, claim)).toEqual({ ...WON, fence: 5, attempts: 3, refusals: 1 });
      });

      test('under a claim is failed, settled or revoked', async () => {
        const ledger = ledgerWith();
        for (const kind of ['transient', 'refused', 'terminal'] as const) {
          await redis.command('FLUSHALL');
          await leave('st', 'pending', 'dl', LATER, 'own', 'a');
          expect(await ledger.acquire(KEY, claim)).toEqual({ ...WON, fence: 3 });
          expect(await ledger.fail(KEY, { ...failure, kind })).toBe(kind === 'terminal' ? 'ended' : 'recorded');
        }
        await redis.command('FLUSHALL');
        await leave('st', 'pending', 'dl', LATER, 'own', 'a');
        expect(await ledger.settle(KEY, { ...success, fence: 3 })).toEqual({ kind: 'settled', generation: 1 });
        expect(await ledger.revoke(KEY, HOUR)).toEqual({ first: true, box: 'box 1' });
      });

      test('of a dead connection has ended before', async () => {
        const ledger = ledgerWith();
        await leave('st', 'dead', 'dl', LATER, 'err', 'invalid_grant');
        expect(await ledger.acquire(KEY, claim)).toEqual({ kind: 'dead', error: 'invalid_grant' });
        await redis.command('HSET', name, 'dl', EARLIER);
        expect(await ledger.acquire(KEY, claim)).toEqual({ ...WON, ended: true });
        expect(await ledger.fail(KEY, failure)).toBe('ended');
        expect(await ledger.revoke(KEY, HOUR)).toEqual({ first: false });
      });

      test('of a disconnect stays revoked', async () => {
        const ledger = ledgerWith();
        await redis.command('HSET', name, 'st', 'revoked', 'g', 0, 'fence', 3);
        expect(await ledger.acquire(KEY, claim)).toEqual({ kind: 'revoked' });
        expect(await ledger.revoke(KEY, HOUR)).toEqual({ first: false });
      });
    });

    test('a dump of Redis holds no token, whatever its spelling', async () => {
      const ledger = ledgerWith();
      const secrets = [
        { name: 'access token', value: 'access-0123456789abcdefABCDEF' },
        { name: 'refresh token', value: 'refresh-0123456789abcdefABCDEF' },
      ];
      const box = JSON.stringify({ access_token: secrets[0]!.value, refresh_token: secrets[1]!.value, type: 'bearer' });
      await ledger.acquire(KEY, claim);
      await ledger.settle(KEY, { ...success, box });
      const dump = String(await redis.command('DUMP', `connect-auth:${KEY}`));
      const fields = (await redis.command('HGETALL', `connect-auth:${KEY}`)) as string[];
      expect(fields.length).toBeGreaterThan(10);
      expect(dump).toContain('box');
      expect(findSecrets(box, secrets)).not.toEqual([]);
      expect(findSecrets([dump, ...fields, await redis.command('KEYS', '*')].join('\n'), secrets)).toEqual([]);
      expect(await ledger.acquire(KEY, claim)).toMatchObject({ kind: 'adopt', box });
    });

    test('a rotated key ring opens what the old one sealed, and seals with the new one', async () => {
      await ledgerWith().acquire(KEY, claim);
      await ledgerWith().settle(KEY, success);
      const rotated = ledgerWith({ encryptionKeys: [NEW_KEY, OLD_KEY] });
      expect(await rotated.acquire(KEY, claim)).toMatchObject({ kind: 'adopt', box: 'box 1' });
      const won = await rotated.acquire(KEY, { ...claim, generation: 1 });
      await rotated.settle(KEY, { ...success, generation: 1, fence: won.kind === 'won' ? won.fence : 0 });
      expect(await redis.command('HGET', `connect-auth:${KEY}`, 'box')).toMatch(/^v1\.new\./u);
    });

    test.each(['another ring', 'another key with the same id', 'moved from another record', 'changed'])(
      'a box that does not open (%s) is an error, never a missing one',
      async (how) => {
        await ledgerWith().acquire(KEY, claim);
        await ledgerWith().settle(KEY, success);
        const name = `connect-auth:${KEY}`;
        const sealed = String(await redis.command('HGET', name, 'box'));
        if (how === 'changed') await redis.command('HSET', name, 'box', `${sealed.slice(0, -4)}AAAA`);
        if (how === 'moved from another record') {
          await ledgerWith().acquire('other', claim);
          await ledgerWith().settle('other', success);
          await redis.command('HSET', name, 'box', String(await redis.command('HGET', 'connect-auth:other', 'box')));
        }
        const rings = { 'another ring': [NEW_KEY], 'another key with the same id': [{ ...NEW_KEY, id: 'old' }] };
        const ring = (rings[how as keyof typeof rings] as typeof encryptionKeys | undefined) ?? encryptionKeys;
        const ledger = ledgerWith({ encryptionKeys: ring });
        expect(await faultOf(ledger.acquire(KEY, claim))).toEqual(away('key'));
        expect(await faultOf(ledger.settle(KEY, { ...success, fence: 0 }))).toEqual(away('key'));
        // Ended is ended all the same.
        expect(await ledgerWith({ encryptionKeys: ring }).revoke(KEY, HOUR)).toEqual({ first: true });
        expect(await ledgerWith().acquire(KEY, claim)).toEqual({ kind: 'revoked' });
      },
    );

    test.each([
      ['no list', 'hello'],
      ['an unknown word', ['perhaps']],
      ['a number that is none', ['wait', 'soon']],
      ['nothing', null],
      ['an object', { kind: 'won' }],
      ['an empty list', []],
    ])('a reply that no script of ours gives (%s) is an error', async (_what, reply) => {
      const ledger = redisLedger({ encryptionKeys, sendCommand: () => Promise.resolve(reply) });
      for (const work of [
        () => ledger.acquire(KEY, claim),
        () => ledger.settle(KEY, success),
        () => ledger.renew(KEY, 'a', 1),
        () => ledger.fail(KEY, failure),
      ]) {
        expect((await faultOf(work()))['code']).toBe('ERR_CONNECT_LEDGER');
      }
    });

    test.each(['QUEUED', 1, ['OK']])('a reply that SET does not give (%j) claims no name', async (reply) => {
      const ledger = redisLedger({ encryptionKeys, sendCommand: () => Promise.resolve(reply) });
      expect(await faultOf(ledger.once('name', HOUR))).toEqual(away('answer'));
    });

    test('a Redis that is full refuses, and what it holds stays as it is', async () => {
      await ledgerWith().acquire(KEY, claim);
      await redis.command('CONFIG', 'SET', 'maxmemory', '1');
      try {
        expect(await faultOf(ledgerWith().settle(KEY, success))).toEqual(away('refused'));
        expect(await faultOf(ledgerWith().once('name', HOUR))).toEqual(away('refused'));
      } finally {
        await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      }
      expect(await ledgerWith().settle(KEY, success)).toEqual({ kind: 'settled', generation: 1 });
    });

    test('a client that throws at once is a Redis that is away', async () => {
      const ledger = redisLedger({
        encryptionKeys,
        sendCommand: () => {
          throw new Error('redis://user:password@10.0.0.1');
        },
      });
      expect(await faultOf(ledger.acquire(KEY, claim))).toEqual(away('refused'));
      expect(await faultOf(ledger.once('name', 1))).toEqual(away('refused'));
    });
  });

  describe.each([
    ['node-redis', CLIENTS['node-redis, RESP2']],
    ['ioredis', CLIENTS.ioredis],
  ])('a Redis in trouble, seen by %s', (_name, connect) => {
    let proxy: RedisProxy;
    let client: Client;
    beforeEach(async () => {
      await redis.command('FLUSHALL');
      proxy = await startRedisProxy(redis.port);
      client = await connect(proxy.url);
    });
    const ledgerWith = (commandTimeoutMs = 1000): RefreshLedger =>
      redisLedger({
        sendCommand: (...args) => client.sendCommand(...args),
        encryptionKeys,
        commandTimeoutMs,
      });

    test('each operation rejects in time when no answer comes', async () => {
      const ledger = ledgerWith(300);
      proxy.dropAnswers();
      for (const operation of [
        () => ledger.acquire(KEY, claim),
        () => ledger.renew(KEY, 'a', 1),
        () => ledger.settle(KEY, success),
        () => ledger.fail(KEY, failure),
        () => ledger.revoke(KEY, 1),
        () => ledger.once('name', 1),
      ]) {
        const start = performance.now();
        expect(await faultOf(operation())).toEqual(away('timeout'));
        // Not by a time limit of the client or the system.
        expect(performance.now() - start).toBeLessThan(20_000);
      }
    });

    test('a claim whose answer was lost does not lock its own process out', async () => {
      const ledger = ledgerWith();
      await ledger.revoke('warm', 1000);
      await ledger.acquire('warm 2', claim);
      proxy.dropAnswers();
      expect(await faultOf(ledger.acquire(KEY, claim))).toEqual(away('timeout'));
      expect(await redis.command('HGET', `connect-auth:${KEY}`, 'st')).toBe('pending');
      proxy.heal();
      expect(await untilBack(() => ledger.acquire(KEY, claim))).toEqual({
        kind: 'won',
        fence: 1,
        ambiguous: false,
        attempts: 0,
        refusals: 0,
        ended: false,
      });
      expect((await ledger.acquire(KEY, { ...claim, claimant: 'b' })).kind).toBe('wait');
    });
  });

  /** Clients take a moment to connect again. */
  async function untilBack<Answer>(operation: () => Promise<Answer>): Promise<Answer> {
    for (let left = 50; ; left -= 1) {
      try {
        return await operation();
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  }
});
