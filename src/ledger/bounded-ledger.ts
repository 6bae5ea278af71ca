import { ConnectError } from '../errors/connect-error';
import type { RefreshLedger } from './ledger';

/**
 * A ledger whose every operation is over within `limitMs`: one that never answers must not hang a request.
 * `redisLedger` has a shorter limit of its own; this one is for ledgers that others have written.
 */
export function boundedLedger(ledger: RefreshLedger, limitMs: number): RefreshLedger {
  return Object.freeze<RefreshLedger>({
    acquire: (key, claim) => within(limitMs, () => ledger.acquire(key, claim)),
    renew: (key, claimant, leaseMs) => within(limitMs, () => ledger.renew(key, claimant, leaseMs)),
    settle: (key, success) => within(limitMs, () => ledger.settle(key, success)),
    fail: (key, failure) => within(limitMs, () => ledger.fail(key, failure)),
    revoke: (key, retentionMs) => within(limitMs, () => ledger.revoke(key, retentionMs)),
    once: (name, ttlMs) => within(limitMs, () => ledger.once(name, ttlMs)),
  });
}

async function within<T>(limitMs: number, operation: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tooSlow()), limitMs);
  });
  try {
    return await Promise.race([operation(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(): ConnectError {
  return new ConnectError('ERR_CONNECT_LEDGER', {
    stage: 'refresh',
    reason: 'timeout',
    message: 'The ledger did not answer in time.',
  });
}
