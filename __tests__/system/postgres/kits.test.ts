import { postgresConnections, postgresLedger } from '../../../src/postgres';
import { connectionStoreConformance, ledgerConformance } from '../../../src/testing';
import { startPgBouncer } from '../../support/pgbouncer';
import { startPostgres, type PostgresServer } from '../../support/postgres';
import { describeInPgBouncer } from '../../support/requires';
import { CLIENTS, poolOf, TABLES, type Query } from './clients';
import { laterClock } from './later';

const encryptionKeys = [{ id: 'one', secret: 'the secret of the tests, 40 letters of it' }];
/** On a machine busy with other work PostgreSQL is not away. */
const queryTimeoutMs = 5000;

/** The same for all tests: rows are swept by it. */
const clock = laterClock();

describeInPgBouncer('PostgreSQL keeps the contracts', () => {
  let server: PostgresServer;
  let bouncer: PostgresServer['connection'];
  beforeAll(async () => {
    server = await startPostgres();
    bouncer = await startPgBouncer(server);
    await poolOf(server.connection).query(TABLES);
  });

  describe.each(Object.entries(CLIENTS))('through %s', (_name, connect) => {
    describe.each(['to the server', 'by PgBouncer in transaction mode'])('%s', (way) => {
      let query: Query;
      beforeAll(() => {
        query = connect(way === 'to the server' ? server.connection : bouncer);
      });

      const ledgers = ledgerConformance(async () => {
        await query('DELETE FROM connect_auth_ledger', []);
        const ledger = postgresLedger({ query: clock.through(query), encryptionKeys, queryTimeoutMs });
        return { ledger, advance: clock.advance };
      });
      test.each(ledgers)('a ledger: $name', ({ run }) => run());

      const stores = connectionStoreConformance(async () => {
        await query('DELETE FROM connect_auth_connections', []);
        return { store: postgresConnections({ query, encryptionKeys, queryTimeoutMs }) };
      });
      test.each(stores)('a store of connections: $name', ({ run }) => run());
    });
  });
});
