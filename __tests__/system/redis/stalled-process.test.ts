import { redisLedger } from '../../../src/redis';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { CLIENTS } from './clients';

describeInRedis('a process that stalls while Redis answers', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  test.each(Object.entries(CLIENTS))(
    'takes the answer that came in time, although it reads it late (%s)',
    async (_name, connect) => {
      const client = await connect(redis.url);
      const ledger = redisLedger({
        sendCommand: client.sendCommand,
        encryptionKeys: [{ id: 'k1', secret: 'a ledger secret of the tests, 32 bytes or more' }],
        commandTimeoutMs: 50,
      });
      const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: 60_000 };
      await redis.command('FLUSHALL');
      // Once, so that Redis knows the script, and the answer takes one round trip.
      await ledger.acquire('warm', claim);
      const asked = ledger.acquire('stalled', claim);
      // The command has left; then nothing of this process runs for longer than it is ready to wait.
      await new Promise((resolve) => setImmediate(resolve));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);

      expect(await asked).toEqual({ kind: 'won', fence: 1, ambiguous: false, attempts: 0, refusals: 0, ended: false });
    },
  );
});
