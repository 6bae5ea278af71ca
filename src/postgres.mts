// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { postgresConnections, postgresLedger } from './postgres.js';
export type {
  ConnectionStore,
  EncryptionKey,
  PostgresConnectionsOptions,
  PostgresLedgerOptions,
  PostgresQuery,
  RefreshLedger,
  StoredConnection,
} from './postgres.js';
