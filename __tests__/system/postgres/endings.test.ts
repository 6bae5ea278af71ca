import { postgresLedger } from '../../../src/postgres';
import { testEndings } from '../../support/endings';
import { startPostgres, type PostgresServer } from '../../support/postgres';
import { describeInPostgres } from '../../support/requires';
import { poolOf, TABLES, type Query } from './clients';
import { laterClock } from './later';

const encryptionKeys = [{ id: 'a', secret: 'a ledger secret of the endings, 40 letters' }];

describeInPostgres('with the ledger in PostgreSQL', () => {
  let server: PostgresServer;
  let query: Query;
  const clock = laterClock();
  beforeAll(async () => {
    server = await startPostgres();
    const pool = poolOf(server.connection);
    await pool.query(TABLES);
    query = clock.through((text, values) => pool.query(text, values));
  });

  testEndings(() => {
    // A busy machine is not a ledger that is away.
    const ledger = postgresLedger({ query, encryptionKeys, queryTimeoutMs: 5000 });
    return { ledger, advance: clock.advance };
  });
});
