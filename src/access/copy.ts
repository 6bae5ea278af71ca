import type { TokenSet } from '../session/connect-token';

/**
 * Where the token set is kept that a caller acts with: a session, or the record of a user. The same algorithm keeps all of
 * them fresh ({@link tokenSource}).
 */
export interface Copy {
  /**
   * The token set to begin with.
   * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`; `ERR_CONNECT_CONFIG` where no key opens it;
   * `ERR_CONNECT_STORE`
   */
  readonly read: () => TokenSet | Promise<TokenSet>;
  /** To be called before anything is waited for: notes what the app has in the session. */
  readonly begin: () => void;
  /** To be called before the provider is asked. */
  readonly beforeRefresh: () => void;
  /**
   * A newer token set that somebody else has put there, or one of another connection that has taken its place.
   * @throws ConnectError `ERR_CONNECT_STORE` when nobody knows
   */
  readonly newer: (set: TokenSet) => Promise<TokenSet | undefined>;
  /** Has this caller use another token set from now on. */
  readonly hold: (set: TokenSet) => void;
  /**
   * Keeps it for others, too. Never fails: the ledger has it.
   * @param isRefreshed - whether this caller's refresh has brought it
   */
  readonly persist: (set: TokenSet, isRefreshed: boolean) => Promise<void>;
  /** Keeps it in the record of its user, if it has one, and lets nobody wait for that. Never fails. */
  readonly record: (set: TokenSet) => void;
  /** Removes a connection that has ended. Never fails. @param word - why, as the ledger has it */
  readonly clear: (set: TokenSet, word: string) => Promise<void>;
  /** Milliseconds for which the ledger is to keep what it learns of the connection. */
  readonly retentionMs: () => number;
}
