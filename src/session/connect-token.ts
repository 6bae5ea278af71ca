import { isOpaque } from '../base/opaque';
import { own, ownOnly } from '../base/own';

/**
 * A token set as `req.session.connectToken` holds it. The names are the provider's own
 * (page "generate-access-token"), so that what its documentation says can be looked up here.
 */
export interface ConnectToken {
  access_token: string;
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

/** A token set with its place in the history of its connection. */
export interface TokenSet {
  /** Without `connection`: that is made of what stands below. */
  readonly token: ConnectToken;
  /** Random id of the sign-in that all token sets of this connection come from. */
  readonly connectionId: string;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
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
