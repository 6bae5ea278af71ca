import type { Refusal } from './error-shapes';
import type { SandboxSwitches } from './switches';

/** The one client that a sandbox knows. */
export interface SandboxClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

interface Credentials {
  readonly id: string | undefined;
  readonly secret: string | undefined;
}

/**
 * Checks the client's credentials in `Authorization: Basic` and in the body (RFC 6749 §2.3.1), as the switch
 * `credentials` allows. None at all is code 2032, a wrong one 2036, both places at once 2038 under `'not-both'`; which
 * code goes with which fault is invented. In OAuth words it is `invalid_client`, for both places `invalid_request`.
 */
export function clientRefusal(
  authorization: string | undefined,
  fields: ReadonlyMap<string, string>,
  client: SandboxClient,
  allowed: SandboxSwitches['credentials'],
): Refusal | undefined {
  const inHeader = authorization !== undefined;
  const inBody = fields.has('client_secret');
  if (allowed === 'not-both' && inHeader && inBody) {
    return { apiCode: 2038, oauthError: 'invalid_request', description: 'Credentials came in two places.' };
  }
  const presented: Credentials[] = [];
  if (authorization !== undefined && allowed !== 'body') presented.push(basicCredentials(authorization));
  if (inBody && allowed !== 'header')
    presented.push({ id: fields.get('client_id'), secret: fields.get('client_secret') });
  if (presented.length === 0) return invalidClient(2032, inHeader);
  const idInBody = fields.get('client_id') ?? client.clientId;
  const allRight = presented.every(({ id, secret }) => id === client.clientId && secret === client.clientSecret);
  return allRight && idInBody === client.clientId ? undefined : invalidClient(2036, inHeader);
}

function invalidClient(apiCode: number, inHeader: boolean): Refusal {
  // RFC 6749 §5.2: a client that tried the header learns the scheme.
  return { apiCode, ...(inHeader ? { headers: { 'WWW-Authenticate': 'Basic realm="sandbox"' } } : {}) };
}

/** Id and secret are form-encoded before base64: a client that forgets it fails here, as at a strict server. */
function basicCredentials(authorization: string): Credentials {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1] ?? '';
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const idEnd = `${pair}:`.indexOf(':');
  return { id: formDecoded(pair.slice(0, idEnd)), secret: formDecoded(pair.slice(idEnd + 1)) };
}

function formDecoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
