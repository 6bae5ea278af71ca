// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { redisLedger } from './redis.js';
export type { EncryptionKey, RedisLedgerOptions, RefreshLedger } from './redis.js';
