import fc from 'fast-check';
import { memoryLedger } from '../../../src/ledger/memory-ledger';
import { SCHEDULES, play, type Tally } from '../../support/ledger-actors';
import { runs } from '../../support/property';

const RUNS = runs(1729);

test('in random schedules of three actors that crash and freeze, the ledger in memory keeps every promise', async () => {
  const tally: Tally = {};
  await fc.assert(
    fc.asyncProperty(SCHEDULES, async (steps) => {
      const clock = { now: 1 };
      await play(
        { ledger: memoryLedger({ now: () => clock.now }), advance: (ms) => void (clock.now += ms) },
        'key',
        steps,
        tally,
      );
    }),
    RUNS,
  );
  // The schedules are no use unless they get everywhere.
  for (const what of [
    'won, sure',
    'won, ambiguous',
    'adopt',
    'wait',
    'backoff',
    'dead',
    'revoked',
    'settled',
    'superseded',
    'transient failure',
    'terminal failure',
    'refused failure',
    'ended by refusals',
    'probe',
    'failure ignored',
    'renewed',
  ])
    expect({ what, isCovered: (tally[what] ?? 0) > RUNS.numRuns / 100 }).toEqual({ what, isCovered: true });
});
