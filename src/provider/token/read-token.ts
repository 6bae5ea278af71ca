import { isOpaque, LONGEST_OPAQUE, sizeFault } from '../../base/opaque';
import { newToken, type ConnectToken } from '../../session/connect-token';
import { readExpiry } from './expiry';
import { isFields, own, type Fields } from '../../base/own';

const SCOPE = /^[\x20-\x7e]+$/;

/**
 * Reads a token set from a parsed JSON body, flat as documented (page "generate-access-token") or under `data` of
 * `{"success":true,"data":{…}}` as the Connect API wraps its answers. Gives a fresh object with the known fields only,
 * or undefined if the body is not a complete token set: no usable `access_token`, a type other than bearer (RFC 6749
 * §7.1 forbids using it), or a `refresh_token` that is not a token. A scope that is not a printable string is left out.
 * @param nowMs - milliseconds since 1970 by the local clock
 * @param skewMs - how far the provider's clock is ahead of the local one, in milliseconds
 */
export function readToken(body: unknown, nowMs: number, skewMs = 0): ConnectToken | undefined {
  const fields = tokenFields(body);
  if (fields === undefined) return undefined;
  const accessToken = own(fields, 'access_token');
  const refreshToken = own(fields, 'refresh_token') ?? '';
  if (!isOpaque(accessToken) || !isBearer(fields) || !(refreshToken === '' || isOpaque(refreshToken))) return undefined;

  const scope = own(fields, 'scope');
  return newToken({
    access_token: accessToken,
    refresh_token: refreshToken === '' ? undefined : refreshToken,
    expires_at: readExpiry(
      { expires_at: own(fields, 'expires_at'), expires_in: own(fields, 'expires_in') },
      nowMs,
      skewMs,
    ),
    scope: typeof scope === 'string' && scope.length <= LONGEST_OPAQUE && SCOPE.test(scope) ? scope : undefined,
  });
}

/** A message for a body whose tokens are too long; undefined for any other. */
export function tokenFault(body: unknown): string | undefined {
  const fields = tokenFields(body) ?? {};
  return (
    sizeFault('access_token', own(fields, 'access_token')) ?? sizeFault('refresh_token', own(fields, 'refresh_token'))
  );
}

function tokenFields(body: unknown): Fields | undefined {
  if (!isFields(body)) return undefined;
  if (Object.hasOwn(body, 'access_token')) return body;
  const data = own(body, 'data');
  return own(body, 'success') === true && isFields(data) ? data : undefined;
}

/**
 * `type` is the provider's name, `token_type` the standard's; whichever is there must say bearer, in upper or lower
 * case.
 */
function isBearer(fields: Fields): boolean {
  return ['type', 'token_type'].every((name) => {
    const type = own(fields, name) ?? 'bearer';
    return typeof type === 'string' && type.toLowerCase() === 'bearer';
  });
}
