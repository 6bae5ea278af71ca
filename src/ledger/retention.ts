import { own } from '../base/own';
import type { ConnectionName } from '../session/connect-token';

/*
 * How long the ledger keeps what it knows of a connection: longer than any copy of a session can still come back with the
 * token. A copy that nobody uses lives for the life of its session. One that is used lives on, and asks nobody as long as
 * its token is not due; from then on it asks the ledger, and is cleared if the connection has ended. So the last one is gone
 * when the token has run out and the life of a session has passed after that.
 */

/** A connection that is to end, and what decides how long copies of its session can go on. */
export interface Ending extends ConnectionName {
  /** When its token runs out, in seconds since 1970; undefined when nobody knows. */
  readonly expiresAt: number | undefined;
  /** Milliseconds that its session is kept without being used; undefined when nobody knows. */
  readonly lifeMs: number | undefined;
}

const DAY_MS = 24 * 3_600_000;
/** For requests that take long and save their copy at their end, and for clocks that differ. */
export const RETENTION_MARGIN_MS = DAY_MS;
/** A cookie without `maxAge` leaves it to the session store: a day is the default of most. A lost record costs a sign-in. */
export const LEAST_RECORD_MS = 2 * DAY_MS;
/** A record with a token set is large; of an older copy the refresh token is presented, come what may. */
export const MOST_RECORD_MS = 90 * DAY_MS;
/** Where nobody knows how long a session or token lives: a lost tombstone undoes what a visitor has asked for. */
export const UNKNOWN_TOMBSTONE_MS = 90 * DAY_MS;
/** No browser keeps a cookie for longer (RFC 6265bis, "The Max-Age Attribute"). */
export const MOST_TOMBSTONE_MS = 400 * DAY_MS;

/** What is kept no longer than this says no more than that somebody has looked for it. */
export const BRIEFLY_MS = 50;

/**
 * Milliseconds that a session is kept without being used.
 * @param cookie - of a session or of its document in the store, of any shape
 * @param sessionTtlMs - the option of that name, which wins
 * @returns undefined when nobody knows: a cookie without `maxAge`
 */
export function sessionLifeMs(cookie: unknown, sessionTtlMs: number | undefined): number | undefined {
  if (sessionTtlMs !== undefined) return sessionTtlMs;
  const life = typeof cookie === 'object' && cookie !== null ? own(cookie, 'originalMaxAge') : undefined;
  return typeof life === 'number' && Number.isFinite(life) ? Math.max(0, life) : undefined;
}

/** Milliseconds to keep a record: a stale copy of its session can be as old as that lives. */
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
