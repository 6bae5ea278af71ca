import type { Request } from 'express';
import { ConnectError } from '../errors';
import { lockPatience, readStored, type SessionRecord, type StoredSession } from '../session';
import type { Presented } from '../session-cookie';
import { withSessionLock } from '../session-lock';
import type { ConnectToken, TokenSet } from '../token';
import type { AppChanges } from './app-changes';
import { readAttempts, withSpent, withoutLandings, type Attempts, type PendingEntry } from './login-attempt';
import { renewSession, type RenewConfig } from './renew-session';

/** What moving a visitor to their connected session needs. */
export interface NewSessionConfig extends RenewConfig {
  readonly pendingTtlMs: number;
  /** Writes a token set and its lineage into a session, in the form in which the store is to keep it. */
  readonly putToken: (session: SessionRecord, set: TokenSet) => void;
  /** The connection that a session or its document holds a token of. */
  readonly lineageIn: (document: StoredSession) => string | undefined;
}

/** What the new session is to hold besides the app's own data. */
export interface Connection {
  readonly entry: PendingEntry;
  readonly token: ConnectToken;
  readonly lineage: string;
  /** What the app's `onConnect` changed in the session. */
  readonly changes: AppChanges;
  /** As the callback's request showed its session. */
  readonly visitor: Presented;
}

/** How the visitor has moved. */
export interface Moved {
  readonly sessionId: string;
  /** Lineage of the connection that this sign-in has replaced, if any. */
  readonly replaced: string | undefined;
}

/**
 * Moves the visitor to a session with a new id (against session fixation) that holds the token and all of the app's
 * data. Afterwards `req.session` is the new session.
 * @throws ConnectError `ERR_CONNECT_STORE`, or `ERR_CONNECT_STATE` when the session ended during the exchange
 */
export async function moveToNewSession(req: Request, connection: Connection, config: NewSessionConfig): Promise<Moved> {
  const oldId = req.sessionID;
  return withSessionLock(req.sessionStore, oldId, lockPatience('callback', config), async () => {
    // Read again: other requests may have changed the app's data while the provider was asked.
    const old = await readStored(req, oldId, 'callback', config);
    if (old === undefined) {
      // The visitor has logged out of the app, or disconnected, meanwhile; nothing may bring that session back.
      throw new ConnectError('ERR_CONNECT_STATE', {
        stage: 'callback',
        reason: 'no_session',
        message: 'The session ended while the code was being exchanged.',
      });
    }
    const { changes, token, lineage, visitor } = connection;
    const sessionId = await renewSession(
      req,
      old,
      {
        stage: 'callback',
        visitor,
        changes,
        fill(fresh) {
          fresh[config.pendingKey] = attemptsAfter(old, connection, config);
          config.putToken(fresh, { token, lineage, generation: 0 });
        },
      },
      config,
    );
    return { sessionId, replaced: config.lineageIn(old) };
  });
}

function attemptsAfter(old: StoredSession, { entry, lineage }: Connection, config: NewSessionConfig): Attempts {
  const before = withoutLandings(readAttempts(old[config.pendingKey]) ?? { p: [], s: [] });
  const now = Date.now();
  return withSpent(before, { h: entry.h, at: now, r: entry.r, l: lineage }, now, config.pendingTtlMs);
}
