import { CROWD_LIFETIME_SECONDS, CROWD_ROUND_MS, startCrowd, sumOf, type Answers } from '../../support/crowd';
import { takeOverTime } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

// __tests__/system/redis/dead-among-living.test.ts counts 200 of 1,000.
test('six dead connections among thirty, refused with 401 as number, text or nothing, cost the living nothing', async () => {
  const time = takeOverTime();
  const sandbox = await startSandbox({
    switches: { deadGrantAs: 401, lifetimeSeconds: CROWD_LIFETIME_SECONDS },
    now: () => Date.now(),
  });
  const crowd = await startCrowd(sandbox, { visitors: 30, dead: 6 });
  const rounds: Answers[] = [];
  for (const errorShape of ['flat', 'text', 'empty'] as const) {
    sandbox.set({ errorShape });
    for (const order of ['dead first', 'mixed'] as const) {
      time.pass(CROWD_ROUND_MS);
      rounds.push(await crowd.ask(order));
    }
  }
  expect(sumOf(rounds)).toEqual({ healthy: 144, healthyRefused: 0, dead: 36, deadTold: 36 });
});
