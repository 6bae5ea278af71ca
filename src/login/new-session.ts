import type { Request } from 'express';
import { ConnectError } from '../errors';
import {
  destroyStored, lockPatience, readStored, saveSession, storeError, type SessionConfig, type SessionRecord,
  type StoredSession,
} from '../session';
import { withSessionLock } from '../session-lock';
import type { ConnectToken } from '../token';
import type { AppChanges } from './app-changes';
import { readAttempts, withSpent, withoutLandings, type Attempts, type PendingEntry } from './login-attempt';

/** What moving a visitor to a new session needs. */
export interface NewSessionConfig extends SessionConfig {
  readonly sessionKey: string;
  readonly lineageKey: string;
  readonly pendingKey: string;
  readonly pendingTtlMs: number;
}

/** What the new session is to hold besides the app's own data. */
export interface Connection {
  readonly entry: PendingEntry;
  readonly token: ConnectToken;
  readonly lineage: string;
  /** What the app's `onConnect` changed in the session. */
  readonly changes: AppChanges;
}

/**
 * Moves the visitor to a session with a new id (against session fixation) that holds the token and all of the app's
 * data: the new one is saved before the old one is destroyed, so the data survives whatever the store does.
 * Afterwards `req.session` is the new session.
 * @throws ConnectError `ERR_CONNECT_STORE`, or `ERR_CONNECT_STATE` when the session ended during the exchange
 */
export async function moveToNewSession(
  req: Request, connection: Connection, config: NewSessionConfig,
): Promise<string> {
  const oldId = req.sessionID;
  return withSessionLock(req.sessionStore, oldId, lockPatience('callback', config), async () => {
    // Read again: other requests may have changed the app's data while the provider was asked.
    const old = await readStored(req, oldId, 'callback', config);
    if (old === undefined) {
      // The visitor has logged out of the app meanwhile; nothing may bring that session back.
      throw new ConnectError('ERR_CONNECT_STATE', {
        stage: 'callback', reason: 'no_session', message: 'The session ended while the code was being exchanged.',
      });
    }
    const fresh = generate(req, oldId);
    copyAppData(old, fresh, connection.changes, config);
    fresh[config.pendingKey] = attemptsAfter(old, connection, config);
    fresh[config.sessionKey] = connection.token;
    fresh[config.lineageKey] = `${connection.lineage}.0`;
    const newId = req.sessionID;
    // The store may have written in spite of its error; nobody gets the cookie of that session.
    const discard = (): void => void destroyStored(req, newId, 'callback', config).catch(() => undefined);
    try {
      await saveSession(req, fresh, 'callback', config, discard);
      await destroyStored(req, oldId, 'callback', config);
    } catch (error) {
      discard();
      throw error;
    }
    return newId;
  });
}

function generate(req: Request, oldId: string): SessionRecord {
  try {
    (req.sessionStore as unknown as { generate(req: Request): void }).generate(req);
  } catch {
    throw storeError('callback', 'failed', 'The session could not be renewed.');
  }
  if (req.sessionID === oldId) {
    // Destroying the old session would destroy the new one.
    throw new ConnectError('ERR_CONNECT_NO_SESSION', {
      stage: 'callback', reason: 'genid', message: 'genid of express-session must give a new, random id at each call.',
    });
  }
  return req.session as SessionRecord;
}

function copyAppData(old: StoredSession, fresh: SessionRecord, changes: AppChanges, config: NewSessionConfig): void {
  const ours = new Set([config.sessionKey, config.lineageKey, config.pendingKey, 'cookie', '__proto__']);
  const removed = new Set(changes.removed);
  for (const [key, value] of [...Object.entries(old), ...Object.entries(changes.set)]) {
    if (!ours.has(key) && !removed.has(key)) fresh[key] = value;
  }
  keepCookieLife(old['cookie'], fresh);
}

/** An app may have given this one session another life than the default ("remember me"). */
function keepCookieLife(oldCookie: unknown, fresh: SessionRecord): void {
  const life = (oldCookie as { originalMaxAge?: unknown } | undefined)?.originalMaxAge;
  if (typeof life === 'number') fresh.cookie.maxAge = life;
  else if (life === null) Object.assign(fresh.cookie, { expires: null });
}

function attemptsAfter(old: StoredSession, { entry, lineage }: Connection, config: NewSessionConfig): Attempts {
  const before = withoutLandings(readAttempts(old[config.pendingKey]) ?? { p: [], s: [] });
  const now = Date.now();
  return withSpent(before, { h: entry.h, at: now, r: entry.r, l: lineage }, now, config.pendingTtlMs);
}
