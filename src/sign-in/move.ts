import type { Request } from 'express';
import { own } from '../base/own';
import type { Ending } from '../ledger/retention';
import { lockPatience, readStored, type SessionRecord, type StoredSession } from '../session/store';
import type { Presented } from '../session/cookie';
import { withSessionLock } from '../session/lock';
import type { SessionWatch } from '../session/gone-sessions';
import type { TokenSet } from '../session/connect-token';
import type { Consent } from './consent';
import { readSignIns, withSpent, withoutReturns, type SignIns, type PendingEntry } from './pending-sign-ins';
import { renewSession, type RenewConfig } from './renew-session';
import { stateError } from './state-error';

/** What moving a visitor to their connected session needs. */
export interface NewSessionConfig extends RenewConfig {
  readonly pendingTtlMs: number;
  /** Writes a token set and its connection id into a session, in the form in which the store is to keep it. */
  readonly putToken: (session: SessionRecord, set: TokenSet) => void;
  /** The connection that a session or its document holds a token of. */
  readonly endingIn: (document: StoredSession) => Ending | undefined;
  /**
   * Decides between this callback and a disconnect. @returns false when the sign-in has been ended
   * @throws ConnectError `ERR_CONNECT_LEDGER` when nobody can say
   */
  readonly claimEnding: (signIn: string, by: 'callback', ttlMs: number) => Promise<boolean>;
}

/** What the new session is to hold besides the app's own data. */
export interface Connection extends Consent {
  readonly entry: PendingEntry;
  readonly set: TokenSet;
  /** As the callback's request showed its session. */
  readonly visitor: Presented;
  /** Of that session. */
  readonly watch: SessionWatch;
}

/** How the visitor has moved. */
export interface Moved {
  readonly sessionId: string;
  /** The connection that this sign-in has replaced, if any. */
  readonly replaced: Ending | undefined;
}

/** Beyond the waits for the store that follow a claim: a process that stands still for a moment still has it. */
const STANDSTILL_MS = 30_000;
/** The save of the new session, the destroy of the old one, and a read where that failed. */
const STORE_OPERATIONS = 3;

/**
 * Moves the visitor to a session with a new id (against session fixation) that holds the token and all of the app's
 * data. Afterwards `req.session` is the new session.
 * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_LEDGER`, or `ERR_CONNECT_STATE` when the session has ended
 */
export async function moveToNewSession(req: Request, connection: Connection, config: NewSessionConfig): Promise<Moved> {
  const { changes, regenerated, set, visitor } = connection;
  const { sessionId: oldId } = visitor;
  return withSessionLock(req.sessionStore, oldId, lockPatience('callback', config), async () => {
    // Read again: other requests may have changed the app's data while the provider was asked.
    const old = regenerated?.session ?? (await readStored(req, oldId, 'callback', config));
    // The visitor has logged out of the app, or disconnected, meanwhile; nothing may bring that session back.
    if (old === undefined) throw stateError('no_session');
    await claimFinish(connection, config);
    const ours = regenerated?.before ?? old;
    const sessionId = await renewSession(
      req,
      old,
      {
        stage: 'callback',
        visitor,
        changes,
        fill(fresh) {
          fresh[config.pendingKey] = signInsAfter(ours, connection, config);
          config.putToken(fresh, set);
        },
        beforeOldEnds: () => assertNotEnded(req, connection, config),
        // The watched session has been ended once by now: by us, or by the app that has regenerated it.
        afterOldEnds: () => assertUnseen(connection, 1),
        // Two sign-ins of one session at once: the browser keeps one cookie, and nobody could end the other connection.
        movedElsewhere() {
          throw stateError('no_session');
        },
      },
      config,
    );
    return { sessionId, replaced: config.endingIn(ours) };
  });
}

/** From here on a disconnect in any process either finds that it has lost, or has won. */
async function claimFinish({ entry }: Connection, config: NewSessionConfig): Promise<void> {
  const ttlMs = STORE_OPERATIONS * config.storeTimeoutMs + STANDSTILL_MS;
  if (!(await config.claimEnding(entry.h, 'callback', ttlMs))) throw stateError('no_session');
}

/** A logout elsewhere tells nobody: what is left of it is that the session is gone, unless the app has regenerated it. */
async function assertNotEnded(req: Request, connection: Connection, config: NewSessionConfig): Promise<void> {
  const { visitor, regenerated } = connection;
  if (regenerated === undefined && (await readStored(req, visitor.sessionId, 'callback', config)) === undefined) {
    throw stateError('no_session');
  }
  assertUnseen(connection, regenerated === undefined ? 0 : 1);
}

/** A logout here is seen, also one that has read the session just before it moves. @param own - ends by this request */
function assertUnseen({ watch }: Connection, own: number): void {
  if (watch.ends() > own) throw stateError('no_session');
}

function signInsAfter(old: StoredSession, { entry, set }: Connection, config: NewSessionConfig): SignIns {
  const before = withoutReturns(readSignIns(own(old, config.pendingKey)) ?? { p: [], s: [] });
  const now = Date.now();
  return withSpent(before, { h: entry.h, at: now, r: entry.r, l: set.connectionId }, now, config.pendingTtlMs);
}
