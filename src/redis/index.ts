/** Entry `express-connect-auth/redis`: a refresh ledger for several processes. */
export { redisLedger } from './redis-ledger';
export type { RedisLedgerOptions } from './options';
export type { RefreshLedger } from '../refresh/ledger';
export type { EncryptionKey } from '../seal';
