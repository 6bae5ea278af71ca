import { Router, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type * as ApiClient from './access/api-client';
import type { ApiClientConfig, ClientFor, ConnectClient } from './access/api-client';
import { apiRefusals } from './access/api-refusals';
import { requireConnectGuard, type RequireConnectOptions } from './access/require-connect';
import { accounts, type ConnectAccount } from './access/account';
import { errorMiddleware, type ConnectErrorMiddleware } from './access/error-handler';
import { requestTokens, type GetToken } from './access/get-token';
import { noToken } from './access/no-token';
import { tokenSource } from './access/token-source';
import { emit, emitFailure } from './errors/emit';
import { ConnectError, type ConnectStage } from './errors/connect-error';
import { isRequest } from './checks/given-request';
import { markHeard } from './errors/operator';
import { warnOnce } from './errors/warn-once';
import type { ConnectEventListener } from './errors/events';
import { authorizeHandler } from './sign-in/authorize';
import { callbackHandler } from './sign-in/callback';
import { disconnectHandler } from './sign-in/disconnect';
import { codeExchange } from './sign-in/exchange';
import { visitorSessions } from './sign-in/visitor-session';
import { lastSignInAt } from './sign-in/pending-sign-ins';
import { callbackFlights } from './sign-in/callback-flights';
import { recentSignIns, type RecentSignIns } from './sign-in/recent-sign-ins';
import type { ConnectAuthOptions } from './options/options';
import { readOptions, type Config } from './options/read';
import { tokenEndpoint } from './provider/token/token-endpoint';
import { own } from './base/own';
import { boundedLedger } from './ledger/bounded-ledger';
import { endings, type Endings } from './refresh/endings';
import { knownExpiry } from './refresh/due';
import { endedConnections } from './refresh/ended';
import { refreshFlights } from './refresh/flight';
import { offers } from './base/offers';
import { givenConnections } from './connections/given-connections';
import { memoryLedger } from './ledger/memory-ledger';
import { movedMarks } from './refresh/moved-marks';
import { sessionLifeMs } from './ledger/retention';
import { owners, type Owners } from './session/owners';
import type { SessionToken, SignInParts } from './sign-in/parts';
import { publicUrls } from './web/public-url';
import { redirectUris } from './web/redirect-uri';
import { isLoggedOut, watchSessions } from './session/gone-sessions';
import { sessionOf, type SessionRecord } from './session/store';
import { keepIn } from './session/hooks';
import { sessionTokens, type SessionTokens } from './session/session-token';

const NO_REQUEST =
  'connect.client() takes the request: connect.client(req). Without one, use connect.of(userId).client().';
const UNCALLED =
  'connect.errorHandler was passed to app.use() without being called: write app.use(connect.errorHandler()).';

/** Milliseconds for one operation of a ledger that the app has passed. */
const LEDGER_LIMIT_MS = 5000;

/** A handler of Express. An interface of this package, so that declarations of an app can name it. */
export interface ConnectHandler extends RequestHandler {
  /** Answers the request, or passes it on. */
  (req: Request, res: Response, next: NextFunction): void;
}

/** The middleware: an Express Router that also carries its handlers. They work destructured. */
export type ConnectAuth = Router & {
  /** Starts a sign-in; mount it elsewhere with `app.get('/login', connect.authorize)`. */
  readonly authorize: ConnectHandler;
  /** Finishes a sign-in. */
  readonly callback: ConnectHandler;
  /** Ends a connection; mount it elsewhere with `app.post('/logout', connect.disconnect)`. */
  readonly disconnect: ConnectHandler;
  /**
   * Makes a guard for routes that need a connected account; after it, `req.session.connectToken` is fresh.
   * @throws ConnectError `ERR_CONNECT_OPTIONS`
   * @example app.get('/reports', connect.requireConnect(), (req, res) => res.render('reports'));
   */
  readonly requireConnect: (options?: RequireConnectOptions) => ConnectHandler;
  /**
   * Gives the visitor's token, refreshed when due; `refused`: the access token that the API has just answered 401 to.
   * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`, `ERR_CONNECT_LEDGER`, `ERR_CONNECT_STORE`,
   * `ERR_CONNECT_NO_SESSION`, or the error of a refresh that was needed
   * @example const { access_token } = await connect.getToken(req);
   */
  readonly getToken: GetToken;
  /**
   * Gives an axios instance that calls the Connect API as the visitor: signed, refreshed when due or refused, with
   * errors as ConnectError, and only at addresses below `apiBaseUrl`.
   * @example const { data } = await connect.client(req).get('/me');
   */
  readonly client: (req: Request) => ConnectClient;
  /**
   * Acts for a user without a request: in a cron job, a queue worker, a webhook. Needs option `owner` or `connections`.
   * @param owner - as option `owner` gives it
   * @throws ConnectError `ERR_CONNECT_OPTIONS`
   * @example const { data } = await connect.of(userId).client().get('/me');
   */
  readonly of: (owner: string | number) => ConnectAccount;
  /**
   * Makes the error middleware for the app's own routes, which answers as this instance does, by its `renderError`,
   * `renderErrors`, `homeUrl`, `statusByApiCode` and `onEvent`. Mount it after the routes. See
   * `connectErrorHandler()`.
   * @example app.use(connect.errorHandler());
   */
  readonly errorHandler: () => ConnectErrorMiddleware;
  /**
   * Waits until every refresh in flight is done and recorded: call it on SIGTERM and SIGINT, after the server has
   * closed.
   */
  readonly close: () => Promise<void>;
};

/**
 * Makes the sign-in middleware: `app.use(connectAuth(options))`, after express-session, mounts
 * `GET /connect/authorize`, `GET /connect/callback` and `POST /connect/disconnect`. After a sign-in
 * `req.session.connectToken` holds the token set.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, never a value
 * @example
 * app.use(session({ secret, resave: false, saveUninitialized: false }));
 * const connect = connectAuth(connectOptionsFromEnv());
 * app.use(connect);
 * app.get('/reports', connect.requireConnect(), async (req, res) => {
 *   const { data } = await connect.client(req).get('/me');
 *   res.json(data);
 * });
 */
export function connectAuth(options: ConnectAuthOptions): ConnectAuth {
  const config = readOptions(options);
  const keys = { ...config, ...sessionKeys(config) };
  const given = config.ledger ?? memoryLedger();
  const ledger = config.ledger === undefined ? given : boundedLedger(given, LEDGER_LIMIT_MS);
  given.onForgotten?.(({ what, count }) => {
    emit(config.onEvent, { type: 'ledger_forgot', what, count });
  });
  const offering = offers();
  const users = owners(config);
  const connections = givenConnections({ ...config, offers: offering });
  const tokens = sessionTokens(keys);
  const recent = recentSignIns(keys);
  const meet = meeting(tokens, recent);
  const bare = new WeakSet<Request>();
  const named = { ...keys, recent, session: sessionLookup(meet, bare, config) };
  const ended = endedConnections();
  const endpoint = tokenEndpoint(config);
  const flights = refreshFlights({ ...config, ledger, endpoint, offers: offering });
  const marks = movedMarks({ ...config, ledger: config.ledger === undefined ? undefined : ledger });
  const refusals = apiRefusals();
  const ends = endings({ ...config, ledger, ended, connections });
  const shared = {
    ...named,
    ...marks,
    ...ends,
    tokens,
    refusals,
    connections,
    noToken: noToken(config.loginUrl),
  };
  const tokenOf = tokenSource({ ...shared, flights });
  const silent = requestTokens({ ...shared, owners: users }, tokenOf);
  const clientFor = clientsAtFirstUse({ ...config, refusals });
  const parts = {
    ...keys,
    owners: users,
    connections,
    withSession: visitorSessions({ ...named, ...marks }),
    ...signInParts(tokens, config),
    redirectUriOf: redirectUris(config.redirectUris),
    ...ends,
  };

  const urls = publicUrls(config.publicPrefix);
  const guardConfig = {
    ...config,
    owners: users,
    publicUrl: urls.of,
    signedInAt: (req: Request) => lastSignInAt(own((req as { session?: object }).session ?? {}, named.pendingKey)),
  };
  const handlers = {
    authorize: authorizeHandler(parts),
    callback: callbackHandler({
      ...parts,
      flights: callbackFlights(),
      exchange: codeExchange({ ...config, endpoint }),
    }),
    disconnect: disconnectHandler(parts),
  };
  const router = Router();
  router.use((req, _res, next) => {
    urls.meet(req);
    if (config.onEvent !== undefined) markHeard(req);
    next();
  });
  router.use(openTokens(tokens, meet, bare, parts));
  if (config.authorizePath !== false) router.all(config.authorizePath, handlers.authorize);
  if (config.callbackPath !== false) router.all(config.callbackPath, handlers.callback);
  if (config.disconnectPath !== false) router.all(config.disconnectPath, handlers.disconnect);
  return Object.assign(router, {
    ...handlers,
    getToken: reportedToken(silent, users, config.onEvent),
    client: (req: Request) => {
      if (!isObject(req)) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: NO_REQUEST });
      return clientFor(
        (refused) => silent(req, refused === undefined ? undefined : { refused }),
        () => users.nameIn(req),
      );
    },
    of: accounts({ ...shared, onEvent: config.onEvent, client: clientFor }, users, tokenOf),
    requireConnect: (guard: RequireConnectOptions = {}) => requireConnectGuard(guardConfig, silent, guard),
    errorHandler(...none: readonly unknown[]): ConnectErrorMiddleware {
      if (isRequest(none[0])) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: UNCALLED });
      return errorMiddleware({ ...config, listener: () => config.onEvent, nameIn: users.nameIn });
    },
    close: () => flights.close(),
  });
}

/**
 * Runs on every request, so that an app that reads `req.session.connectToken` finds a sealed token opened, and no token
 * of a connection that has ended here.
 */
function openTokens(
  tokens: SessionTokens,
  meet: Meet,
  bare: WeakSet<Request>,
  { ended, owners: users, connections }: Pick<Endings, 'ended'> & Pick<SignInParts, 'owners' | 'connections'>,
): RequestHandler {
  const belongsToUsers = users.areGiven && connections !== undefined;

  return function openConnectToken(req, _res, next): void {
    const session = (req as { session?: unknown }).session as Record<string, unknown> | null | undefined;
    if (session == null) {
      bare.add(req);
      next();
      return;
    }
    bare.delete(req);
    meet(req);
    tokens.open(session);
    if (belongsToUsers) tokens.showOnlyTo(session, () => users.of(req)?.tag);
    if (ended.any()) hideEnded(session);
    next();
  };

  function hideEnded(session: Record<string, unknown>): void {
    const held = tokens.read(session);
    if (held.kind === 'held' && ended.has(held.set.connectionId)) tokens.hide(session);
  }
}

/** Whatever an app in JavaScript passes. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Loads axios when an app makes its first client: that takes as long as loading the rest of this package. */
function clientsAtFirstUse(config: ApiClientConfig): ClientFor {
  let clients: ClientFor | undefined;
  return function clientFor(token, ownerNow) {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import() would make client() a promise
    clients ??= (require('./access/api-client') as typeof ApiClient).apiClients(config);
    return clients(token, ownerNow);
  };
}

/**
 * Reports a failure, whoever catches it. Guard and client report by themselves: a redirect to sign-in is not a failure.
 */
function reportedToken(silent: GetToken, users: Owners, onEvent: ConnectEventListener | undefined): GetToken {
  return async function getToken(req, ask) {
    try {
      return await silent(req, ask);
    } catch (error) {
      emitFailure(onEvent, error, users.nameIn(req));
      throw error;
    }
  };
}

/** How sign-in and disconnect see the token in a session. */
function signInParts(
  tokens: SessionTokens,
  { sessionTtlMs, owner: ownerOf }: Pick<Config, 'sessionTtlMs' | 'owner'>,
): {
  putToken: SessionTokens['write'];
  shownToken: SessionTokens['shown'];
  labelIn: SessionTokens['labelIn'];
  endingIn: SessionToken['endingIn'];
} {
  const isOfUsers = ownerOf !== undefined;
  return {
    putToken: tokens.write,
    shownToken: tokens.shown,
    labelIn: tokens.labelIn,
    endingIn(document, owner) {
      const { connectionId, ownerTag } = tokens.labelIn(document) ?? {};
      if (connectionId === undefined || (isOfUsers && ownerTag !== undefined && ownerTag !== owner?.tag))
        return undefined;
      const found = tokens.readDocument(document);
      const expiresAt = found.kind === 'held' ? knownExpiry(found.set) : undefined;
      const lifeMs = sessionLifeMs(own(document, 'cookie'), sessionTtlMs);
      return { connectionId, owner: ownerTag === undefined ? undefined : owner?.name, expiresAt, lifeMs };
    },
  };
}

/**
 * The name of an instance binds states to it. One with several redirect URIs goes by the path that they share, so that
 * their list may change; the name of before a change from one to several, or back, is known as well.
 */
function instanceNames(config: Config): Pick<SignInParts, 'instance' | 'formerInstances'> {
  const nameBy = (place: string): string => JSON.stringify([config.clientId, place, config.tokenUrl]);
  const byUri = config.redirectUris.map(nameBy);
  const byPath = nameBy(new URL(config.redirectUris[0]).pathname);
  return config.redirectUris.length === 1
    ? { instance: byUri.join(), formerInstances: [byPath] }
    : { instance: byPath, formerInstances: byUri };
}

/** Names of the package's session properties. */
function sessionKeys(
  config: Config,
): Pick<SignInParts, 'pendingKey' | 'instance' | 'formerInstances'> & { oldLabelKey: string } {
  // By default connectPending, and connectLineage of 0.1.0; otherwise the names begin with the whole key.
  const stem = config.sessionKey === 'connectToken' ? 'connect' : config.sessionKey;
  return {
    oldLabelKey: `${stem}Lineage`,
    pendingKey: `${stem}Pending`,
    ...instanceNames(config),
  };
}

/**
 * Finds the session of a request, and remembers that there was one.
 * @param bare - requests that arrived without a session
 */
function sessionLookup(
  meet: Meet,
  bare: WeakSet<Request>,
  { loginUrl }: Pick<Config, 'loginUrl'>,
): (req: Request, stage: ConnectStage) => SessionRecord {
  let seen = false;
  return function session(req, stage) {
    meet(req);
    // The app has logged the visitor out in this request.
    if (stage === 'refresh' && isLoggedOut(req)) {
      throw new ConnectError('ERR_CONNECT_REQUIRED', { stage, ...(loginUrl === undefined ? {} : { loginUrl }) });
    }
    const found = sessionOf(req, stage, seen);
    if (bare.has(req)) warnOnce('CONNECT_AUTH_ORDER', BEFORE_SESSION, SESSION_FIRST);
    seen = true;
    return found;
  };
}

/** Such an app works only in part: a sealed token in `req.session` stays closed, and some ends are not noticed. */
const BEFORE_SESSION = 'connectAuth() is mounted before express-session: a request reached it without a session.';
const SESSION_FIRST = 'Call app.use(session({ … })) before app.use(connectAuth({ … })).';

type Meet = (req: Request) => void;

/**
 * From now on the store gets the token and the sign-ins of this request's session in their stored form, and the ends of
 * sessions are noticed.
 */
function meeting(tokens: SessionTokens, recent: RecentSignIns): Meet {
  return function meet(req) {
    watchSessions(req);
    keepIn(req, tokens.kept);
    keepIn(req, recent.kept);
  };
}
