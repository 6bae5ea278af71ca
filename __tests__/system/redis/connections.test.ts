import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import {
  redisConnections,
  redisLedger,
  type ConnectionStore,
  type RedisConnectionsOptions,
  type StoredConnection,
} from '../../../src/redis';
import { connectionStoreConformance } from '../../../src/testing';
import { findSecrets } from '../../support/find-secret';
import { startRedis, startRedisProxy, type RedisProxy, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { CLIENTS, type Client } from './clients';

const encryptionKeys = [{ id: 'one', secret: 'the secret of connections, 40 letters ok' }];
const KEY = 'namespace:user-0123456789@example.com';
const NAME = `connect-auth:owner:${KEY}`;
const RECORD = 'v2.one.label.iv.sealed-record-0123456789';
const LOST = { code: 'ERR_CONNECT_STORE', status: 503, stage: 'refresh', retryAfterSeconds: 2, seen: [] };
const timeout = { ...LOST, reason: 'timeout' };
const failed = { ...LOST, reason: 'failed' };

/** On a machine busy with other work Redis is not away. */
const patient = (options: Partial<RedisConnectionsOptions> & Client): ConnectionStore =>
  redisConnections({ encryptionKeys, commandTimeoutMs: 5000, ...options });

/** Saves, and wins. */
async function saved(store: ConnectionStore, record = RECORD, ifVersion?: string): Promise<string> {
  const version = await store.save(KEY, record, ifVersion);
  if (version === undefined) throw new Error('The save has lost.');
  return version;
}

describeInRedis('connections in Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => redis.command('FLUSHALL'));

  /** What a rejection says, and which of our secrets stand in it. */
  async function faultOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
    const error: unknown = await work.then(
      (answer) => ({ answer }),
      (reason: unknown) => reason,
    );
    if (!isConnectError(error)) throw new Error(`no ConnectError: ${inspect(error)}`);
    const { code, status, stage, reason, retryAfterSeconds } = error;
    const text = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
    const seen = findSecrets(text, [
      { name: 'key', value: KEY },
      { name: 'record', value: RECORD },
      { name: 'address', value: `127.0.0.1:${redis.port}` },
      { name: 'secret', value: encryptionKeys[0]!.secret },
    ]);
    return { code, status, stage, reason, retryAfterSeconds, seen };
  }

  describe.each(Object.entries(CLIENTS))('through %s', (_name, connect) => {
    let client: Client;
    beforeAll(async () => {
      client = await connect(redis.url);
    });

    const cases = connectionStoreConformance(() => ({ store: patient(client) }));
    test.each(cases)('$name', ({ run }) => run());

    test('a Redis that has forgotten the scripts gets them again', async () => {
      const store = patient(client);
      await redis.command('SCRIPT', 'FLUSH');
      const version = await saved(store);
      expect(await store.save(KEY, 'other', undefined)).toBeUndefined();
      await redis.command('SCRIPT', 'FLUSH');
      expect(await store.save(KEY, 'other', undefined)).toBeUndefined();
      await redis.command('SCRIPT', 'FLUSH');
      expect(await store.remove(KEY, version)).toBe(true);
      await redis.command('SCRIPT', 'FLUSH');
      expect(await store.remove(KEY, version)).toBe(false);
    });

    test('what is there under the name, and is none of ours, is an error; nothing of it, and of us, is in that', async () => {
      const store = patient(client);
      await redis.command('SET', NAME, 'a text');
      for (const work of [() => store.load(KEY), () => store.save(KEY, RECORD, 'v'), () => store.remove(KEY, 'v')]) {
        expect(await faultOf(work())).toEqual(failed);
      }
      await redis.command('DEL', NAME);
      await redis.command('HSET', NAME, 'record', RECORD);
      expect(await faultOf(store.load(KEY))).toEqual({ ...LOST, reason: 'answer' });
    });
  });

  describe('of two processes', () => {
    let one: ConnectionStore;
    let two: ConnectionStore;
    beforeAll(async () => {
      one = patient(await CLIENTS['node-redis, RESP2'](redis.url));
      two = patient(await CLIENTS.ioredis(redis.url));
    });

    test('each sees at once what the other has saved or removed', async () => {
      const first = await saved(one);
      expect(await two.load(KEY)).toEqual({ record: RECORD, version: first });
      const second = await saved(two, 'newer', first);
      expect(await one.load(KEY)).toEqual({ record: 'newer', version: second });
      expect(await one.remove(KEY, first)).toBe(false);
      expect(await one.remove(KEY, second)).toBe(true);
      expect(await two.load(KEY)).toBeUndefined();
    });

    test('of 40 saves at once exactly one wins, round after round', async () => {
      let held: StoredConnection | undefined;
      for (let round = 0; round < 10; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, at) =>
            (at % 2 === 0 ? one : two).save(KEY, `record ${round} of writer ${at}`, held?.version),
          ),
        );
        const winners = [...answers.keys()].filter((at) => answers[at] !== undefined);
        expect(winners).toHaveLength(1);
        held = { record: `record ${round} of writer ${winners[0]}`, version: answers[winners[0]!]! };
        expect([await one.load(KEY), await two.load(KEY)]).toEqual([held, held]);
      }
    });
  });

  describe('by node-redis', () => {
    let client: Client;
    beforeAll(async () => {
      client = await CLIENTS['node-redis, RESP2'](redis.url);
    });

    test('a record is one hash beside those of the ledger, under the prefix; nothing of it expires, or stays', async () => {
      const prefix = 'app{1}:';
      const store = patient({ ...client, prefix });
      const ledger = redisLedger({ ...client, encryptionKeys, prefix, commandTimeoutMs: 5000 });
      await ledger.once(KEY, 60_000);
      const first = await saved(store);
      const name = `${prefix}owner:${KEY}`;
      expect(((await redis.command('KEYS', '*')) as string[]).sort()).toEqual([`${prefix}once:${KEY}`, name].sort());
      expect(await redis.command('PTTL', name)).toBe(-1);
      const second = await saved(store, 'newer', first);
      expect(await redis.command('HGETALL', name)).toEqual(['record', 'newer', 'version', second]);
      expect(await redis.command('PTTL', name)).toBe(-1);
      await store.remove(KEY, second);
      expect(await redis.command('EXISTS', name)).toBe(0);
    });

    test('each operation is one command', async () => {
      const sent: string[] = [];
      const store = patient({
        sendCommand: (command = '', ...args) => {
          sent.push(command);
          return client.sendCommand(command, ...args);
        },
      });
      const all = async (): Promise<void> => {
        const version = await saved(store);
        await store.load(KEY);
        await store.remove(KEY, version);
      };
      await all();
      sent.length = 0;
      await all();
      expect(sent).toEqual(['EVALSHA', 'HMGET', 'EVALSHA']);
    });

    test('a Redis that is full refuses, and what it holds stays as it is', async () => {
      const store = patient(client);
      const version = await saved(store);
      await redis.command('CONFIG', 'SET', 'maxmemory', '1');
      try {
        expect(await faultOf(store.save(KEY, 'newer', version))).toEqual(failed);
        expect(await store.load(KEY)).toEqual({ record: RECORD, version });
      } finally {
        await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      }
      expect(await store.save(KEY, 'newer', version)).toMatch(/^[\w-]{22}$/u);
    });
  });

  describe.each([
    ['node-redis', CLIENTS['node-redis, RESP2']],
    ['ioredis', CLIENTS.ioredis],
  ])('a Redis in trouble, seen by %s', (_name, connect) => {
    let proxy: RedisProxy;
    let client: Client;
    beforeEach(async () => {
      proxy = await startRedisProxy(redis.port);
      client = await connect(proxy.url);
    });

    test.each(['dropAnswers', 'dropRequests', 'refuse'] as const)(
      'each operation rejects in time (%s)',
      async (trouble) => {
        const store = patient({ ...client, commandTimeoutMs: 300 });
        proxy[trouble]();
        for (const work of [() => store.load(KEY), () => store.save(KEY, RECORD, 'v'), () => store.remove(KEY, 'v')]) {
          const begun = performance.now();
          // With its connection gone a client may say so at once, or keep the command for later.
          const { reason, ...rest } = await faultOf(work());
          expect(rest).toEqual(LOST);
          expect(trouble === 'refuse' ? ['timeout', 'failed'] : ['timeout']).toContain(reason);
          // Not by a time limit of the client or the system.
          expect(performance.now() - begun).toBeLessThan(20_000);
        }
      },
    );

    test('a save that was carried out, and whose answer is lost with the connection, has won and not lost', async () => {
      const store = patient(client);
      const first = await saved(store);
      proxy.dropAnswers();
      const save = store.save(KEY, 'newer', first);
      await until(async () => (await redis.command('HGET', NAME, 'record')) === 'newer');
      proxy.heal();
      const second = await save;
      expect(await redis.command('HGETALL', NAME)).toEqual(['record', 'newer', 'version', second]);
    });

    test('a save whose answer never comes is an error; who loads again sees whether it has won', async () => {
      const store = patient({ ...client, commandTimeoutMs: 1000 });
      const first = await saved(store);
      proxy.dropAnswers();
      expect(await faultOf(store.save(KEY, 'newer', first))).toEqual(timeout);
      proxy.heal();
      const held = await untilBack(() => store.load(KEY));
      expect(held?.record).toBe('newer');
      expect(await store.save(KEY, 'newest', held?.version)).toMatch(/^[\w-]{22}$/u);
    });
  });

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    while (!(await isSo()));
  }

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
