/** Entry `express-connect-auth/redis`: a refresh ledger for several processes, and the connections of users. */
export { redisLedger } from './ledger/redis/redis-ledger';
export type { RedisLedgerOptions } from './ledger/redis/options';
export type { RefreshLedger } from './ledger/ledger';
export { redisConnections } from './connections/redis/redis-connections';
export type { RedisConnectionsOptions } from './connections/redis/options';
export type { ConnectionStore, StoredConnection } from './connections/connection-store';
export type { EncryptionKey } from './session/seal';
