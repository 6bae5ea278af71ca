import { Router, type Request, type RequestHandler } from 'express';
import type { ConnectStage } from './errors';
import { authorizeHandler } from './login/authorize';
import { callbackHandler } from './login/callback';
import { disconnectHandler } from './login/disconnect';
import { signInFlights, spentStates } from './login/flights';
import { readOptions, type Config, type ConnectAuthOptions } from './options';
import { tokenEndpoint } from './provider/token-endpoint';
import { sessionOf, type SessionRecord, type StoredSession } from './session';
import { sessionTokens } from './session-token';

/** The middleware: an Express Router that also carries its handlers. They work destructured. */
export type ConnectAuth = Router & {
  /** Starts a sign-in; mount it elsewhere with `app.get('/login', connect.authorize)`. */
  readonly authorize: RequestHandler;
  /** Finishes a sign-in. */
  readonly callback: RequestHandler;
  /** Ends a connection; mount it elsewhere with `app.post('/logout', connect.disconnect)`. */
  readonly disconnect: RequestHandler;
};

/**
 * Makes the sign-in middleware: `app.use(connectAuth(options))`, after express-session, mounts
 * `GET /connect/authorize`, `GET /connect/callback` and `POST /connect/disconnect`. After a sign-in
 * `req.session.connectToken` holds the token set.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, never a value
 */
export function connectAuth(options: ConnectAuthOptions): ConnectAuth {
  const config = readOptions(options);
  const named = { ...config, ...sessionParts(config) };
  const tokens = sessionTokens(named);
  const parts = {
    ...named,
    putToken: tokens.put,
    lineageIn(document: StoredSession): string | undefined {
      const held = tokens.readDocument(document);
      if (held.kind === 'held') return held.set.lineage;
      // An envelope that no key of ours opens: the connection ends all the same.
      const label = document[named.lineageKey];
      return typeof label === 'string' ? label.split('.', 1)[0] || undefined : undefined;
    },
    claimOnce: () => Promise.resolve(true),
    endConnection: () => Promise.resolve(),
  };
  const authorize = authorizeHandler(parts);
  const callback = callbackHandler({
    ...parts,
    endpoint: tokenEndpoint(config),
    flights: signInFlights(),
    spent: spentStates(config.pendingTtlMs),
  });
  const disconnect = disconnectHandler(parts);
  const router = Router();
  if (config.authorizePath !== false) router.all(config.authorizePath, authorize);
  if (config.callbackPath !== false) router.all(config.callbackPath, callback);
  if (config.disconnectPath !== false) router.all(config.disconnectPath, disconnect);
  return Object.assign(router, { authorize, callback, disconnect });
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
