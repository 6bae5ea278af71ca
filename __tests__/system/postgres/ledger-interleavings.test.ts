import { postgresLedger } from '../../../src/postgres';
import { playRandomly } from '../../support/ledger-actors';
import { startPgBouncer } from '../../support/pgbouncer';
import { startPostgres } from '../../support/postgres';
import { runs } from '../../support/property';
import { describeInPgBouncer } from '../../support/requires';
import { CLIENTS, poolOf, TABLES } from './clients';
import { laterClock } from './later';

describeInPgBouncer('the ledger in PostgreSQL, whatever happens', () => {
  test('in random schedules of three actors that crash and freeze, it keeps every promise', async () => {
    const server = await startPostgres();
    await poolOf(server.connection).query(TABLES);
    const clock = laterClock();
    const ledger = postgresLedger({
      query: clock.through(CLIENTS['pg']!(await startPgBouncer(server))),
      encryptionKeys: [{ id: 'one', secret: 'a secret of the ledger with 40 letters..' }],
      queryTimeoutMs: 5000,
    });
    // Each has a key of its own: what others have left behind is swept meanwhile.
    await playRandomly(runs(1729, 200), () => ({ ledger, advance: clock.advance }));
  });
});
