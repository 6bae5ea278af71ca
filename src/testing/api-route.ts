import type { IncomingMessage } from 'node:http';
import type { Answer } from './answer';
import { jsonAnswer } from './answer';
import { refusalAnswer } from './error-shapes';
import type { GrantBook } from './grants';
import type { SandboxSwitches } from './switches';
import { accessTokenKeyAnswer } from './token-route';

/** Path of the Connect API (page "get-profile"). */
export const API_PATH = '/api/v2/integrations';

/** Invented, like every field of an API answer here: only `success` and `data` are documented. */
const PROFILE = { id: 'sandbox-user-1', name: 'Sandbox User', email: 'user@sandbox.invalid' };
const ACCOUNT = { accountId: 'sandbox-account-1', appId: 'sandbox-app', label: 'A connected account of the sandbox' };

/** Answers a call below {@link API_PATH}: the documented GET paths, with a Bearer token (RFC 6750 §2.1). */
export function apiAnswer(
  req: Pick<IncomingMessage, 'method' | 'headers'>,
  url: URL,
  world: { readonly grants: GrantBook; readonly switches: SandboxSwitches },
): Answer {
  const { grants, switches } = world;
  const keyAnswer = accessTokenKeyAnswer(req.headers['accesstoken'], switches);
  if (keyAnswer !== undefined) return keyAnswer;
  const token = /^Bearer +([\x21-\x7e]+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined || grants.scopeOf(token) === undefined) {
    const challenge = token === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
    const headers = { 'WWW-Authenticate': challenge };
    return refusalAnswer({ apiCode: 401, oauthError: 'invalid_token', headers }, switches);
  }
  if (req.method !== 'GET') return refusalAnswer({ apiCode: 405, headers: { Allow: 'GET' } }, switches);
  const found = lookUp(url.pathname.slice(API_PATH.length), url.searchParams);
  return typeof found === 'number'
    ? refusalAnswer({ apiCode: found }, switches)
    : jsonAnswer(200, { success: true, data: found });
}

/** The data at a documented path, or the code of the refusal. */
function lookUp(path: string, query: URLSearchParams): object | number {
  if (path === '/me') return PROFILE;
  if (path === '/user-connected-accounts') return query.get('accountId') || query.get('appId') ? [ACCOUNT] : 400;
  if (path === '/user-connected-account/by-token') return query.get('t') ? ACCOUNT : 400;
  const actionId = /^\/app\/action\/detail\/([^/]+)$/.exec(path)?.[1];
  return actionId === undefined ? 404 : { actionId, name: 'An action of the sandbox' };
}
