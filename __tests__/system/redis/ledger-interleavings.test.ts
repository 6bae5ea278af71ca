import { playRandomly } from '../../support/ledger-actors';
import { patientLedger } from '../../support/patient-ledger';
import { runs } from '../../support/property';
import { startRedis } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { CLIENTS, advance } from './clients';

describeInRedis('the ledger in Redis, whatever happens', () => {
  test('in random schedules of three actors that crash and freeze, it keeps every promise', async () => {
    const redis = await startRedis();
    const client = await CLIENTS['node-redis, RESP2'](redis.url);
    const ledger = patientLedger({
      sendCommand: client.sendCommand,
      encryptionKeys: [{ id: 'one', secret: 'a secret of the ledger with 40 letters..' }],
    });
    await playRandomly(runs(1729, 200), async () => {
      await redis.command('FLUSHALL');
      return { ledger, advance: (ms) => advance(redis, ms) };
    });
  });
});
