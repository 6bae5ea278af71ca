import { execFileSync } from 'node:child_process';
import { redisLedger } from '../../../src/redis';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { CLIENTS } from './clients';

const COMMAND_TIMEOUT_MS = 50;

describeInRedis('a process that stalls while Redis answers', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  /** Lets nothing of this process run before Redis has stored the key, and then for three times as long as it waits. */
  function stallUntilStored(key: string): void {
    const program = `
      const socket = require('node:net').connect(${redis.port}, '127.0.0.1');
      const ask = () => socket.write('EXISTS ${key}\\r\\n');
      socket.on('data', (reply) => {
        if (String(reply).startsWith(':1')) setTimeout(() => process.exit(), ${3 * COMMAND_TIMEOUT_MS});
        else ask();
      });
      ask();`;
    execFileSync(process.execPath, ['-e', program], { timeout: 300_000 });
  }

  test.each(Object.entries(CLIENTS))(
    'takes the answer that came in time, although it reads it late (%s)',
    async (_name, connect) => {
      const { sendCommand } = await connect(redis.url);
      const ledgerThatWaits = (commandTimeoutMs: number) =>
        redisLedger({
          sendCommand,
          encryptionKeys: [{ id: 'k1', secret: 'a ledger secret of the tests, 32 bytes or more' }],
          commandTimeoutMs,
        });
      const claim = { generation: 0, claimant: 'a', leaseMs: 600_000, minAgeMs: 0, retentionMs: 600_000 };
      await redis.command('FLUSHALL');
      // Once, so that Redis knows the script, and the answer takes one round trip.
      await ledgerThatWaits(5000).acquire('warm', claim);
      const asked = ledgerThatWaits(COMMAND_TIMEOUT_MS).acquire('stalled', claim);
      // The command leaves.
      await new Promise((resolve) => setImmediate(resolve));
      stallUntilStored('connect-auth:stalled');

      expect(await asked).toEqual({ kind: 'won', fence: 1, ambiguous: false, attempts: 0, refusals: 0, ended: false });
    },
  );
});
