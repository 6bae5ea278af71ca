import { Router, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type * as ApiClient from './access/api-client';
import type { ApiClientConfig, ClientFor, ConnectClient } from './access/api-client';
import { apiRefusals } from './access/api-refusals';
import { requireConnectGuard, type RequireConnectOptions } from './access/require-connect';
import { accounts, type ConnectAccount } from './access/account';
import { errorMiddleware, type ConnectErrorMiddleware } from './access/error-handler';
import { requestTokens, type GetToken, type RequestToken } from './access/get-token';
import { meeting, openTokens, sessionLookup } from './access/met-sessions';
import { noToken } from './access/no-token';
import { tokenSource } from './access/token-source';
import { emit, emitFailure } from './errors/emit';
import { ConnectError } from './errors/connect-error';
import { isRequest } from './checks/given-request';
import { markHeard } from './errors/operator';
import type { ConnectEventListener } from './errors/events';
import { authorizeHandler } from './sign-in/authorize';
import { callbackHandler } from './sign-in/callback';
import { disconnectHandler } from './sign-in/disconnect';
import { codeExchange } from './sign-in/exchange';
import { visitorSessions } from './sign-in/visitor-session';
import { lastSignInAt } from './sign-in/pending-sign-ins';
import { callbackFlights } from './sign-in/callback-flights';
import { recentSignIns } from './sign-in/recent-sign-ins';
import type { ConnectAuthOptions } from './options/options';
import { readOptions } from './options/read';
import { tokenEndpoint } from './provider/token/token-endpoint';
import { isFields, own } from './base/own';
import { boundedLedger } from './ledger/bounded-ledger';
import { endings } from './refresh/endings';
import { endedConnections } from './refresh/ended';
import { refreshFlights } from './refresh/flight';
import { offers } from './base/offers';
import { givenConnections } from './connections/given-connections';
import { memoryLedger } from './ledger/memory-ledger';
import { movedMarks } from './refresh/moved-marks';
import { owners, type Owners } from './session/owners';
import { sessionToken } from './sign-in/parts';
import { instanceNames } from './sign-in/instance';
import { ourKeys } from './sign-in/session-data';
import { pathFilter } from './web/path-filter';
import { publicUrls } from './web/public-url';
import { redirectUris } from './web/redirect-uri';
import { sessionTokens } from './session/session-token';

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
  const keys = { ...config, ...ourKeys(config), ...instanceNames(config) };
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
  const meet = meeting({ keeps: [tokens.kept, recent.kept], open: (req) => openToken(req) });
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
    ...sessionToken(tokens, config),
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
  const openToken = openTokens(tokens, meet, bare, parts);
  const routes = Router();
  if (config.authorizePath !== false) routes.all(config.authorizePath, handlers.authorize);
  if (config.callbackPath !== false) routes.all(config.callbackPath, handlers.callback);
  if (config.disconnectPath !== false) routes.all(config.disconnectPath, handlers.disconnect);
  const mayBeOurs = pathFilter([config.authorizePath, config.callbackPath, config.disconnectPath]);
  const ownLayers = routes.stack.length;
  // By the name of Express's own: tools that list routes go by it.
  function router(req: Request, res: Response, next: NextFunction): void {
    urls.meet(req);
    if (config.onEvent !== undefined) markHeard(req);
    openToken(req);
    // A router costs more than all the rest, and an app may have added routes of its own.
    if (mayBeOurs(req.url) || routes.stack.length !== ownLayers) routes(req, res, next);
    else next();
  }
  return Object.assign(Object.setPrototypeOf(router, routes) as Router, {
    ...handlers,
    getToken: reportedToken(silent, users, config.onEvent),
    client: (req: Request) => {
      if (!isFields(req)) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: NO_REQUEST });
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
function reportedToken(silent: RequestToken, users: Owners, onEvent: ConnectEventListener | undefined): GetToken {
  return async function getToken(req, ask) {
    try {
      const token = silent(req, ask);
      return 'then' in token ? await token : token;
    } catch (error) {
      emitFailure(onEvent, error, users.nameIn(req));
      throw error;
    }
  };
}
