// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { redisConnections, redisLedger } from './redis.js';
export type {
  ConnectionStore,
  EncryptionKey,
  RedisConnectionsOptions,
  RedisLedgerOptions,
  RefreshLedger,
  StoredConnection,
} from './redis.js';
