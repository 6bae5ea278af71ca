import type { Request } from 'express';
import { ConnectError, type ConnectStage } from '../errors/connect-error';
import { warnOnce } from '../errors/warn-once';
import type { OwnerConnections } from '../connections/owner-connections';
import type { Config } from '../options/read';
import type { Endings } from '../refresh/endings';
import { isLoggedOut, watchSessions } from '../session/gone-sessions';
import { useSessions, type SessionUse } from '../session/hooks';
import type { Owners } from '../session/owners';
import type { SessionTokens } from '../session/session-token';
import { sessionOf, type SessionRecord } from '../session/store';

/** To be called with each request whose session matters. */
export type Meet = (req: Request) => void;

/**
 * From now on this request's sessions are used so, and the ends of sessions are noticed.
 * @param used - the store gets token and sign-ins in their stored form, and the app reads the token of a session that it
 * reloads as that of the first one
 */
export function meeting(used: SessionUse): Meet {
  return function meet(req) {
    watchSessions(req);
    useSessions(req, used);
  };
}

/** What opening the token of a request needs. */
export interface MetSessionsConfig extends Pick<Endings, 'ended'> {
  readonly owners: Owners;
  /** Undefined: no connection belongs to a user. */
  readonly connections: OwnerConnections | undefined;
}

/**
 * To be called with every request, so that an app that reads `req.session.connectToken` finds a sealed token opened, and
 * no token of a connection that has ended here. Nothing is opened before it is read.
 */
export function openTokens(
  tokens: SessionTokens,
  meet: Meet,
  bare: WeakSet<Request>,
  { ended, owners: users, connections }: MetSessionsConfig,
): Meet {
  const belongsToUsers = users.areGiven && connections !== undefined;

  return function openConnectToken(req): void {
    const session = (req as { session?: unknown }).session as Record<string, unknown> | null | undefined;
    if (session == null) {
      bare.add(req);
      return;
    }
    bare.delete(req);
    meet(req);
    if (belongsToUsers) tokens.showOnlyTo(session, () => users.of(req)?.tag);
    else tokens.open(session);
    if (ended.any()) hideEnded(session);
  };

  function hideEnded(session: Record<string, unknown>): void {
    const connectionId = tokens.connectionIn(session);
    if (connectionId !== undefined && ended.has(connectionId)) tokens.hide(session);
  }
}

/**
 * Finds the session of a request, and remembers that there was one.
 * @param bare - requests that arrived without a session
 */
export function sessionLookup(
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
