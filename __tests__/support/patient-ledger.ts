import type { RefreshLedger } from '../../src';
import { redisLedger, type RedisLedgerOptions } from '../../src/redis';

/** The ledger in Redis with all the time that it may have: on a machine busy with other work Redis is not away. */
export function patientLedger(options: RedisLedgerOptions): RefreshLedger {
  return redisLedger({ commandTimeoutMs: 5000, ...options });
}
