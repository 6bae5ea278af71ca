import type { Request, RequestHandler, Response } from 'express';
import type { Store } from 'express-session';
import { debug } from '../debug';
import { ConnectError } from '../errors';
import { disconnectedEvent, emit } from '../events';
import { isNavigation } from '../request-kind';
import {
  detach,
  endDetached,
  letGo,
  lockPatience,
  readStored,
  saveSession,
  type SessionRecord,
  type StoredSession,
} from '../session';
import { presentedBy } from '../session-cookie';
import { withSessionLock } from '../session-lock';
import { movedFrom } from './moved-sessions';
import { renewSession, type RenewConfig } from './renew-session';
import { assertSameOrigin } from './same-origin';
import { visitHandler, type VisitConfig } from './visit';

/** What ending a connection needs. */
export interface DisconnectConfig extends VisitConfig, RenewConfig {
  readonly redirectUri: string;
  /** Own-site path to land on. */
  readonly afterDisconnect: string;
  readonly session: (req: Request, stage: 'disconnect') => SessionRecord;
  /** The connection that a session or its document holds a token of. */
  readonly lineageIn: (document: StoredSession) => string | undefined;
  /**
   * Ends a connection for good, whatever is in flight for it.
   * @throws ConnectError `ERR_CONNECT_LEDGER`; then it has not ended
   */
  readonly endConnection: (lineage: string, reason: 'disconnected') => Promise<void>;
}

/** The handler that ends a connection: for good first, then in the session. What the app keeps in the session stays. */
export function disconnectHandler(config: DisconnectConfig): RequestHandler {
  const route = { name: 'connectDisconnect', stage: 'disconnect', method: 'POST' } as const;
  return visitHandler(route, config, (req, res) => disconnect(req, res, config));
}

async function disconnect(req: Request, res: Response, config: DisconnectConfig): Promise<void> {
  assertSameOrigin(req, config.redirectUri);
  const session = config.session(req, 'disconnect');
  const { renewed, lineages } = await endSession(req, session, config).catch(letGo(req));
  debug('disconnect', 'ended', lineages.length);
  for (const lineage of lineages) emit(config.onEvent, disconnectedEvent(lineage, Date.now()));
  // Nothing was saved: no cookie is due, and this request's copy may be older than what the store holds.
  if (!renewed) detach(req);
  if (isNavigation(req)) res.status(303).set('Location', config.afterDisconnect);
  else res.status(204);
  endDetached(req, res);
}

interface Ended {
  /** Whether `req.session` is a new session now. */
  readonly renewed: boolean;
  /** Of the connections that were found in the store. */
  readonly lineages: readonly string[];
}

/** Sign-ins in progress end as well: one that finishes later finds its session gone. */
async function endSession(req: Request, session: SessionRecord, config: DisconnectConfig): Promise<Ended> {
  const lineages = new Set<string>();
  const endStored = async (stored: StoredSession): Promise<void> => {
    const lineage = config.lineageIn(stored);
    if (lineage === undefined) return;
    if (lineage !== mine) await config.endConnection(lineage, 'disconnected');
    lineages.add(lineage);
  };
  const mine = config.lineageIn(session);
  if (mine !== undefined) await config.endConnection(mine, 'disconnected');
  const visitor = presentedBy(req);
  const renewed = await withSessionLock(
    req.sessionStore,
    req.sessionID,
    lockPatience('disconnect', config),
    async () => {
      const stored = await readStored(req, req.sessionID, 'disconnect', config);
      if (stored !== undefined) await endStored(stored);
      const moves = movedFrom(req.sessionStore, visitor);
      for (const id of moves.sessionIds) if (id !== req.sessionID) await endMoved(req, id, endStored, config);
      if (moves.goOn) throw movedOn();
      if (stored === undefined || !holdsOurs(stored, config)) return false;
      await renewSession(req, stored, { stage: 'disconnect', visitor }, config);
      return true;
    },
  );
  return { renewed, lineages: [...lineages] };
}

/**
 * Ends the connection of a session that a callback of a moment ago has moved to, while this request was on its way with
 * the old cookie. The session keeps its id: the browser has its cookie from that callback, and whoever knows no more
 * than the old id (it may have been planted) must not get it from us.
 */
async function endMoved(
  req: Request,
  sessionId: string,
  endStored: (stored: StoredSession) => Promise<void>,
  config: DisconnectConfig,
): Promise<void> {
  const { sessionStore } = req;
  await withSessionLock(sessionStore, sessionId, lockPatience('disconnect', config), async () => {
    const stored = await readStored(req, sessionId, 'disconnect', config);
    if (stored === undefined || !holdsOurs(stored, config)) return;
    await endStored(stored);
    const session = inflate(sessionStore, sessionId, stored);
    for (const key of ourKeys(config)) Reflect.deleteProperty(session, key);
    await saveSession(req, session, 'disconnect', config);
  });
}

/** As `Store.load` of express-session makes a session; the request keeps its own. */
function inflate(sessionStore: Store, sessionID: string, stored: StoredSession): SessionRecord {
  const bare = { sessionStore, sessionID };
  return (sessionStore as unknown as { createSession(req: object, data: unknown): SessionRecord }).createSession(bare, {
    ...stored,
  });
}

function holdsOurs(stored: StoredSession, config: DisconnectConfig): boolean {
  return ourKeys(config).some((key) => Object.hasOwn(stored, key));
}

function ourKeys({ sessionKey, lineageKey, pendingKey }: DisconnectConfig): readonly string[] {
  return [sessionKey, lineageKey, pendingKey];
}

/** The connection may live on in a session that this request does not know; the browser has its cookie by now. */
function movedOn(): ConnectError {
  return new ConnectError('ERR_CONNECT_LEDGER', {
    stage: 'disconnect',
    reason: 'moved',
    retryAfterSeconds: 1,
    message: 'The session has moved while this request was on its way. Nothing is lost: send it again.',
  });
}
