import { redisLedger } from '../../../src/redis';
import { testEndings } from '../../support/endings';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { advance, CLIENTS, type Client } from './clients';

const encryptionKeys = [{ id: 'a', secret: 'a ledger secret of the endings, 40 letters' }];

describeInRedis('with the ledger in Redis', () => {
  let redis: RedisServer;
  let client: Client;
  beforeAll(async () => {
    redis = await startRedis();
    client = await CLIENTS.ioredis(redis.url);
  });

  testEndings(async () => {
    await redis.command('FLUSHALL');
    // A busy machine is not a ledger that is away.
    const ledger = redisLedger({ sendCommand: client.sendCommand, encryptionKeys, commandTimeoutMs: 5000 });
    return { ledger, advance: (ms) => advance(redis, ms) };
  });
});
