import { own } from '../base/own';
import type { ConnectionName } from '../session/connect-token';

/*
 * How long the ledger keeps what it knows about a connection: longer than any copy of a session can come back with the
 * token. An unused copy lives for the life of its session. A copy in use lives on, without asking the ledger until its
 * token is due; then it asks, and is cleared if the connection has ended. So the last copy is gone when the token has
 * expired and the life of a session has passed after that.
 */

/** A connection that is to end, and what decides how long copies of its session can live. */
export interface Ending extends ConnectionName {
  /** When its token expires, in seconds since 1970; undefined if not known. */
  readonly expiresAt: number | undefined;
  /** Milliseconds that its session is kept without being used; undefined if not known. */
  readonly lifeMs: number | undefined;
}

const DAY_MS = 24 * 3_600_000;
/** For slow requests, which save their copy at their end, and for clocks that differ. */
export const RETENTION_MARGIN_MS = DAY_MS;
/**
 * Without `maxAge` in the cookie the session store decides: a day is most stores' default. A lost record costs a
 * sign-in.
 */
export const LEAST_RECORD_MS = 2 * DAY_MS;
/** A record with a token set is large. After that time, the refresh token of an old copy is presented in any case. */
export const MOST_RECORD_MS = 90 * DAY_MS;
/** If the life of the session or token is not known: a lost tombstone undoes what a visitor has asked for. */
export const UNKNOWN_TOMBSTONE_MS = 90 * DAY_MS;
/** No browser keeps a cookie for longer (RFC 6265bis, "The Max-Age Attribute"). */
export const MOST_TOMBSTONE_MS = 400 * DAY_MS;

/** A record kept no longer than this only means that somebody has looked for it. */
export const BRIEFLY_MS = 50;

/**
 * Milliseconds that a session is kept without being used.
 * @param cookie - of a session or of its document in the store, of any shape
 * @param sessionTtlMs - the option of that name, which wins
 * @returns undefined if not known: a cookie without `maxAge`
 */
export function sessionLifeMs(cookie: unknown, sessionTtlMs: number | undefined): number | undefined {
  if (sessionTtlMs !== undefined) return sessionTtlMs;
  const life = typeof cookie === 'object' && cookie !== null ? own(cookie, 'originalMaxAge') : undefined;
  return typeof life === 'number' && Number.isFinite(life) ? Math.max(0, life) : undefined;
}

/** Milliseconds to keep a record: a stale copy can be as old as its session's life. */
export function recordRetentionMs(lifeMs = 0): number {
  return Math.round(Math.min(Math.max(lifeMs + RETENTION_MARGIN_MS, LEAST_RECORD_MS), MOST_RECORD_MS));
}

/** Milliseconds to keep the tombstone of a connection that ends now. */
export function tombstoneRetentionMs({ expiresAt, lifeMs }: Omit<Ending, keyof ConnectionName>, nowMs: number): number {
  const isKnown = expiresAt !== undefined && lifeMs !== undefined;
  const validMs = expiresAt === undefined ? 0 : Math.max(0, expiresAt * 1000 - nowMs);
  const lastMs = validMs + (lifeMs ?? 0) + RETENTION_MARGIN_MS;
  return Math.round(Math.min(Math.max(lastMs, isKnown ? 0 : UNKNOWN_TOMBSTONE_MS), MOST_TOMBSTONE_MS));
}
