import { own } from '../../base/own';
import { newVersion } from '../../base/version';
import { readTable } from '../../checks/table';
import { POSTGRES_TABLE, quoted } from '../../ledger/postgres/options';
import { postgresStatements, unreadable, type Asker } from '../../ledger/postgres/statements';
import { storeError } from '../../errors/store-error';
import type { ConnectionStore } from '../connection-store';
import { sealedStore } from '../sealed-store';
import type { PostgresConnectionsOptions } from './options';

const CONNECTIONS: Asker = {
  name: 'postgresConnections',
  error: (fault, message) => storeError('refresh', fault, message),
};

const TABLE = { ...POSTGRES_TABLE, table: { ...POSTGRES_TABLE.table, default: 'connect_auth_connections' } } as const;

/**
 * Keeps the connections of users in PostgreSQL (12 or newer), for all processes that share it: one row per user, one
 * statement per operation, nothing expires. Each operation rejects with `ERR_CONNECT_STORE` within `queryTimeoutMs` if
 * PostgreSQL does not carry it out, or if the answer was lost and the result is not known. docs/postgres.md has the
 * table.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function postgresConnections(options: PostgresConnectionsOptions): ConnectionStore {
  const config = readTable('postgresConnections', TABLE, options);
  const { operation } = postgresStatements(config, CONNECTIONS);
  const { load, insert, replace, remove } = statementsOn(quoted(config.table));

  return sealedStore(config.encryptionKeys, {
    async load(key) {
      const rows = await operation((send) => send(load, [key]));
      const [row] = rows;
      if (row === undefined) return undefined;
      const record = own(row, 'record');
      const version = own(row, 'version');
      if (rows.length > 1 || typeof record !== 'string' || typeof version !== 'string') throw unreadable(CONNECTIONS);
      return { record, version };
    },
    async save(key, record, ifVersion) {
      const version = newVersion();
      const written = await operation((send) =>
        ifVersion === undefined
          ? send(insert, [key, record, version])
          : send(replace, [record, version, key, ifVersion, version]),
      );
      return written.length > 0 ? version : undefined;
    },
    remove: async (key, ifVersion) => (await operation((send) => send(remove, [key, ifVersion]))).length > 0,
  });
}

/** Each write has its own version. */
function statementsOn(table: string) {
  return {
    load: `SELECT t.record, t.version FROM ${table} AS t WHERE t.owner = $1::text`,
    // If the version is already there, the same statement was carried out before and its answer was lost.
    insert: `INSERT INTO ${table} AS t (owner, record, version) VALUES ($1::text, $2::text, $3::text)
ON CONFLICT (owner) DO UPDATE SET version = excluded.version WHERE t.version = excluded.version
RETURNING t.owner`,
    replace: `UPDATE ${table} AS t SET record = $1::text, version = $2::text
WHERE t.owner = $3::text AND t.version IN ($4::text, $5::text)
RETURNING t.owner`,
    remove: `DELETE FROM ${table} AS t WHERE t.owner = $1::text AND t.version = $2::text RETURNING t.owner`,
  };
}
