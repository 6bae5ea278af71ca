/**
 * Coordinates refreshes, so that a refresh token is presented once across requests and processes. One record per
 * connection, kept under an opaque key (a hash; no token, connection id or client id can be found from it).
 *
 * Every operation is atomic and works by the ledger's own clock, so the clocks of the processes do not matter. An
 * operation that cannot be carried out rejects; a rejection is never read as "free" or as "held by somebody".
 * `ledgerConformance` of `express-connect-auth/testing` shows whether an implementation keeps this contract.
 */
export interface RefreshLedger {
  /**
   * Asks for the right to refresh generation `generation`. The first of these that applies:
   * `revoked` · `adopt` when the record's generation is newer, also while a still newer refresh is pending, or when it
   * is the caller's own and younger than `minAgeMs` · a record older than the caller is reset, and `won` · `dead` until
   * ten minutes after the failure, then one `won` · `backoff` until its time · `wait` while another claimant's lease
   * runs · `won`.
   *
   * The claimant who already holds the claim wins it again. A claim whose lease has run out is taken over, and counts
   * as ambiguous from then on: its refresh may have reached the provider.
   */
  readonly acquire: (key: string, claim: LedgerClaim) => Promise<Acquired>;
  /** Extends the lease. @returns false when the claim is no longer pending or no longer this claimant's */
  readonly renew: (key: string, claimant: string, leaseMs: number) => Promise<boolean>;
  /**
   * Records the token set that generation `generation` was refreshed to, as generation + 1. Accepted also after the
   * claim was taken over, because a success proves the successor; not after `revoke`, and not over a record that a
   * higher fence or a later generation has settled: that one's box comes back instead.
   */
  readonly settle: (key: string, success: LedgerSuccess) => Promise<Settled>;
  /**
   * Records that the provider gave no new token. Only while the claim is pending and this claimant's: a loser's late
   * failure changes nothing. What has ended stays so whatever its probes come to, unless one of them succeeds.
   */
  readonly fail: (key: string, failure: LedgerFailure) => Promise<Failed>;
  /** Ends the connection for good, whatever its state. */
  readonly revoke: (key: string, retentionMs: number) => Promise<Revoked>;
  /** Claims a name for `ttlMs`. @returns true to the first caller only */
  readonly once: (name: string, ttlMs: number) => Promise<boolean>;
  /**
   * Of a ledger that may have to forget something before its time: calls `listener` then. `connectAuth()` makes event
   * `ledger_forgot` of it, in each instance that uses the ledger.
   */
  readonly onForgotten?: ((listener: (forgotten: Forgotten) => void) => void) | undefined;
}

/** What a ledger has forgotten before its time. */
export interface Forgotten {
  /**
   * `record`: the newest token set of a connection, or that it is being refreshed; `tombstone`: that a connection has
   * ended; `claim`: a name of `once`.
   */
  readonly what: 'record' | 'tombstone' | 'claim';
  /** How many of these since it was last reported. */
  readonly count: number;
}

/** What {@link RefreshLedger.acquire} is asked with. */
export interface LedgerClaim {
  /** Of the token set that the caller holds; 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Nonce of the caller; the same one for all claims of one process and instance. */
  readonly claimant: string;
  /** Milliseconds until the claim may be taken over, unless renewed. */
  readonly leaseMs: number;
  /** Milliseconds; a token set settled less than this ago is not refreshed again. 0: refresh at any age. */
  readonly minAgeMs: number;
  /** Milliseconds to keep the record. */
  readonly retentionMs: number;
}

/** The answer to a claim. All times in milliseconds. */
export type Acquired =
  | { readonly kind: 'revoked' }
  /** `box` of the record's generation; `ageMs` since it was settled. */
  | { readonly kind: 'adopt'; readonly generation: number; readonly box: string; readonly ageMs: number }
  /** `error`: the word given to `fail`. */
  | { readonly kind: 'dead'; readonly error: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'backoff'; readonly ms: number; readonly error: string }
  | {
      readonly kind: 'won';
      /** Counts the claims of this record, takeovers included. */
      readonly fence: number;
      /** An earlier attempt of this generation ended with unknown outcome. */
      readonly ambiguous: boolean;
      /** Failed attempts of this generation before this one. */
      readonly attempts: number;
      /** How many of them were refusals of this connection. */
      readonly refusals: number;
      /** The connection had ended before, and this is the probe of it. */
      readonly ended: boolean;
    };

/** A successful refresh. */
export interface LedgerSuccess {
  /** The generation that was refreshed. */
  readonly generation: number;
  /** As `acquire` gave it. */
  readonly fence: number;
  /** The new token set as text. Secret: a ledger that leaves the process seals it. */
  readonly box: string;
  /** Milliseconds to keep the record from now on. */
  readonly retentionMs: number;
}

/** What became of a success. */
export type Settled =
  | { readonly kind: 'settled'; readonly generation: number }
  | { readonly kind: 'superseded'; readonly generation: number; readonly box: string }
  | { readonly kind: 'revoked' };

/** A failed refresh. */
export interface LedgerFailure {
  /** Nonce of whoever holds the claim, as `acquire` was asked with. */
  readonly claimant: string;
  /**
   * `transient`: back off for `backoffMs`; `terminal`: dead for ten minutes, then probed once; `refused`: the provider
   * refuses this connection without saying that it is dead. That also backs off, until 24 hours have passed since the
   * first refusal, and this is the 8th at least, with no success in between: then it is terminal.
   */
  readonly kind: 'transient' | 'refused' | 'terminal';
  /** Milliseconds; not used by `terminal`. */
  readonly backoffMs: number;
  /** A word of ours, 1–32 letters, digits and underscores, handed to later claimants. */
  readonly error: string;
  /** Whether this attempt may have succeeded at the provider; once true, it stays so for this generation. */
  readonly ambiguous: boolean;
  /** Milliseconds to keep the record from now on. */
  readonly retentionMs: number;
}

/**
 * What became of a failure. `recorded`: the connection backs off. `ended`: it is dead, by this failure or, where the claim
 * said so, already before. `lost`: the claim was no longer pending or no longer this claimant's, and nothing was changed.
 */
export type Failed = 'recorded' | 'ended' | 'lost';

/** What ending a connection found. */
export interface Revoked {
  /** Whether it had not ended before, neither so nor by a failure. */
  readonly first: boolean;
  /** The last one, if any. */
  readonly box?: string | undefined;
}

/** How long a dead connection is left alone before one new probe, in milliseconds. */
export const DEAD_PROBE_MS = 600_000;
/** A connection has ended once it has been refused for so many milliseconds, by the ledger's clock … */
export const REFUSED_FOR_MS = 24 * 3_600_000;
/** … in at least so many tries. */
export const REFUSED_TRIES = 8;
