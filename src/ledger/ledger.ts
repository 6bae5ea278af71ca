/**
 * Coordinates refreshes, so that a refresh token is presented once across requests and processes. One record per
 * connection, kept under an opaque key (a hash that reveals no token, connection id or client id).
 *
 * Every operation is atomic and works by the ledger's own clock, so the clocks of the processes do not matter. An
 * operation that cannot be carried out rejects; a rejection is never read as "free" or as "held by somebody".
 * `ledgerConformance` of `express-connect-auth/testing` shows whether an implementation keeps this contract.
 */
export interface RefreshLedger {
  /**
   * Asks for the right to refresh generation `generation`. The first of these rules that applies decides: `revoked` ·
   * `adopt` when the record's generation is newer, even while a still newer refresh is pending, or when it is the
   * caller's own and younger than `minAgeMs` · a record older than the caller is reset, and `won` · `dead` until ten
   * minutes after the failure, then one `won` · `backoff` until its time · `wait` while another claimant's lease runs ·
   * `won`.
   *
   * The claimant that already holds the claim wins it again. A claim whose lease has expired is taken over, and is
   * ambiguous from then on: its refresh may have reached the provider.
   */
  readonly acquire: (key: string, claim: LedgerClaim) => Promise<Acquired>;
  /** Extends the lease. @returns false when the claim is no longer pending or no longer this claimant's */
  readonly renew: (key: string, claimant: string, leaseMs: number) => Promise<boolean>;
  /**
   * Records the token set that generation `generation` was refreshed to, as generation + 1. Accepted even after the
   * claim was taken over, because a success proves the successor; but not after `revoke`, and not over a record that a
   * higher fence or a later generation has settled: then the answer holds that record's box.
   */
  readonly settle: (key: string, success: LedgerSuccess) => Promise<Settled>;
  /**
   * Records that the provider gave no new token. Only while the claim is pending and belongs to this claimant: a
   * loser's late failure changes nothing. A connection that has ended stays ended, unless one of its probes succeeds.
   */
  readonly fail: (key: string, failure: LedgerFailure) => Promise<Failed>;
  /** Ends the connection for good, whatever its state. */
  readonly revoke: (key: string, retentionMs: number) => Promise<Revoked>;
  /** Claims a name for `ttlMs`. @returns true to the first caller only */
  readonly once: (name: string, ttlMs: number) => Promise<boolean>;
  /**
   * For a ledger that may have to forget something before its time: calls `listener` when it does. Each `connectAuth()`
   * that uses the ledger reports it as event `ledger_forgot`.
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
  /** How many of these since the last report. */
  readonly count: number;
}

/** What {@link RefreshLedger.acquire} is called with. */
export interface LedgerClaim {
  /** Generation of the token set that the caller holds; 0 at sign-in, +1 per refresh. */
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
  /** `box`: that of the record's generation; `ageMs`: time since it was settled. */
  | { readonly kind: 'adopt'; readonly generation: number; readonly box: string; readonly ageMs: number }
  /** `error`: the word given to `fail`. */
  | { readonly kind: 'dead'; readonly error: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'backoff'; readonly ms: number; readonly error: string }
  | {
      readonly kind: 'won';
      /** Counts the claims of this record, takeovers included. */
      readonly fence: number;
      /** Whether an earlier attempt of this generation ended with unknown outcome. */
      readonly ambiguous: boolean;
      /** Failed attempts of this generation before this one. */
      readonly attempts: number;
      /** How many of them were refusals of this connection. */
      readonly refusals: number;
      /** Whether the connection had ended before, and this is a probe of it. */
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
  /** Nonce of the holder of the claim, as passed to `acquire`. */
  readonly claimant: string;
  /**
   * `transient`: back off for `backoffMs`; `terminal`: dead for ten minutes, then probed once; `refused`: the provider
   * refuses this connection without saying that it is dead. That also backs off. It becomes terminal at the 8th refusal
   * or later, once 24 hours have passed since the first one, with no success in between.
   */
  readonly kind: 'transient' | 'refused' | 'terminal';
  /** Milliseconds; not used by `terminal`. */
  readonly backoffMs: number;
  /** A word of this package, 1–32 letters, digits and underscores, passed on to later claimants. */
  readonly error: string;
  /** Whether this attempt may have succeeded at the provider; once true, it stays true for this generation. */
  readonly ambiguous: boolean;
  /** Milliseconds to keep the record from now on. */
  readonly retentionMs: number;
}

/**
 * What became of a failure. `recorded`: the connection backs off. `ended`: it is dead, by this failure or, if the claim
 * said so, already before. `lost`: the claim was no longer pending or no longer this claimant's, and nothing was
 * changed.
 */
export type Failed = 'recorded' | 'ended' | 'lost';

/** What ending a connection found. */
export interface Revoked {
  /** Whether this ended the connection: no `revoke` and no failure had ended it before. */
  readonly first: boolean;
  /** The last box, if any. */
  readonly box?: string | undefined;
}

/** Milliseconds before a dead connection is probed once more. */
export const DEAD_PROBE_MS = 600_000;
/** A connection has ended once it has been refused for this many milliseconds, by the ledger's clock … */
export const REFUSED_FOR_MS = 24 * 3_600_000;
/** … in at least this many tries. */
export const REFUSED_TRIES = 8;
