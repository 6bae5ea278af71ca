import { patientLedger } from '../../support/patient-ledger';
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
    const ledger = patientLedger({ sendCommand: client.sendCommand, encryptionKeys });
    return { ledger, advance: (ms) => advance(redis, ms) };
  });
});
