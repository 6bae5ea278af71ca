import type { Request, RequestHandler, Response } from 'express';
import { AT_ONCE_SECONDS, ConnectError } from '../errors/connect-error';
import { emit } from '../errors/emit';
import { aboutConnection } from '../errors/events';
import { own } from '../base/own';
import { tombstoneRetentionMs, type Ending } from '../ledger/retention';
import type { Config } from '../options/read';
import type { Endings } from '../refresh/endings';
import { isNavigation } from '../web/request-kind';
import type { ConnectionName } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { StoredSession } from '../session/store';
import { assertSameOrigin } from '../web/same-origin';
import { holdsOurs, type OurKeys } from './session-data';
import type { SessionToken, SignInParts } from './parts';
import { finishedSignIns, openSignIns, readSignIns, type SignIns } from './pending-sign-ins';
import { visitHandler, type VisitConfig } from './visit';
import type { Renewal } from './renew-session';
import { UNCHANGED, type VisitorSession } from './visitor-session';

/** What ending a connection needs. */
export type DisconnectConfig = VisitConfig &
  SignInParts &
  OurKeys &
  Pick<Config, 'afterDisconnect' | 'pendingTtlMs' | 'allowedOrigins'> &
  Pick<SessionToken, 'endingIn' | 'labelIn'> &
  Pick<Endings, 'endConnection' | 'endOwner' | 'claimEnding' | 'isMoving'>;

/** The longest time from the claim of a state to the new session, however slow provider, store and `onConnect` are. */
const LONGEST_CALLBACK_MS = 600_000;
/** Each costs a call to the ledger. A browser has one signed session cookie, and a few of other middleware. */
const MOST_COOKIES = 16;

/** The handler that ends a connection: first for good, then in the session. The app's own data in the session stays. */
export function disconnectHandler(config: DisconnectConfig): RequestHandler {
  const route = { name: 'connectDisconnect', stage: 'disconnect', method: 'POST' } as const;
  return visitHandler(route, config, async (req, res) => {
    assertSameOrigin(req, { redirectUri: config.redirectUriOf(req), allowedOrigins: config.allowedOrigins });
    await disconnect(req, res, config);
  });
}

async function disconnect(req: Request, res: Response, config: DisconnectConfig): Promise<void> {
  await config.withSession(req, 'disconnect', async (session) => {
    const owner = config.owners.of(req);
    const { renewed, ended } = await session.detachOnFailure(endAll(session, owner, config));
    for (const connection of ended) emit(config.onEvent, { type: 'disconnected', ...aboutConnection(connection) });
    // Nothing was saved: no cookie needs to be set, and this request's copy may be older than the stored one.
    if (!renewed) session.detach();
    if (isNavigation(req)) res.status(303).set('Location', config.afterDisconnect);
    else res.status(204);
    session.send(res);
  });
}

interface Ended {
  /** Whether the request has a new session now. */
  readonly renewed: boolean;
  /** The connections that were found in the stores. */
  readonly ended: readonly ConnectionName[];
}

/** Ends the connection of the user, on every device, and the one that their session holds. */
async function endAll(session: VisitorSession, owner: Owner | undefined, config: DisconnectConfig): Promise<Ended> {
  const first = owner === undefined ? undefined : await config.endOwner(owner);
  const { renewed, ended } = await endSession(session, owner, config);
  const others = ended.filter(({ connectionId }) => connectionId !== first?.connectionId);
  // A sign-in of theirs was recorded in between, and its session was found: the record still says that it is alive.
  if (owner !== undefined && others.some((one) => one.owner === owner.name)) await config.endOwner(owner);
  return { renewed, ended: first === undefined ? others : [first, ...others] };
}

/** Ends the connection of a session, and the sign-ins that might still bring one. */
async function endSession(session: VisitorSession, owner: Owner | undefined, config: DisconnectConfig): Promise<Ended> {
  const { loaded, visitor } = session;
  const ended = new Map<string, ConnectionName>();
  const mine = config.endingIn(loaded, owner);
  if (mine !== undefined) await config.endConnection(mine, 'disconnected');
  const { endSignIns, setFinished } = signInEnder(config);
  const endStored = async (stored: StoredSession): Promise<void> => {
    const ending = config.endingIn(stored, owner);
    if (ending === undefined) return;
    if (mine === undefined || goesBeyond(ending, mine)) await config.endConnection(ending, 'disconnected');
    ended.set(ending.connectionId, ending);
  };
  const renewed = await session.withLock(async () => {
    const stored = visitor.isOwn ? await session.read() : undefined;
    // A callback moved the session a moment ago, while this request was on its way with the old cookie.
    const moves = session.moves();
    for (const id of moves.sessionIds) {
      // The session keeps its id: the browser has its cookie from the callback, and somebody who knows only the old
      // cookie (it may have been planted) must not get the new one here.
      if (id === visitor.sessionId) continue;
      await session.removeOurs(id, async (moved) => {
        // Only the session that the browser has by now says whose connection it is.
        const tag = config.labelIn(moved)?.ownerTag;
        if (config.owners.areGiven && tag !== undefined && tag !== owner?.tag) throw movedOn();
        setFinished(moved);
        await endSignIns(moved);
        await endStored(moved);
      });
    }
    if (moves.goOn) throw movedOn();
    if (moves.sessionIds.length === 0) await assertNotMoving(visitor.former, config);
    // Also the document that this request loaded: a callback elsewhere may have destroyed the session since.
    for (const document of [stored, loaded]) if (document !== undefined) await endSignIns(document);
    if (stored === undefined) return false;
    await endStored(stored);
    if (!holdsOurs(stored, config)) return false;
    await session.renew(stored, WITHOUT_OURS);
    return true;
  });
  return { renewed, ended: [...ended.values()] };
}

/** The new session holds the app's data only. */
const WITHOUT_OURS: Renewal = {
  by: undefined,
  changes: UNCHANGED.changes,
  fill: () => undefined,
  beforeOldEnds: () => Promise.resolve(),
  afterOldEnds: () => undefined,
  movedElsewhere: () => undefined,
};

/** Whether the stored connection is another one, was refreshed, or has a longer session life than the loaded one. */
function goesBeyond(stored: Ending, mine: Ending): boolean {
  const now = Date.now();
  return (
    stored.connectionId !== mine.connectionId || tombstoneRetentionMs(stored, now) > tombstoneRetentionMs(mine, now)
  );
}

/** Ends sign-ins, each once, by claiming them in the ledger before their callback does. */
function signInEnder(config: DisconnectConfig): {
  readonly setFinished: (document: StoredSession) => void;
  /** @throws ConnectError `ERR_CONNECT_LEDGER` when a callback was first: its session is unknown here */
  readonly endSignIns: (document: StoredSession) => Promise<void>;
} {
  const settled = new Set<string>();
  const ttlMs = Math.max(config.pendingTtlMs, LONGEST_CALLBACK_MS);
  const signInsIn = (document: StoredSession): SignIns | undefined => readSignIns(own(document, config.pendingKey));
  return {
    setFinished(document) {
      for (const signIn of finishedSignIns(signInsIn(document))) settled.add(signIn);
    },
    async endSignIns(document) {
      for (const signIn of openSignIns(signInsIn(document))) {
        if (settled.has(signIn)) continue;
        // One after the other: if this disconnect has to be repeated anyway, a sign-in of another tab is left alone.
        if (!(await config.claimEnding(signIn, 'disconnect', ttlMs))) throw movedOn();
        settled.add(signIn);
      }
    },
  };
}

/**
 * For a request whose cookies lead to no session: a callback in another process may have just moved it, or be about to.
 * @throws ConnectError `ERR_CONNECT_LEDGER`
 */
async function assertNotMoving(cookies: readonly string[], config: DisconnectConfig): Promise<void> {
  if (cookies.length > MOST_COOKIES) throw movedOn();
  const moving = await Promise.all(cookies.map((cookie) => config.isMoving(cookie)));
  if (moving.includes(true)) throw movedOn();
}

/** The connection may live on in a session that this request does not know; by now the browser has its cookie. */
function movedOn(): ConnectError {
  return new ConnectError('ERR_CONNECT_LEDGER', {
    stage: 'disconnect',
    reason: 'moved',
    retryAfterSeconds: AT_ONCE_SECONDS,
    message: 'The session has moved while this request was on its way. Nothing is lost: send it again.',
  });
}
