import type { Request } from 'express';
import { ConnectError, type ConnectStage } from '../errors/connect-error';
import { noteMoved } from '../session/gone-sessions';
import {
  destroyStored,
  readStored,
  saveSession,
  type SessionConfig,
  type SessionRecord,
  type StoredSession,
} from '../session/store';
import { storeError } from '../errors/store-error';
import type { Presented } from '../session/cookie';
import type { AppChanges, OurKeys } from './session-data';
import { noteMove } from './moved-sessions';

/** What renewing a session needs: the names of the package's own properties, which are never copied. */
export interface RenewConfig extends SessionConfig, OurKeys {
  /**
   * Marks for other processes that a session goes on under another id. Never fails.
   * @returns false if it was marked before
   */
  readonly markMoved: (sessionId: string) => Promise<boolean>;
}

/** The visit that moves a session. */
export interface Visit {
  readonly stage: ConnectStage;
  /** How the request showed the session that moves. */
  readonly visitor: Presented;
}

/** What the new session is to hold besides the app's own data. */
export interface Renewal {
  /** Hash of the state of the sign-in that moves it; undefined for a disconnect. */
  readonly by: string | undefined;
  /** What the app has changed in the session without saving. */
  readonly changes: AppChanges;
  /** Adds the package's own properties, just before the session is saved. */
  readonly fill: (fresh: SessionRecord) => void;
  /** Called when the new session is saved and the old one still exists; if it throws, the new one is removed. */
  readonly beforeOldEnds: () => Promise<void>;
  /** Called when the old one is gone; if it throws, the new one is removed, too. */
  readonly afterOldEnds: () => void;
  /** Called when another process moved the session first; if it throws, the new one is removed. */
  readonly movedElsewhere: () => void;
}

/**
 * Moves the visitor to a session with a new id that holds all of the app's data and none of this package's: the new one
 * is saved before the old one is destroyed, so the data survives any failure of the store. Call it under the lock of
 * the session. Afterwards `req.session` is the new session.
 * @param old - what the store holds of the session right now
 * @returns the new id
 * @throws ConnectError `ERR_CONNECT_STORE`; then neither the new session nor its cookie works
 */
export async function renewSession(
  req: Request,
  old: StoredSession,
  { by, changes, fill, beforeOldEnds, afterOldEnds, movedElsewhere }: Renewal,
  { stage, visitor }: Visit,
  config: RenewConfig,
): Promise<string> {
  const oldId = req.sessionID;
  const fresh = generate(req, stage);
  copyAppData(old, fresh, changes, config);
  fill(fresh);
  const newId = req.sessionID;
  // The store may have written despite its error; nobody gets the cookie of that session.
  const discard = (): void => void destroyStored(req, newId, stage, config).catch(() => undefined);
  let forgetMove = (): void => undefined;
  try {
    await saveSession(req, fresh, stage, config, discard);
    await beforeOldEnds();
    // Before the old one is destroyed: a request that finds it gone can then always find out where it went.
    forgetMove = noteMove(req.sessionStore, visitor, { to: newId, by });
    await destroyOld(req, oldId, stage, config);
    // Only now that they are gone; anything written before this is destroyed once more below.
    for (const id of new Set([oldId, visitor.sessionId])) noteMoved(req.sessionStore, id);
    afterOldEnds();
    const isFirst = await endEverywhere(req, visitor.sessionId, stage, config);
    if (!isFirst) movedElsewhere();
  } catch (error) {
    forgetMove();
    discard();
    throw error;
  }
  return newId;
}

/** A store may report a failure although it has destroyed the session; what counts is whether the session is gone. */
async function destroyOld(req: Request, oldId: string, stage: ConnectStage, config: SessionConfig): Promise<void> {
  try {
    await destroyStored(req, oldId, stage, config);
  } catch (error) {
    if ((await readStored(req, oldId, stage, config)) !== undefined) throw error;
  }
}

/**
 * Another process may be writing the old session, with a fresh token or another sign-in, and bring it back. If it
 * writes after the mark, it removes the session itself; if it wrote before, the session is destroyed here. The mark
 * comes after the first destroy: if that fails, the session must stay, with the app's login in it.
 * @returns false when another process has also moved it, and marked it first
 */
async function endEverywhere(req: Request, id: string, stage: ConnectStage, config: RenewConfig): Promise<boolean> {
  const isFirst = await config.markMoved(id);
  await destroyStored(req, id, stage, config).catch(() => undefined);
  return isFirst;
}

function generate(req: Request, stage: ConnectStage): SessionRecord {
  const oldId = req.sessionID;
  try {
    (req.sessionStore as unknown as { generate(req: Request): void }).generate(req);
  } catch {
    throw storeError(stage, 'failed', 'The session could not be renewed.');
  }
  if (req.sessionID === oldId) {
    // Destroying the old session would destroy the new one.
    throw new ConnectError('ERR_CONNECT_NO_SESSION', {
      stage,
      reason: 'genid',
      message: 'genid of express-session must give a new, random id at each call.',
    });
  }
  return req.session as SessionRecord;
}

function copyAppData(old: StoredSession, fresh: SessionRecord, changes: AppChanges, config: RenewConfig): void {
  const ours = new Set([config.sessionKey, config.oldLabelKey, config.pendingKey, 'cookie', '__proto__']);
  const removed = new Set(changes.removed);
  for (const [key, value] of [...Object.entries(old), ...Object.entries(changes.set)]) {
    if (!ours.has(key) && !removed.has(key)) fresh[key] = value;
  }
  keepCookieLife(changes.set['cookie'] ?? old['cookie'], fresh);
}

/** An app may have given this session a life other than the default ("remember me"), or `expires: false` ("do not"). */
function keepCookieLife(cookie: unknown, fresh: SessionRecord): void {
  const life = (cookie as { originalMaxAge?: unknown } | undefined)?.originalMaxAge;
  if (typeof life === 'number') fresh.cookie.maxAge = life;
  else if (life === null || life === false) Object.assign(fresh.cookie, { expires: null });
}
