import { isIP } from 'node:net';
import type { Request } from 'express';
import type { Cookie } from 'express-session';
import { ConnectError, type ConnectErrorReason } from '../errors/connect-error';
import { sentHeader } from '../web/sent-header';

/** Host name and path of a redirect URI. */
export type CookieTarget = Pick<URL, 'hostname' | 'pathname'>;

/**
 * Refuses to start a sign-in whose session cookie can never come back to the callback: reported here,
 * it is a clear configuration fault; found at the callback, it would look like a forged state.
 * @throws ConnectError `ERR_CONNECT_COOKIE`
 */
export function assertCookieReturns(req: Request, cookie: Cookie, target: CookieTarget): void {
  if (cookie.secure === true && !isHttps(req)) {
    refuse(
      'secure',
      'The session cookie is `secure`, but this request came over plain http. Behind a TLS proxy, set ' +
        "app.set('trust proxy', 1) and let the proxy send X-Forwarded-Proto; on plain http use cookie: { secure: 'auto' }.",
    );
  }
  if (cookie.sameSite === 'strict' || cookie.sameSite === true) {
    refuse(
      'same_site',
      "The session cookie has sameSite 'strict': browsers do not send it when the provider redirects " +
        "back. Use cookie: { sameSite: 'lax' }.",
    );
  }
  if (cookie.sameSite === 'none' && cookie.secure !== true) {
    refuse(
      'same_site',
      "The session cookie has sameSite 'none' without `secure`: browsers refuse such a cookie. " +
        "Use cookie: { sameSite: 'lax' }.",
    );
  }
  const domain = cookie.domain?.replace(/^\./u, '').toLowerCase();
  if (domain !== undefined && domain !== '' && !coversHost(domain, target.hostname)) {
    refuse(
      'domain',
      'The domain of the session cookie does not cover the host of redirectUri: change cookie.domain of express-session.',
    );
  }
  if (!coversPath(cookie.path ?? '/', target.pathname)) {
    refuse(
      'path',
      'The path of the session cookie does not cover the path of redirectUri: change cookie.path of express-session.',
    );
  }
}

/** RFC 6265 §5.1.3: a domain covers only names below it; an IP address must be the same. */
function coversHost(domain: string, host: string): boolean {
  return host === domain || (isIP(host) === 0 && host.endsWith(`.${domain}`));
}

/** RFC 6265 §5.1.4: by whole segments, case-sensitive. */
function coversPath(path: string, wanted: string): boolean {
  return wanted === path || wanted.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** `session({ proxy: true })` trusts X-Forwarded-Proto without Express knowing, so that header counts here too. */
function isHttps(req: Request): boolean {
  const forwarded = (sentHeader(req, 'x-forwarded-proto') ?? '').split(',', 1)[0]?.trim().toLowerCase();
  return req.secure || forwarded === 'https';
}

function refuse(reason: ConnectErrorReason<'ERR_CONNECT_COOKIE'>, message: string): never {
  throw new ConnectError('ERR_CONNECT_COOKIE', { stage: 'authorize', reason, message });
}
