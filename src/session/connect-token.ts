import { isOpaque } from '../base/opaque';
import { bare, own } from '../base/own';

/**
 * A token set as `req.session.connectToken` holds it. The names are the provider's own (page "generate-access-token"),
 * so that its documentation applies.
 */
export interface ConnectToken {
  /** Sent to the API as `Bearer`. Secret. */
  access_token: string;
  /**
   * Fetches the next token. Secret. Absent: the provider gave none, and the visitor connects again once the token has
   * expired.
   */
  refresh_token?: string;
  /**
   * Seconds since 1970. Absent: the provider did not say. A time that had passed before it arrived, as in the
   * provider's own sample, is kept but ignored: `getToken` gives the token until the API refuses it.
   */
  expires_at?: number;
  /** In lower case, however the provider or an app spells it. */
  type: 'bearer';
  /** Space-separated; absent if the provider did not say. */
  scope?: string;
  /**
   * Added by this package: which connection the token belongs to and where it stands in its history. Opaque, and not a
   * secret. Wherever you keep the token, keep this with it; a token from elsewhere has none.
   */
  connection?: string;
}

/** A connection and its owner. */
export interface ConnectionName {
  /** Random id of the sign-in that all token sets of this connection come from. */
  readonly connectionId: string;
  /** The app's user, where the caller acts for one. */
  readonly owner: string | undefined;
}

/** A token set with its place in the history of its connection. */
export interface TokenSet extends ConnectionName {
  /** Made by {@link newToken}: without `connection`, which is made from the members below. */
  readonly token: ConnectToken;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Tag of its user, from its label; undefined: it belongs only to the session that holds it. */
  readonly ownerTag: string | undefined;
  /**
   * Seconds from the answer to the expiry; known for short-lived tokens only. 0: the expiry had passed already, so
   * nobody knows when the token expires.
   */
  readonly lifetimeSeconds: number | undefined;
}

/**
 * Reads a token set from a place where anybody may have written: a session, a ledger's box. Gives a fresh object with
 * the known fields only, without `connection`; a polluted prototype adds nothing.
 * @returns undefined unless it is complete: nothing else may pass for a connected account
 */
export function readConnectToken(value: unknown): ConnectToken | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const access = own(value, 'access_token');
  const refresh = own(value, 'refresh_token');
  const expiry = own(value, 'expires_at');
  const type = own(value, 'type');
  const scope = own(value, 'scope');
  if (!isOpaque(access) || !(refresh === undefined || isOpaque(refresh))) return undefined;
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return undefined;
  if (!(expiry === undefined || (typeof expiry === 'number' && Number.isFinite(expiry) && expiry > 0)))
    return undefined;
  if (!(scope === undefined || typeof scope === 'string')) return undefined;
  return newToken({ access_token: access, refresh_token: refresh, expires_at: expiry, scope });
}

/** What a token is made of; whatever is absent is undefined. */
export interface TokenMembers {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  readonly expires_at: number | undefined;
  readonly scope: string | undefined;
}

/** A token without its label; a polluted prototype adds nothing to it. */
export function newToken(members: TokenMembers): ConnectToken {
  return filled(bare(), members);
}

/** A token as apps see it: an ordinary object, with its label. @param token - see {@link newToken} */
export function withLabel(
  { access_token, refresh_token, expires_at, scope }: ConnectToken,
  label: string,
): ConnectToken {
  const token = filled({}, { access_token, refresh_token, expires_at, scope });
  token.connection = label;
  return token;
}

/** The members that are present, always in the same order: sessions are compared by their JSON. */
function filled(token: Partial<ConnectToken>, members: TokenMembers): ConnectToken {
  token.access_token = members.access_token;
  if (members.refresh_token !== undefined) token.refresh_token = members.refresh_token;
  if (members.expires_at !== undefined) token.expires_at = members.expires_at;
  token.type = 'bearer';
  if (members.scope !== undefined) token.scope = members.scope;
  return token as ConnectToken;
}

/** What the label of a token says: which connection it belongs to, and where it stands in its history. */
export interface Label {
  /** Id of the connection: 1–64 letters, digits, `-` and `_`. */
  readonly connectionId: string;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Seconds from the answer to the expiry; only if short enough to matter. 0: it had passed already. */
  readonly lifetimeSeconds: number | undefined;
  /** Tag of the user whose connection it is; undefined: it belongs to the session that holds it. */
  readonly ownerTag: string | undefined;
}

/**
 * `<connection id>.<generation>[.<lifetime>][.<owner tag>]`, read from the left. A third part of 1–9 digits is the
 * lifetime; the part after that (or the third one), unless it is digits only, is the owner tag. Further parts are left
 * to later versions and ignored. So each optional part is found with or without the other.
 */
export const LABEL_PATTERN = String.raw`[A-Za-z0-9_-]{1,64}\.\d{1,9}(?:\.[A-Za-z0-9_-]{1,64}){0,8}`;
const LABEL = new RegExp(`^${LABEL_PATTERN}$`, 'u');
/** No connection gets that far; a higher one would not fit into a label. */
const LAST_GENERATION = 999_999_999;
const LIFETIME = /^\d{1,9}$/u;
const DIGITS = /^\d+$/u;

/** Reads a label. @returns undefined for any other value */
export function readLabel(value: unknown): Label | undefined {
  // Not String(): the value may be anything, even an object that throws when it is converted.
  if (typeof value !== 'string' || !LABEL.test(value)) return undefined;
  const afterId = value.indexOf('.');
  const connectionId = value.slice(0, afterId);
  // Most labels have no more than these two parts.
  const afterGeneration = value.indexOf('.', afterId + 1);
  const hasMore = afterGeneration !== -1;
  const generation = Number(value.slice(afterId + 1, hasMore ? afterGeneration : undefined));
  if (generation === LAST_GENERATION) return undefined;
  if (!hasMore) return { connectionId, generation, lifetimeSeconds: undefined, ownerTag: undefined };
  const rest = value.slice(afterGeneration + 1).split('.');
  const [first = ''] = rest;
  const hasLifetime = LIFETIME.test(first);
  const tag = rest[hasLifetime ? 1 : 0];
  return {
    connectionId,
    generation,
    lifetimeSeconds: hasLifetime ? Number(first) : undefined,
    ownerTag: tag === undefined || DIGITS.test(tag) ? undefined : tag,
  };
}

/** Below this many seconds the lifetime matters: a leeway or safety margin must not use up all of it. */
const SHORT_LIFETIME_SECONDS = 20;

/** The label of a token set. @param refreshLeewaySeconds - decides which lifetimes are short */
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
  const lifetime = lifetimeSeconds === undefined ? '' : `.${lifetimeSeconds}`;
  const tag = ownerTag === undefined ? '' : `.${ownerTag}`;
  return `${connectionId}.${generation}${lifetime}${tag}`;
}

/** 0 has a meaning of its own, so rounding must not produce it. */
function wholeSeconds(lifetimeSeconds: number): number {
  return lifetimeSeconds > 0 ? Math.max(1, Math.round(lifetimeSeconds)) : 0;
}
