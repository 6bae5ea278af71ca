import type { TokenSet } from '../session/connect-token';

/** Where a caller's token set is found. Most calls only read it: the rest is made when it is needed. */
export interface Place {
  /**
   * The token set to begin with.
   * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`; `ERR_CONNECT_CONFIG` if no key opens it;
   * `ERR_CONNECT_STORE`, and whatever else finding it throws
   */
  readonly read: () => TokenSet | Promise<TokenSet>;
  /** What is there. To be called in the same turn as `read` if that gave no promise. */
  readonly copy: () => Copy;
}

/**
 * Where a caller's token set is kept: a session, or the record of a user. The same algorithm keeps all of them fresh
 * ({@link tokenSource}).
 */
export interface Copy {
  /** To be called before the first wait: notes the app's data in the session. */
  readonly begin: () => void;
  /** To be called before the provider is asked. */
  readonly beforeRefresh: () => void;
  /**
   * A newer token set that somebody else has put there, or that of another connection that has replaced this one.
   * @throws ConnectError `ERR_CONNECT_STORE` when that cannot be known
   */
  readonly newer: (set: TokenSet) => Promise<TokenSet | undefined>;
  /** Has this caller use another token set from now on. */
  readonly hold: (set: TokenSet) => void;
  /**
   * Stores it for others as well. Never fails: the ledger has it.
   * @param isRefreshed - whether this caller's refresh has brought it
   */
  readonly persist: (set: TokenSet, isRefreshed: boolean) => Promise<void>;
  /** Keeps it in the record of its user, if it has one, in the background. Never fails. */
  readonly record: (set: TokenSet) => void;
  /** Removes a connection that has ended. Never fails. @param word - why, as the ledger says */
  readonly clear: (set: TokenSet, word: string) => Promise<void>;
  /** Milliseconds for which the ledger is to keep what it learns about the connection. */
  readonly retentionMs: () => number;
}
