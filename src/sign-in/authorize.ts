import type { Request, RequestHandler, Response } from 'express';
import { debug } from '../errors/debug';
import { ConnectError } from '../errors/connect-error';
import type { Config } from '../options/read';
import { readParameter } from '../web/query';
import { own } from '../base/own';
import { isForeignFrame, isPageLoad } from '../web/request-kind';
import { redirectUris } from '../web/redirect-uri';
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
  const redirectUriOf = redirectUris(config.redirectUris);
  return visitHandler({ name: 'connectAuthorize', stage: 'authorize', method: 'GET' }, config, (req, res) =>
    authorize(req, res, redirectUriOf(req), config),
  );
}

async function authorize(req: Request, res: Response, redirectUri: string, config: AuthorizeConfig): Promise<void> {
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
  });
}

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
