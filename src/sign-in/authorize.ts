import type { Request, RequestHandler, Response } from 'express';
import { debug } from '../errors/debug';
import { warnOnce } from '../errors/warn-once';
import { ConnectError } from '../errors/connect-error';
import type { Config } from '../options/read';
import { readParameter } from '../web/query';
import { own } from '../base/own';
import { isForeignFrame, isPageLoad } from '../web/request-kind';
import { safeReturnTo, type ReturnToRules } from '../web/return-to';
import { storeError } from '../session/store';
import { assertCookieReturns } from './cookie-check';
import { readSignIns, withPending, type PendingSignIn } from './pending-sign-ins';
import { challengeOf, hashState, newState, randomSecret } from './state';
import { foreignLoad, visitHandler, type VisitConfig } from './visit';
import type { SignInParts } from './parts';

/** What starting a sign-in needs. */
export type AuthorizeConfig = VisitConfig &
  SignInParts &
  ReturnToRules &
  Pick<Config, 'clientId' | 'redirectUris' | 'scope' | 'pkce' | 'authorizeUrl' | 'authorizeParams'> &
  Pick<Config, 'allowMissingState' | 'afterConnect'>;

/** The handler that starts a sign-in: remembers it in the session, then redirects to the provider. */
export function authorizeHandler(config: AuthorizeConfig): RequestHandler {
  return visitHandler({ name: 'connectAuthorize', stage: 'authorize', method: 'GET' }, config, (req, res) =>
    authorize(req, res, config),
  );
}

async function authorize(req: Request, res: Response, config: AuthorizeConfig): Promise<void> {
  const redirectUri = config.redirectUriOf(req);
  // Each start may push out a sign-in in progress, and a hidden frame can start any number. The callback is different:
  // in a frame of this site it comes from the provider.
  if (isForeignFrame(req)) throw foreignLoad('authorize');
  await config.withSession(req, 'authorize', async (session) => {
    assertCookieReturns(req, session.loaded.cookie, redirectUri);
    if (config.allowMissingState && !isPageLoad(req)) {
      // Without state only the pending entry protects the callback, so no image or script may create one.
      throw new ConnectError('ERR_CONNECT_ORIGIN', {
        stage: 'authorize',
        message: 'With allowMissingState only a page load can start a sign-in: use a link.',
      });
    }
    const state = newState({ ...config, sessionId: session.visitor.sessionId });
    const verifier = config.pkce ? randomSecret() : undefined;
    const signIn: PendingSignIn = {
      stateHash: hashState(state, config.instance),
      startedAt: Date.now(),
      returnTo: returnTo(req.originalUrl, config),
      redirectUri: config.redirectUris.length > 1 ? redirectUri : undefined,
      verifier,
      ownerTag: config.owners.of(req)?.tag,
    };
    // Saved before the redirect: the browser may be back before express-session writes on its own.
    await session.update(
      'start',
      (stored) => ({ signIns: withPending(readSignIns(own(stored, config.pendingKey)), signIn), result: undefined }),
      // A callback in another tab has moved the session since this request began; saving would bring the old one back.
      () => storeError('authorize', 'gone', 'The session moved or ended while this request ran.'),
    );
    debug('authorize', 'started');
    res.status(302).set('Location', authorizationUrl(config, { state, verifier, redirectUri }));
    session.send(res);
    // session({ proxy: true }) trusts a proxy without Express knowing, so only the answer shows whether a cookie was set.
    const isLost =
      session.visitor.isNew && session.loaded.cookie.secure === true && res.getHeader('Set-Cookie') === undefined;
    if (isLost) warnOnce('CONNECT_AUTH_COOKIE', NO_COOKIE, TRUST_PROXY);
  });
}

const NO_COOKIE =
  'A sign-in was started without a session cookie, so it cannot be finished: express-session did not set it.';
const TRUST_PROXY =
  "The cookie is `secure`, and Express takes the request for plain http: set app.set('trust proxy', 1) behind a TLS proxy.";

/** `returnTo` of the query if it is safe; never the path that starts sign-ins, wherever that is mounted. */
function returnTo(originalUrl: string, config: AuthorizeConfig): string {
  const wanted = readParameter(originalUrl, 'returnTo');
  const ownPaths = [...config.ownPaths, originalUrl.replace(/[?#].*$/su, '')];
  return (
    (wanted.kind === 'value' ? safeReturnTo(wanted.value, { ...config, ownPaths }) : undefined) ?? config.afterConnect
  );
}

/** What differs from one authorization request to the next. */
interface Started {
  readonly state: string;
  readonly verifier: string | undefined;
  readonly redirectUri: string;
}

/** The authorization request (RFC 6749 §4.1.1); a query that `authorizeUrl` already has is kept. */
function authorizationUrl(config: AuthorizeConfig, { state, verifier, redirectUri }: Started): string {
  const own: Record<string, string> = {
    client_id: config.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: config.scope,
    state,
    ...(verifier === undefined ? {} : { code_challenge: challengeOf(verifier), code_challenge_method: 'S256' }),
  };
  const url = new URL(config.authorizeUrl);
  for (const name of Object.keys(own)) url.searchParams.delete(name);
  const kept = url.search.replace(/^\?/u, '');
  // encodeURIComponent, not URLSearchParams: a space must become %20.
  const pairs = Object.entries({ ...config.authorizeParams, ...own }).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  url.search = [kept, ...pairs].filter((part) => part !== '').join('&');
  return url.href;
}
