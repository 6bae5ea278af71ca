// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { redisLedger } from './index.js';
export type { EncryptionKey, RedisLedgerOptions, RefreshLedger } from './index.js';
