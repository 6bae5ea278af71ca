import { isOpaque } from '../base/opaque';
import { own, ownOnly } from '../base/own';

/**
 * A token set as `req.session.connectToken` holds it. The names are the provider's own
 * (page "generate-access-token"), so that what its documentation says can be looked up here.
 */
export interface ConnectToken {
  /** Sent to the API as `Bearer`. Secret. */
  access_token: string;
  /** What the next token is fetched with. Secret; absent: the provider gave none, and the visitor connects again once the token has run out. */
  refresh_token?: string;
  /**
   * Seconds since 1970. Absent: the provider did not say. A moment that had passed already when it came, as in the
   * provider's own sample, is kept and says nothing: `getToken` gives the token until the API refuses it.
   */
  expires_at?: number;
  /** In small letters, however the provider, or whoever has put the token there, spells it. */
  type: 'bearer';
  /** Space-separated, if the provider said. */
  scope?: string;
  /**
   * Ours, not the provider's: which connection the token belongs to and where it stands in its history. Opaque, and no
   * secret. Keep it with the token wherever you keep the token; absent in one that you bring from elsewhere.
   */
  connection?: string;
}

/** Which connection this is about, and whose it is. */
export interface ConnectionName {
  /** Random id of the sign-in that all token sets of this connection come from. */
  readonly connectionId: string;
  /** The app's user, where the caller acts for one. */
  readonly owner?: string | undefined;
}

/** A token set with its place in the history of its connection. */
export interface TokenSet extends ConnectionName {
  /** Without `connection`: that is made of what stands below. */
  readonly token: ConnectToken;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Of the user that it belongs to, as its label says; undefined: of nobody but the session that holds it. */
  readonly ownerTag?: string | undefined;
  /**
   * Seconds from the answer to the expiry; known for short-lived tokens only. 0: it had passed already, so nobody knows
   * when the token runs out.
   */
  readonly lifetimeSeconds?: number | undefined;
}

/**
 * Reads a token set from where anybody may have written: a session, a ledger's box. Gives a fresh object with our
 * fields only, without `connection`; what a polluted prototype would add is not seen.
 * @returns undefined unless it is whole: whatever else is found there must never pass for a connected account
 */
export function readConnectToken(value: unknown): ConnectToken | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const field = (name: keyof ConnectToken): unknown => own(value, name);
  const [access, refresh, expiry, type, scope] = [
    field('access_token'),
    field('refresh_token'),
    field('expires_at'),
    field('type'),
    field('scope'),
  ];
  if (!isOpaque(access) || !(refresh === undefined || isOpaque(refresh))) return undefined;
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return undefined;
  if (!(expiry === undefined || (typeof expiry === 'number' && Number.isFinite(expiry) && expiry > 0)))
    return undefined;
  if (!(scope === undefined || typeof scope === 'string')) return undefined;
  return ownOnly<ConnectToken>({
    access_token: access,
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
    ...(expiry === undefined ? {} : { expires_at: expiry }),
    type: 'bearer',
    ...(scope === undefined ? {} : { scope }),
  });
}

/** What the label of a token says: which connection it belongs to, and where it stands in its history. */
export interface Label {
  /** Id of the connection: 1–64 letters, digits, `-` and `_`. */
  readonly connectionId: string;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Seconds from the answer to the expiry; only there when so short that it matters. 0: it had passed already. */
  readonly lifetimeSeconds?: number | undefined;
  /** Of the user whose connection it is; undefined: it belongs to the session that holds it. */
  readonly ownerTag?: string | undefined;
}

/**
 * `<connection id>.<generation>[.<lifetime>][.<owner tag>]`, read from the left. A third part of 1–9 digits is the
 * lifetime; the part after that (or the third one), unless it is digits only, is the owner tag. Further parts are left to
 * later versions and change nothing. So each of the optional parts is found without the other.
 */
export const LABEL_PATTERN = String.raw`[A-Za-z0-9_-]{1,64}\.\d{1,9}(?:\.[A-Za-z0-9_-]{1,64}){0,8}`;
const LABEL = new RegExp(`^${LABEL_PATTERN}$`, 'u');
/** No connection gets that far; the next one would have no place in a label. */
const LAST_GENERATION = 999_999_999;
const LIFETIME = /^\d{1,9}$/u;
const DIGITS = /^\d+$/u;

/** Reads a label. @returns undefined unless it is one, whatever was found there */
export function readLabel(value: unknown): Label | undefined {
  // Not String(): what is not a label may be anything, also an object that throws when it is made a string.
  if (typeof value !== 'string' || !LABEL.test(value)) return undefined;
  const [connectionId, digits, ...rest] = value.split('.') as [string, string, ...string[]];
  const generation = Number(digits);
  if (generation === LAST_GENERATION) return undefined;
  const [first = ''] = rest;
  const hasLifetime = LIFETIME.test(first);
  const tag = rest[hasLifetime ? 1 : 0];
  return ownOnly({
    connectionId,
    generation,
    ...(hasLifetime ? { lifetimeSeconds: Number(first) } : {}),
    ...(tag === undefined || DIGITS.test(tag) ? {} : { ownerTag: tag }),
  });
}

/** Below this many seconds the lifetime matters: a leeway or safety margin must not eat up the whole of it. */
const SHORT_LIFETIME_SECONDS = 20;

/** The label of a token set. @param refreshLeewaySeconds - which lifetimes are short depends on it */
export function labelOf(set: TokenSet, refreshLeewaySeconds: number): string {
  const { connectionId, generation, lifetimeSeconds, ownerTag } = set;
  const matters =
    lifetimeSeconds !== undefined && lifetimeSeconds < Math.max(SHORT_LIFETIME_SECONDS, 5 * refreshLeewaySeconds);
  return labelText({
    connectionId,
    generation,
    ownerTag,
    lifetimeSeconds: matters ? wholeSeconds(lifetimeSeconds) : undefined,
  });
}

/** A label as text, for {@link readLabel}. */
export function labelText({ connectionId, generation, lifetimeSeconds, ownerTag }: Label): string {
  const parts = [connectionId, generation, lifetimeSeconds, ownerTag];
  return parts.filter((part) => part !== undefined).join('.');
}

/** 0 says something of its own, so nothing else becomes that by rounding. */
function wholeSeconds(lifetimeSeconds: number): number {
  return lifetimeSeconds > 0 ? Math.max(1, Math.round(lifetimeSeconds)) : 0;
}
