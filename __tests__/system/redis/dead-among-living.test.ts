import { patientLedger } from '../../support/patient-ledger';
import { CROWD_LIFETIME_SECONDS, CROWD_ROUND_MS, startCrowd, sumOf, type Answers } from '../../support/crowd';
import { takeOverTime } from '../../support/refreshing';
import { startRedis } from '../../support/redis-server';
import { describeInRedis, inCi } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { advance, CLIENTS } from './clients';

// Thousands of requests, on machines that are busy with other suites.

const SHAPES = ['flat', 'text', 'empty'] as const;
/** In CI 3,240 and 3,540 answers to the living. */
const ROUNDS_OF_60 = inCi() ? 60 : 6;

describeInRedis('of connections that the provider refuses with 401 as number, text or nothing,', () => {
  test.each([
    { dead: 200, visitors: 1000, rounds: 3 },
    { dead: 6, visitors: 60, rounds: ROUNDS_OF_60 },
    { dead: 1, visitors: 60, rounds: ROUNDS_OF_60 },
  ])('$dead among $visitors cost the living nothing in $rounds rounds', async ({ dead, visitors, rounds }) => {
    const time = takeOverTime();
    const sandbox = await startSandbox({
      switches: { deadGrantAs: 401, lifetimeSeconds: CROWD_LIFETIME_SECONDS },
      now: () => Date.now(),
    });
    const redis = await startRedis();
    const ledger = patientLedger({
      sendCommand: (await CLIENTS.ioredis(redis.url)).sendCommand,
      encryptionKeys: [{ id: 'a', secret: 'a ledger secret of the crowd, 40 letters' }],
    });
    const crowd = await startCrowd(sandbox, { visitors, dead, options: { ledger } });
    const counted: Answers[] = [];
    for (let round = 0; round < rounds; round += 1) {
      sandbox.set({ errorShape: SHAPES[round % SHAPES.length] ?? 'flat' });
      time.pass(CROWD_ROUND_MS);
      await advance(redis, CROWD_ROUND_MS);
      counted.push(await crowd.ask(round % 2 === 0 ? 'dead first' : 'mixed'));
    }
    expect(sumOf(counted)).toEqual({
      healthy: (visitors - dead) * rounds,
      healthyRefused: 0,
      dead: dead * rounds,
      deadTold: dead * rounds,
    });
  });
});
