import * as storeScripts from '../../../src/connections/redis/scripts';
import * as ledgerScripts from '../../../src/ledger/redis/scripts';
import { redisConnections } from '../../../src/redis';
import { patientLedger } from '../../support/patient-ledger';
import { connectionStoreConformance, ledgerConformance } from '../../../src/testing';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { blocks } from '../docs/markdown';
import { advance, CLIENTS, type Client } from './clients';

const encryptionKeys = [{ id: 'key', secret: 'the secret of the ledger, forty letters' }];

const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: 60_000 };

/** The line of docs/scaling.md that makes a user who may do what the ledger needs, and no more. */
const line = blocks('docs/scaling.md')
  .flatMap(({ text }) => text.split('\n'))
  .find((text) => text.startsWith('ACL SETUSER '));
const user = line?.split(' ').slice(2) ?? [];
const granted = user.filter((word) => /^\+\w+$/u.test(word)).map((word) => word.slice(1));

/** What ledger and connections send, and what their scripts call inside Redis, where the user's rights count as well. */
function needed(): string[] {
  const sources = [...Object.values(ledgerScripts), ...Object.values(storeScripts)].map(({ source }) => source);
  const called = sources.flatMap((source) =>
    [...source.matchAll(/redis\.call\('(\w+)'/gu)].map(([, name = '']) => name),
  );
  return [...new Set(['EVALSHA', 'EVAL', 'SET', 'HMGET', ...called])].map((name) => name.toLowerCase()).sort();
}

test('docs/scaling.md grants the commands that the ledger and its scripts use, and no other', () => {
  expect([...granted].sort()).toEqual(needed());
});

describeInRedis('as the user of docs/scaling.md', () => {
  let redis: RedisServer;
  let client: Client;
  beforeAll(async () => {
    redis = await startRedis();
    await redis.command('ACL', 'SETUSER', ...user);
    const url = redis.url.replace('redis://', `redis://${user[0] ?? ''}:password@`);
    client = await CLIENTS['node-redis, RESP2'](url);
  });

  const ledger = () => patientLedger({ sendCommand: client.sendCommand, encryptionKeys });
  const cases = ledgerConformance(async () => {
    await redis.command('FLUSHALL');
    return { ledger: ledger(), advance: (ms) => advance(redis, ms) };
  });
  test.each(cases)('$name', ({ run }) => run());

  const storeCases = connectionStoreConformance(() => ({
    store: redisConnections({ sendCommand: client.sendCommand, encryptionKeys, commandTimeoutMs: 5000 }),
  }));
  test.each(storeCases)('of connections: $name', ({ run }) => run());

  test('with ioredis it needs INFO as well, as docs/scaling.md says', async () => {
    const url = redis.url.replace('redis://', `redis://${user[0] ?? ''}:password@`);
    await redis.command('ACL', 'SETUSER', user[0] ?? '', '+info');
    const { sendCommand } = await CLIENTS.ioredis(url);
    expect((await patientLedger({ sendCommand, encryptionKeys }).acquire('by-ioredis', claim)).kind).toBe('won');
    await redis.command('ACL', 'SETUSER', user[0] ?? '', '-info');
  });

  test('it may do nothing else: no other command, and no other key', async () => {
    await expect(client.sendCommand('GET', 'connect-auth:key')).rejects.toThrow('NOPERM');
    await expect(client.sendCommand('SET', 'of-the-app', '1')).rejects.toThrow('NOPERM');
  });
});
