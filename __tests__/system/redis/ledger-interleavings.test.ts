import fc from 'fast-check';
import { patientLedger } from '../../support/patient-ledger';
import { SCHEDULES, play, type Tally } from '../../support/ledger-actors';
import { runs } from '../../support/property';
import { startRedis } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { CLIENTS, advance } from './clients';

const RUNS = runs(1729, 200);

describeInRedis('the ledger in Redis, whatever happens', () => {
  test('in random schedules of three actors that crash and freeze, it keeps every promise', async () => {
    const redis = await startRedis();
    const client = await CLIENTS['node-redis, RESP2'](redis.url);
    const ledger = patientLedger({
      sendCommand: client.sendCommand,
      encryptionKeys: [{ id: 'one', secret: 'a secret of the ledger with 40 letters..' }],
    });
    const tally: Tally = {};
    let run = 0;
    await fc.assert(
      fc.asyncProperty(SCHEDULES, async (steps) => {
        await redis.command('FLUSHALL');
        run += 1;
        await play({ ledger, advance: (ms) => advance(redis, ms) }, `key ${run}`, steps, tally);
      }),
      RUNS,
    );
    for (const what of [
      'won, sure',
      'won, ambiguous',
      'adopt',
      'wait',
      'backoff',
      'dead',
      'revoked',
      'superseded',
      'ended by refusals',
    ]) {
      expect({ what, isCovered: (tally[what] ?? 0) > RUNS.numRuns / 100 }).toEqual({ what, isCovered: true });
    }
  });
});
