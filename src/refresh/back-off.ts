import type { RefreshFailureKind } from '../errors/events';

/** How long to wait after a failed refresh. */
export interface BackOff {
  /** Milliseconds. */
  readonly ms: number;
  /** The word that later claimants get from the ledger. */
  readonly word: BackOffWord;
}

/** Why a connection is not being refreshed right now. */
export type BackOffWord = 'ambiguous' | 'not_sent' | 'unavailable' | 'rate_limited' | 'configuration' | 'refused';

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** One early retry, whatever failed before: within its grace time a provider repeats the lost answer. */
const LOST_ANSWER_MS = 1000;
/** Spreads that retry. */
const LOST_ANSWER_SPREAD_MS = 1000;
const NOT_SENT_MS = 1000;
/**
 * Short: another process may already have the right credentials; the breaker stops this process from trying its own.
 */
const CONFIGURATION_MS = 2000;
const FIRST_REFUSED_MS = 2000;
const LONGEST_REFUSED_MS = 3_600_000;

/**
 * The wait after a failed refresh, by its kind and by the earlier failures of this generation, or the refusals among
 * them.
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
    case 'ambiguous':
      return { ms: ambiguous ? pause(attempts) : LOST_ANSWER_MS + LOST_ANSWER_SPREAD_MS * chance, word: 'ambiguous' };
    case 'not_sent':
      return { ms: NOT_SENT_MS, word: 'not_sent' };
    case 'transient':
      return {
        ms: Math.max(asked ?? pause(attempts), FIRST_PAUSE_MS),
        word: rateLimited ? 'rate_limited' : 'unavailable',
      };
    case 'configuration':
      return { ms: CONFIGURATION_MS, word: 'configuration' };
    case 'refused':
      return { ms: doubling(FIRST_REFUSED_MS, refusals, LONGEST_REFUSED_MS), word: 'refused' };
  }
}

function pause(attempts: number): number {
  return doubling(FIRST_PAUSE_MS, attempts, LONGEST_PAUSE_MS);
}

function doubling(firstMs: number, attempts: number, mostMs: number): number {
  return Math.min(firstMs * 2 ** Math.min(attempts, 20), mostMs);
}
