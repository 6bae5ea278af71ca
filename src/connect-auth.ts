import { Router, type Request, type RequestHandler } from 'express';
import type { ConnectStage } from './errors';
import { authorizeHandler } from './login/authorize';
import { callbackHandler } from './login/callback';
import { signInFlights, spentStates } from './login/flights';
import { readOptions, type Config, type ConnectAuthOptions } from './options';
import { tokenEndpoint } from './provider/token-endpoint';
import { sessionOf, type SessionRecord } from './session';

/** The middleware: an Express Router that also carries its handlers. They work destructured. */
export type ConnectAuth = Router & {
  /** Starts a sign-in; mount it elsewhere with `app.get('/login', connect.authorize)`. */
  readonly authorize: RequestHandler;
  /** Finishes a sign-in. */
  readonly callback: RequestHandler;
};

/**
 * Makes the sign-in middleware: `app.use(connectAuth(options))`, after express-session, mounts
 * `GET /connect/authorize` and `GET /connect/callback`. Afterwards `req.session.connectToken` holds the token set.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, never a value
 */
export function connectAuth(options: ConnectAuthOptions): ConnectAuth {
  const config = readOptions(options);
  const parts = { ...config, ...sessionParts(config) };
  const authorize = authorizeHandler(parts);
  const callback = callbackHandler({
    ...parts,
    endpoint: tokenEndpoint(config),
    flights: signInFlights(),
    spent: spentStates(config.pendingTtlMs),
  });
  const router = Router();
  if (config.authorizePath !== false) router.all(config.authorizePath, authorize);
  if (config.callbackPath !== false) router.all(config.callbackPath, callback);
  return Object.assign(router, { authorize, callback });
}

/** Names of our session properties, and the session lookup with its memory of having met one. */
function sessionParts(config: Config): {
  lineageKey: string; pendingKey: string; instance: string; session: (req: Request, stage: ConnectStage) => SessionRecord;
} {
  // By default connectLineage and connectPending; otherwise the companions carry the whole key.
  const stem = config.sessionKey === 'connectToken' ? 'connect' : config.sessionKey;
  let seen = false;
  return {
    lineageKey: `${stem}Lineage`,
    pendingKey: `${stem}Pending`,
    instance: JSON.stringify([config.clientId, config.redirectUri, config.tokenUrl]),
    session(req, stage) {
      const session = sessionOf(req, stage, seen);
      seen = true;
      return session;
    },
  };
}
