import { memoryLedger } from '../../../src/ledger/memory-ledger';
import { ledgerConformance } from '../../../src/testing';

describe('the ledger in memory', () => {
  const cases = ledgerConformance(() => {
    const clock = { now: 1 };
    return { ledger: memoryLedger({ now: () => clock.now }), advance: (ms) => void (clock.now += ms) };
  });
  test.each(cases)('$name', ({ run }) => run());
});
