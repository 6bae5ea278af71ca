/** Entry `express-connect-auth/redis`: a refresh ledger for several processes. */
export { redisLedger } from './ledger/redis/redis-ledger';
export type { RedisLedgerOptions } from './ledger/redis/options';
export type { RefreshLedger } from './ledger/ledger';
export type { EncryptionKey } from './session/seal';
