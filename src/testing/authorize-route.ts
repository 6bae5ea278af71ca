import { randomBytes } from 'node:crypto';
import type { Answer } from './answer';
import type { Registration } from './authorization-request';
import { readAuthorizationRequest } from './authorization-request';
import { consentPage, PAGE_HEADERS, refusedPage } from './consent-page';
import type { AuthorizationRequest, GrantBook } from './grants';
import type { RequestFields } from './request-fields';
import type { SandboxSwitches } from './switches';

/** Path of the authorization request, camel case as documented (page "build-authorization-url"). */
export const AUTHORIZE_PATH = '/oAuth/authorize';

/** Consent pages remembered; the oldest are forgotten first. */
const MAX_CONSENTS = 1000;

interface Consent {
  readonly request: AuthorizationRequest;
  /** Where the person was sent, once decided. */
  callbackUrl?: string;
}

/** The two halves of the authorization endpoint. */
export interface AuthorizeRoute {
  /** GET: the consent page, a redirect with an error, or a page that refuses. */
  readonly ask: (query: URLSearchParams, switches: SandboxSwitches) => Answer;
  /**
   * POST from the consent page. The first decision on a page holds: a double click gets the same redirect with the same
   * code again, so whichever answer the browser follows, it works. Another visit to the page is another decision.
   */
  readonly decide: (form: RequestFields | undefined, switches: SandboxSwitches) => Answer;
}

/** The authorization endpoint over one registration and one book of grants. */
export function authorizeRoute(registration: Registration, grants: GrantBook): AuthorizeRoute {
  const consents = new Map<string, Consent>();

  function ask(query: URLSearchParams, switches: SandboxSwitches): Answer {
    const read = readAuthorizationRequest(query, registration, switches.pkce);
    if ('untrusted' in read) return pageAnswer(400, refusedPage(read.untrusted));
    if ('sendBack' in read) {
      const { redirectUri, error, state } = read.sendBack;
      return redirectAnswer(callbackUrl(redirectUri, { error }, stateOnReturn(state, switches.state)));
    }
    const consentId = randomBytes(18).toString('base64url');
    consents.set(consentId, { request: read.request });
    for (const oldest of [...consents.keys()].slice(0, -MAX_CONSENTS)) consents.delete(oldest);
    return pageAnswer(200, consentPage(read.request, consentId, AUTHORIZE_PATH));
  }

  function decide(form: RequestFields | undefined, switches: SandboxSwitches): Answer {
    const consent = consents.get(form?.fields.get('consent') ?? '');
    const decision = form?.fields.get('decision');
    if (consent === undefined || (decision !== 'allow' && decision !== 'decline')) {
      return pageAnswer(400, refusedPage('This decision belongs to no open request. Please start again from the app.'));
    }
    consent.callbackUrl ??=
      decision === 'allow'
        ? allowedUrl(consent.request, grants.issueCode(consent.request), switches)
        : declinedUrl(consent.request, switches);
    return redirectAnswer(consent.callbackUrl);
  }

  return { ask, decide };
}

function allowedUrl(request: AuthorizationRequest, code: string, switches: SandboxSwitches): string {
  return callbackUrl(request.redirectUri, { code }, stateOnReturn(request.state, switches.state));
}

function declinedUrl(request: AuthorizationRequest, switches: SandboxSwitches): string {
  if (switches.refusal === 'bare') return request.redirectUri;
  return callbackUrl(request.redirectUri, { error: 'access_denied' }, stateOnReturn(request.state, switches.state));
}

function stateOnReturn(state: string | undefined, mode: SandboxSwitches['state']): Readonly<Record<string, string>> {
  if (state === undefined || mode === 'drop') return {};
  if (mode === 'echo') return { state };
  // One character differs: the kind of difference that a careless comparison overlooks.
  return { state: `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}` };
}

/** RFC 6749 §3.1.2: a query that the redirect address has of its own is kept as it is. */
function callbackUrl(redirectUri: string, ...parameters: readonly Readonly<Record<string, string>>[]): string {
  const query = new URLSearchParams(Object.assign({}, ...parameters) as Record<string, string>).toString();
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query}`;
}

function pageAnswer(status: number, body: string): Answer {
  return { status, headers: PAGE_HEADERS, body };
}

/** 303: the browser must not post the form to the app (RFC 9700 §4.12). */
function redirectAnswer(location: string): Answer {
  return {
    status: 303,
    headers: { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
    body: '',
  };
}
