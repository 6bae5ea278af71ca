import type { AuthorizationRequest } from './grants';
import { singleFields } from './request-fields';
import type { SandboxSwitches } from './switches';

/** What an authorization request is: fit to ask the person, to be sent back with an error, or not to be trusted. */
export type ReadRequest =
  | { readonly request: AuthorizationRequest }
  | { readonly sendBack: { readonly redirectUri: string; readonly error: string; readonly state?: string } }
  | { readonly untrusted: string };

/** The client, and where the sandbox may send a browser back. */
export interface Registration {
  readonly clientId: string;
  /** Absent: any address on loopback. */
  readonly redirectUris?: readonly string[] | undefined;
}

/**
 * Judges the query of an authorization request (page "build-authorization-url", RFC 6749 §4.1.1). Client id and
 * redirect address first: without them nobody is redirected (§4.1.2.1). Other parameters are ignored (§3.1).
 */
export function readAuthorizationRequest(
  query: URLSearchParams,
  registration: Registration,
  pkce: SandboxSwitches['pkce'],
): ReadRequest {
  const clientIds = query.getAll('client_id');
  if (clientIds.length !== 1 || clientIds[0] !== registration.clientId) {
    return { untrusted: 'The client_id is missing or not the one of this sandbox.' };
  }
  const [redirectUri, ...more] = query.getAll('redirect_uri');
  if (redirectUri === undefined || more.length > 0 || !isRegistered(redirectUri, registration.redirectUris)) {
    return { untrusted: 'The redirect_uri is missing, not absolute, or not registered with this sandbox.' };
  }
  const fields = singleFields(query);
  if (fields === undefined) return { sendBack: { redirectUri, error: 'invalid_request' } };
  const state = fields.get('state');
  const scope = fields.get('scope') ?? '';
  const error = errorIn(fields, scope, pkce);
  if (error !== undefined) return { sendBack: { redirectUri, error, ...(state === undefined ? {} : { state }) } };
  const codeChallenge = pkce === 'enforced' ? fields.get('code_challenge') : undefined;
  return {
    request: {
      clientId: registration.clientId,
      redirectUri,
      scope,
      ...(state === undefined ? {} : { state }),
      ...(codeChallenge === undefined ? {} : { codeChallenge }),
    },
  };
}

function errorIn(
  fields: ReadonlyMap<string, string>,
  scope: string,
  pkce: SandboxSwitches['pkce'],
): string | undefined {
  const responseType = fields.get('response_type');
  if (!responseType) return 'invalid_request';
  if (responseType !== 'code') return 'unsupported_response_type';
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope)) return 'invalid_scope';
  const isPkce = fields.has('code_challenge') || fields.has('code_challenge_method');
  if (!isPkce || pkce === 'ignored') return undefined;
  if (pkce === 'refused' || fields.get('code_challenge_method') !== 'S256') return 'invalid_request';
  return /^[A-Za-z0-9_-]{43}$/.test(fields.get('code_challenge') ?? '') ? undefined : 'invalid_request';
}

function isRegistered(redirectUri: string, registered: readonly string[] | undefined): boolean {
  if (!/^[\x21-\x7e]+$/.test(redirectUri) || redirectUri.includes('#')) return false;
  if (registered !== undefined) return registered.includes(redirectUri);
  if (!URL.canParse(redirectUri)) return false;
  const { protocol, hostname, username, password } = new URL(redirectUri);
  return (
    /^https?:$/.test(protocol) &&
    username === '' &&
    password === '' &&
    /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
  );
}
