import type { TokenSet } from '../session/connect-token';

/** Share of its lifetime by which a token may be refreshed early. */
const LEEWAY_SHARE = 0.2;
/** A token is not used in its last seconds: it could expire on the way. */
const MARGIN_SECONDS = 2;
/** For a token that lives for seconds only, this share of its lifetime instead. */
const MARGIN_SHARE = 0.1;

/**
 * When a token set expires, in seconds since 1970; undefined if that is not known, or if the expiry that the provider
 * gave had passed already when its answer arrived.
 */
export function knownExpiry({ token, lifetimeSeconds = Infinity }: TokenSet): number | undefined {
  return lifetimeSeconds > 0 ? token.expires_at : undefined;
}

/**
 * Whether a token set should be refreshed: from `leewaySeconds` before its expiry on, at most 20 % of its lifetime.
 * Never for an unknown expiry: that token is used until the API refuses it.
 * @param nowMs - milliseconds since 1970
 */
export function isDue(set: TokenSet, leewaySeconds: number, nowMs: number): boolean {
  const { lifetimeSeconds = Infinity } = set;
  const expiresAt = knownExpiry(set);
  const leeway = Math.min(leewaySeconds, lifetimeSeconds * LEEWAY_SHARE);
  const early = expiresAt !== undefined && nowMs >= (expiresAt - leeway) * 1000;
  // Even without any leeway: a token that is about to expire would be refused on arrival.
  return early || isHardExpired(set, nowMs);
}

/** Whether a token set cannot be used any more. @param nowMs - milliseconds since 1970 */
export function isHardExpired(set: TokenSet, nowMs: number): boolean {
  const { lifetimeSeconds = Infinity } = set;
  const expiresAt = knownExpiry(set);
  const margin = Math.min(MARGIN_SECONDS, lifetimeSeconds * MARGIN_SHARE);
  return expiresAt !== undefined && nowMs >= (expiresAt - margin) * 1000;
}

/**
 * Remaining seconds of a token that has just arrived; 0 if its expiry has passed already, undefined if it has none.
 * @param nowMs - milliseconds since 1970
 */
export function lifetimeSeconds({ expires_at }: TokenSet['token'], nowMs: number): number | undefined {
  return expires_at === undefined ? undefined : Math.max(0, expires_at - nowMs / 1000);
}
