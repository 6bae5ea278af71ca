import type { Request, RequestHandler, Response } from 'express';
import { debug } from '../errors/debug';
import { warnOnce } from '../errors/warn-once';
import { ConnectError } from '../errors/connect-error';
import type { Config } from '../options/read';
import { readParameter } from '../web/query';
import { own } from '../base/own';
import { isForeignFrame, isPageLoad } from '../web/request-kind';
import { safeReturnTo, type ReturnToRules } from '../web/return-to';
import { storeError } from '../errors/store-error';
import { assertCookieReturns, type CookieTarget } from './cookie-check';
import { readSignIns, withPending, type PendingSignIn } from './pending-sign-ins';
import { challengeOf, hashState, newState, placeOf, randomSecret } from './state';
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
  const ways = new Map(config.redirectUris.map((uri) => [uri, wayBy(uri, config)]));
  return visitHandler({ name: 'connectAuthorize', stage: 'authorize', method: 'GET' }, config, (req, res) => {
    const redirectUri = config.redirectUriOf(req);
    return authorize(req, res, config, ways.get(redirectUri) as Way);
  });
}

/** What sign-ins by one redirect URI have in common. */
interface Way {
  readonly redirectUri: string;
  readonly target: CookieTarget;
  readonly addressOf: AddressOf;
}

function wayBy(redirectUri: string, config: AuthorizeConfig): Way {
  return { redirectUri, target: new URL(redirectUri), addressOf: authorizationUrl(config, redirectUri) };
}

async function authorize(
  req: Request,
  res: Response,
  config: AuthorizeConfig,
  { redirectUri, target, addressOf }: Way,
): Promise<void> {
  // Each start may push out a sign-in in progress, and a hidden frame can start any number. The callback is different:
  // in a frame of this site it comes from the provider.
  if (isForeignFrame(req)) throw foreignLoad('authorize');
  await config.withSession(req, 'authorize', async (session) => {
    assertCookieReturns(req, session.loaded.cookie, target);
    if (config.allowMissingState && !isPageLoad(req)) {
      // Without state only the pending entry protects the callback, so no image or script may create one.
      throw new ConnectError('ERR_CONNECT_ORIGIN', {
        stage: 'authorize',
        message: 'With allowMissingState only a page load can start a sign-in: use a link.',
      });
    }
    const state = newState(placeOf(session.visitor.sessionId, config));
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
    res.statusCode = 302;
    res.setHeader('Location', addressOf({ state, verifier }));
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
  if (wanted.kind !== 'value') return config.afterConnect;
  const ownPaths = [...config.ownPaths, originalUrl.replace(/[?#].*$/su, '')];
  return safeReturnTo(wanted.value, { ...config, ownPaths }) ?? config.afterConnect;
}

/** What differs from one authorization request to the next: base64url, which needs no encoding. */
interface Started {
  readonly state: string;
  readonly verifier: string | undefined;
}

/** Gives the address of the provider's page for one sign-in. */
type AddressOf = (started: Started) => string;

/** The authorization request (RFC 6749 §4.1.1) but for its last members; a query that `authorizeUrl` has is kept. */
function authorizationUrl(config: AuthorizeConfig, redirectUri: string): AddressOf {
  const own = {
    client_id: config.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: config.scope,
  };
  const perSignIn = ['state', ...(config.pkce ? ['code_challenge', 'code_challenge_method'] : [])];
  const url = new URL(config.authorizeUrl);
  for (const name of [...Object.keys(own), ...perSignIn]) url.searchParams.delete(name);
  const kept = url.search.replace(/^\?/u, '');
  // encodeURIComponent, not URLSearchParams: a space must become %20.
  const pairs = Object.entries({ ...config.authorizeParams, ...own })
    .filter(([name]) => !perSignIn.includes(name))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  url.search = [kept, ...pairs].filter((part) => part !== '').join('&');
  const { href } = url;
  return ({ state, verifier }) =>
    verifier === undefined
      ? `${href}&state=${state}`
      : `${href}&state=${state}&code_challenge=${challengeOf(verifier)}&code_challenge_method=S256`;
}
