import { memoryLedger } from '../../../src';
import { testEndings } from '../../support/endings';
import { connectedWorld, refreshingApp, takeOverTime } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

const inMemory = () => memoryLedger({ now: () => Date.now() });

describe('with the ledger in memory', () => {
  testEndings(() => ({ ledger: inMemory(), advance: () => undefined }));
});

describe('with the ledger in memory, which forgets', () => {
  test('the 24 hours and 8 tries begin again after a restart', async () => {
    const time = takeOverTime();
    const sandbox = await startSandbox({ switches: { errorShape: 'empty' }, now: () => Date.now() });
    const before = await connectedWorld(sandbox);
    await before.expireIn(1);
    sandbox.force(401, { on: 'refresh', times: Infinity });
    for (let tries = 0; tries < 7; tries += 1) {
      expect((await before.fresh()).status).toBe(401);
      time.pass(24 * 3_600_000);
    }
    const parts = { store: before.app.store, options: { ledger: inMemory() } };
    const after = await refreshingApp(sandbox, parts, before.visitor);
    for (let tries = 1; tries <= 8; tries += 1) {
      expect(after.told('ended')).toEqual([]);
      expect((await after.fresh()).status).toBe(401);
      time.pass(24 * 3_600_000);
    }
    expect(after.told('ended')).toMatchObject([{ reason: 'refused' }]);
  });
});
