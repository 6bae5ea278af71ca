import { within } from '../base/within';
import { ConnectError } from '../errors/connect-error';
import type { RefreshLedger } from './ledger';

/**
 * A ledger whose operations all end within `limitMs`: one that never answers must not hang a request. `redisLedger` has
 * its own, shorter limit; this one is for ledgers that others have written.
 */
export function boundedLedger(ledger: RefreshLedger, limitMs: number): RefreshLedger {
  // In the executor, because a ledger that is not async throws at once.
  const bounded = <T>(operation: () => Promise<T>): Promise<T> =>
    within(limitMs, new Promise<T>((resolve) => resolve(operation())), tooSlow);
  return Object.freeze<RefreshLedger>({
    acquire: (key, claim) => bounded(() => ledger.acquire(key, claim)),
    renew: (key, claimant, leaseMs) => bounded(() => ledger.renew(key, claimant, leaseMs)),
    settle: (key, success) => bounded(() => ledger.settle(key, success)),
    fail: (key, failure) => bounded(() => ledger.fail(key, failure)),
    revoke: (key, retentionMs) => bounded(() => ledger.revoke(key, retentionMs)),
    once: (name, ttlMs) => bounded(() => ledger.once(name, ttlMs)),
  });
}

function tooSlow(): never {
  throw new ConnectError('ERR_CONNECT_LEDGER', {
    stage: 'refresh',
    reason: 'timeout',
    message: 'The ledger did not answer in time.',
  });
}
