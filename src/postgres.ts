/** Entry `express-connect-auth/postgres`: a refresh ledger for several processes, and the connections of users. */
export { postgresLedger } from './ledger/postgres/postgres-ledger';
export type { PostgresLedgerOptions, PostgresQuery } from './ledger/postgres/options';
export type { RefreshLedger } from './ledger/ledger';
export { postgresConnections } from './connections/postgres/postgres-connections';
export type { PostgresConnectionsOptions } from './connections/postgres/options';
export type { ConnectionStore, StoredConnection } from './connections/connection-store';
export type { EncryptionKey } from './session/seal';
