import type { TokenSet } from '../token';

/** Share of its lifetime by which a token may be refreshed early. */
const LEEWAY_SHARE = 0.2;
/** Seconds before its expiry from which on a token is not used any more: it could expire on its way. */
const MARGIN_SECONDS = 2;
/** Of a token that lives for seconds only, this share instead. */
const MARGIN_SHARE = 0.1;

/**
 * Whether a token set should be refreshed: from `leewaySeconds` before its expiry on, at most 20 % of its lifetime.
 * Never for an unknown expiry: that token is used until the API refuses it.
 * @param nowMs - milliseconds since 1970
 */
export function isDue(set: TokenSet, leewaySeconds: number, nowMs: number): boolean {
  const { token, lifetimeSeconds = Infinity } = set;
  const leeway = Math.min(leewaySeconds, lifetimeSeconds * LEEWAY_SHARE);
  const early = token.expires_at !== undefined && nowMs >= (token.expires_at - leeway) * 1000;
  // Also without any leeway: nobody accepts a token that is about to expire on its way.
  return early || isHardExpired(set, nowMs);
}

/** Whether a token set cannot be used any more. @param nowMs - milliseconds since 1970 */
export function isHardExpired({ token, lifetimeSeconds = Infinity }: TokenSet, nowMs: number): boolean {
  const margin = Math.min(MARGIN_SECONDS, lifetimeSeconds * MARGIN_SHARE);
  return token.expires_at !== undefined && nowMs >= (token.expires_at - margin) * 1000;
}

/** Seconds that a token lives from now on; undefined when nobody knows. @param nowMs - milliseconds since 1970 */
export function lifetimeSeconds(token: TokenSet['token'], nowMs: number): number | undefined {
  return token.expires_at === undefined ? undefined : token.expires_at - nowMs / 1000;
}
