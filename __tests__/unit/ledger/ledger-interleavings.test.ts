import { memoryLedger } from '../../../src/ledger/memory-ledger';
import { playRandomly } from '../../support/ledger-actors';
import { runs } from '../../support/property';

test('in random schedules of three actors that crash and freeze, the ledger in memory keeps every promise', async () => {
  await playRandomly(runs(1729), () => {
    const clock = { now: 1 };
    return { ledger: memoryLedger({ now: () => clock.now }), advance: (ms) => void (clock.now += ms) };
  });
});
