import type { RefreshFailureKind } from '../events';

/** How long to leave the provider alone after a failed refresh. */
export interface BackOff {
  /** Milliseconds. */
  readonly ms: number;
  /** The word that later claimants get from the ledger. */
  readonly word: BackOffWord;
}

/** Why a connection is not being refreshed right now. */
export type BackOffWord = 'ambiguous' | 'not_sent' | 'unavailable' | 'rate_limited' | 'configuration' | 'refused';

/**
 * The wait after a failed refresh, by its kind and the failures of this generation before it, or the refusals among them.
 * @param ambiguous - whether an answer of this generation was lost before
 * @param retryAfterSeconds - as the provider asked, bounded by `refreshFailure`
 * @param chance - 0 to 1; spreads the one early retry of processes that lost the same answer
 */
export function backOff(
  kind: Exclude<RefreshFailureKind, 'terminal'>,
  {
    attempts,
    ambiguous,
    refusals,
    rateLimited,
    retryAfterSeconds,
  }: {
    attempts: number;
    ambiguous: boolean;
    refusals: number;
    rateLimited: boolean;
    retryAfterSeconds?: number | undefined;
  },
  chance: number,
): BackOff {
  const asked = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
  switch (kind) {
    // One retry soon, whatever failed before: within its grace time a provider gives the lost answer again.
    case 'ambiguous':
      return { ms: ambiguous ? doubling(1000, attempts, 30_000) : 1000 + 1000 * chance, word: 'ambiguous' };
    case 'not_sent':
      return { ms: 1000, word: 'not_sent' };
    case 'transient':
      return {
        ms: Math.max(asked ?? doubling(1000, attempts, 30_000), 1000),
        word: rateLimited ? 'rate_limited' : 'unavailable',
      };
    // Short: another process may already run with the right credentials; the breaker spares the provider ours.
    case 'configuration':
      return { ms: 2000, word: 'configuration' };
    case 'refused':
      return { ms: doubling(2000, refusals, 3_600_000), word: 'refused' };
  }
}

function doubling(firstMs: number, attempts: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(attempts, 20), mostMs);
}
