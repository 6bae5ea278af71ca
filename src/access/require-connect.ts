import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { emitAnswer } from '../errors/emit';
import { answerError } from '../web/respond';
import { ConnectError, PRIVATE_HEADERS, connectsAgain, isConnectError } from '../errors/connect-error';
import { isRequest } from '../checks/given-request';
import type { Config } from '../options/read';
import { ownOnly } from '../base/own';
import { isPageLoad } from '../web/request-kind';
import { safeReturnTo } from '../web/return-to';
import type { Owners } from '../session/owners';
import type { RequestToken } from './get-token';

/** Options of the guard. */
export interface RequireConnectOptions {
  /**
   * What a visitor without a connected account gets. `'auto'`: a redirect to the sign-in for a page load, else 401 with
   * `loginUrl`; `'redirect'`: always a redirect, but never for HEAD; `'error'`: always 401. @defaultValue `'auto'`
   */
  readonly onMissing?: 'auto' | 'redirect' | 'error' | undefined;
  /** Path of this site that starts the sign-in. @defaultValue the mounted `authorizePath` */
  readonly loginUrl?: string | undefined;
}

/** The options that the guard needs. */
export interface GuardConfig extends Pick<Config, GuardOptions> {
  /** Path and query of a request as the browser knows them. */
  readonly publicUrl: (req: Request) => string;
  /** When the session of this request last completed a sign-in, in milliseconds since 1970; undefined for never. */
  readonly signedInAt: (req: Request) => number | undefined;
  readonly owners: Pick<Owners, 'nameIn'>;
}

type GuardOptions = 'loginUrl' | 'renderErrors' | 'renderError' | 'homeUrl' | 'onEvent' | 'ownPaths' | 'allowedOrigins';

/**
 * For this many milliseconds after a sign-in, a refusal is answered with a page: a provider that refuses everybody
 * without asking for consent again would keep a browser in an endless loop. So would sign-ins without a user, if
 * connectAuth() is mounted before the login.
 */
const JUST_SIGNED_IN_MS = 60_000;

/**
 * Makes a guard for the app's own routes. It fails closed: whatever is in the session, the next handler runs only with
 * a usable token, which is then fresh in `req.session.connectToken`.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` for an unusable option, or if there is no `loginUrl` to send visitors to
 */
export function requireConnectGuard(
  config: GuardConfig,
  token: RequestToken,
  options: RequireConnectOptions,
): RequestHandler {
  const { onMissing, loginUrl } = readGuardOptions(options, config);

  return function requireConnect(req: Request, res: Response, next: NextFunction): void {
    // Both callbacks in one then(), so that an error of the next handler is not treated as a failure of the guard.
    new Promise((resolve) => resolve(token(req)))
      .then(
        () => next(),
        (thrown: unknown) => refuse(thrown, req, res, next),
      )
      .catch(next);
  };

  function refuse(thrown: unknown, req: Request, res: Response, next: NextFunction): void {
    if (!isConnectError(thrown)) return next(thrown);
    const isCured = connectsAgain(thrown);
    if (isCured && loginUrl !== undefined && redirects(req) && !circles(thrown, req)) {
      return toSignIn(req, res, loginUrl);
    }
    const error = loginUrl === undefined || !isCured ? thrown : Object.assign(thrown, { loginUrl });
    emitAnswer(config.onEvent, error, res, config.owners.nameIn(req));
    if (!config.renderErrors || res.headersSent) next(error);
    else answerError(error, req, res, config);
  }

  function circles({ reason }: ConnectError, req: Request): boolean {
    const comesBack = reason === 'refused' || reason === 'nobody';
    const signedInAt = comesBack ? config.signedInAt(req) : undefined;
    // A future time comes from another process's clock, and counts as now.
    return signedInAt !== undefined && Date.now() - signedInAt < JUST_SIGNED_IN_MS;
  }

  function redirects(req: Request): boolean {
    if (req.method === 'HEAD' || onMissing === 'error') return false;
    return onMissing === 'redirect' || isPageLoad(req);
  }

  function toSignIn(req: Request, res: Response, url: string): void {
    // A visitor can return only to a page.
    const returnTo = req.method === 'GET' ? safeReturnTo(config.publicUrl(req), config) : undefined;
    const query =
      returnTo === undefined ? '' : `${url.includes('?') ? '&' : '?'}returnTo=${encodeURIComponent(returnTo)}`;
    res
      .status(req.method === 'GET' ? 302 : 303)
      .set(PRIVATE_HEADERS)
      .set('Location', url + query);
    res.vary('Accept').vary('Sec-Fetch-Mode').setHeader('Content-Length', 0);
    res.end();
  }
}

function readGuardOptions(options: RequireConnectOptions, config: GuardConfig): RequireConnectOptions {
  if (isRequest(options))
    throw guardError('it was passed to a route without being called: write connect.requireConnect() there');
  const unknown = Object.keys(options).filter((name) => name !== 'onMissing' && name !== 'loginUrl');
  const given = ownOnly(options);
  const { onMissing = 'auto', loginUrl = config.loginUrl } = given;
  if (unknown.length > 0) throw guardError('it takes only the options onMissing and loginUrl');
  if (!['auto', 'redirect', 'error'].includes(onMissing))
    throw guardError("onMissing must be 'auto', 'redirect' or 'error'");
  if (loginUrl === undefined && onMissing !== 'error') {
    throw guardError(
      "with authorizePath: false it needs loginUrl, the path where your app has mounted connect.authorize, or onMissing: 'error'",
    );
  }
  if (given.loginUrl === undefined) return { onMissing, loginUrl };
  // In the form that is sent: a Location header takes printable ASCII only.
  const emitted = safeReturnTo(given.loginUrl, { ownPaths: [] });
  // A query that is appended after a fragment never reaches the server.
  if (emitted === undefined || emitted.includes('#'))
    throw guardError('loginUrl must be a path of this site without a fragment');
  return { onMissing, loginUrl: emitted };
}

function guardError(message: string): ConnectError {
  return new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: `requireConnect(): ${message}.` });
}
