import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer';
import { jsonAnswer } from './answer';
import type { SandboxClient } from './client-authentication';
import { clientRefusal } from './client-authentication';
import type { Refusal } from './error-shapes';
import { refusalAnswer } from './error-shapes';
import type { GrantBook, GrantResult, TokenSet } from './grants';
import type { RequestFields } from './request-fields';
import type { SandboxSwitches } from './switches';

/** `expires_at` of the sample on the provider's page "generate-access-token". */
const SAMPLE_EXPIRES_AT = 1_642_507_278;

/** The grant that a token request asks for: the two that the provider documents. */
export function grantKind(request: RequestFields | undefined): 'exchange' | 'refresh' | undefined {
  const grantType = request?.fields.get('grant_type');
  if (grantType === 'authorization_code') return 'exchange';
  return grantType === 'refresh_token' ? 'refresh' : undefined;
}

/** Answers a token request (pages "generate-access-token", "refresh-your-token"). Decides and commits at once. */
export function tokenAnswer(
  headers: IncomingHttpHeaders,
  request: RequestFields | undefined,
  world: { readonly client: SandboxClient; readonly grants: GrantBook; readonly switches: SandboxSwitches },
): Answer {
  const { client, grants, switches } = world;
  if (request === undefined) {
    return refusalAnswer(
      { apiCode: 406, description: 'The body is neither JSON nor a form of single texts.' },
      switches,
    );
  }
  const keyAnswer = accessTokenKeyAnswer(headers['accesstoken'], switches);
  if (keyAnswer !== undefined) return keyAnswer;
  const refusal =
    requestRefusal(request, switches) ??
    clientRefusal(headers.authorization, request.fields, client, switches.credentials);
  if (refusal !== undefined) return refusalAnswer(refusal, switches);
  const result = grantResult(request, grants, switches);
  if ('tokens' in result) return jsonAnswer(200, tokenBody(result.tokens, request, switches), { Pragma: 'no-cache' });
  return refusalAnswer(result, switches);
}

/** The refusal of a request without the integrator's key, where the switch asks for it. */
export function accessTokenKeyAnswer(
  key: string | string[] | undefined,
  switches: SandboxSwitches,
): Answer | undefined {
  const rule = switches.accessTokenKey;
  if (rule === 'ignored' || key === rule.required) return undefined;
  // OAuth has no word for a missing developer key.
  return refusalAnswer({ apiCode: key === undefined ? 2032 : 2036, inNumbers: true }, switches);
}

function requestRefusal({ format, fields }: RequestFields, switches: SandboxSwitches): Refusal | undefined {
  if (switches.requestFormat !== 'any' && switches.requestFormat !== format) {
    return { apiCode: 406, description: `Only ${switches.requestFormat} bodies are accepted.` };
  }
  if (switches.pkce === 'refused' && fields.has('code_verifier')) {
    return { apiCode: 400, oauthError: 'invalid_request', description: 'The parameter code_verifier is unknown.' };
  }
  return undefined;
}

function grantResult(
  { fields }: RequestFields,
  grants: GrantBook,
  switches: SandboxSwitches,
): { readonly tokens: TokenSet } | Refusal {
  const grantType = fields.get('grant_type');
  if (grantType === 'authorization_code') {
    const code = fields.get('code');
    const redirectUri = fields.get('redirect_uri');
    if (!code || !redirectUri) return invalidRequest('code and redirect_uri are required.');
    return grantRefusal(grants.redeem({ code, redirectUri, codeVerifier: fields.get('code_verifier') }, switches));
  }
  if (grantType === 'refresh_token') {
    const refreshToken = fields.get('refresh_token');
    if (!refreshToken) return invalidRequest('refresh_token is required.');
    return grantRefusal(grants.refresh(refreshToken, switches), switches.deadGrantAs);
  }
  if (!grantType) return invalidRequest('grant_type is required.');
  return { apiCode: 400, oauthError: 'unsupported_grant_type' };
}

function invalidRequest(description: string): Refusal {
  return { apiCode: 400, oauthError: 'invalid_request', description };
}

function grantRefusal(
  result: GrantResult,
  as: SandboxSwitches['deadGrantAs'] = 'invalid_grant',
): { readonly tokens: TokenSet } | Refusal {
  if ('tokens' in result) return result;
  if (as !== 'invalid_grant') return { apiCode: as, inNumbers: true };
  return { apiCode: 400, oauthError: as, description: result.refused };
}

function tokenBody(tokens: TokenSet, request: RequestFields, switches: SandboxSwitches): object {
  const omitsRefreshToken = switches.refresh === 'omitted' && grantKind(request) === 'refresh';
  const body = {
    access_token: tokens.accessToken,
    ...(omitsRefreshToken ? {} : { refresh_token: tokens.refreshToken }),
    ...expiresAtField(tokens.expiresAtMs, switches.expiresAt),
    type: 'bearer',
  };
  return switches.envelope === 'data' ? { success: true, data: body } : body;
}

function expiresAtField(expiresAtMs: number, form: SandboxSwitches['expiresAt']): { expires_at?: number | string } {
  const seconds = Math.floor(expiresAtMs / 1000);
  switch (form) {
    case 'seconds':
      return { expires_at: seconds };
    case 'milliseconds':
      return { expires_at: seconds * 1000 };
    case 'string':
      return { expires_at: String(seconds) };
    case 'iso':
      return { expires_at: new Date(seconds * 1000).toISOString() };
    case 'missing':
      return {};
    case 'past':
      return { expires_at: SAMPLE_EXPIRES_AT };
  }
}
