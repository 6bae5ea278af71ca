import { memoryLedger } from '../../../src';
import { testEndings } from '../../support/endings';

describe('with the ledger in memory', () => {
  testEndings(() => ({ ledger: memoryLedger({ now: () => Date.now() }), advance: () => undefined }));
});
