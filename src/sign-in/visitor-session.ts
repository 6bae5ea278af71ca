import type { Request, Response } from 'express';
import type { Store } from 'express-session';
import { own } from '../base/own';
import type { ConnectError, ConnectStage } from '../errors/connect-error';
import { presentedBy, type Presented } from '../session/cookie';
import { mayHaveGone, noteSeen, watchSession } from '../session/gone-sessions';
import { asLoaded } from '../session/hooks';
import { saveIfLiving, type LivingConfig } from '../session/living-session';
import { withSessionLock } from '../session/lock';
import {
  takeStoredKeys,
  destroyStored,
  detach,
  endDetached,
  lockPatience,
  readStored,
  saveSession,
  type SessionRecord,
  type StoredSession,
} from '../session/store';
import { watchAppChanges, type AppChanges, holdsOurs, ourProperties } from './session-data';
import { movedFrom, type Moves } from './moved-sessions';
import { storedSignIns, type SignIns } from './pending-sign-ins';
import type { RecentSignIns } from './recent-sign-ins';
import { renewSession, type Renewal, type RenewConfig } from './renew-session';

/** What working on the sessions of visitors needs. */
export interface VisitorSessionConfig extends LivingConfig, RenewConfig {
  /** Finds the session of a request. @throws ConnectError `ERR_CONNECT_NO_SESSION`, `ERR_CONNECT_STORE` */
  readonly session: (req: Request, stage: ConnectStage) => SessionRecord;
  readonly recent: RecentSignIns;
}

/** How to change the stored sign-ins. */
export interface Change<T> {
  /** Undefined: nothing is written. */
  readonly signIns: SignIns | undefined;
  readonly result: T;
}

/** `start`: a sign-in starts, possibly in a new session; `spend`: its state is spent. */
export type UpdateStep = 'start' | 'spend';

/** What the app did to the session in its hook. */
export interface AppWork {
  readonly changes: AppChanges;
  /** Undefined unless the app has regenerated the session. */
  readonly regenerated: Regenerated | undefined;
}

/** A session that the app made in place of the old one. */
export interface Regenerated {
  /** Not stored yet. */
  readonly session: StoredSession;
  /** What the store held of the old one. */
  readonly before: StoredSession;
}

/**
 * The session of one visit to a route of this package. Everything that the route does to it, on the request and in the
 * store, happens here; apart from this, only renew-session.ts calls the store, on its behalf.
 *
 * Operations of the store throw ConnectError `ERR_CONNECT_STORE`.
 */
export interface VisitorSession {
  /** As this request has loaded it. */
  readonly loaded: SessionRecord;
  /** How the request has shown it. */
  readonly visitor: Presented;
  /** Runs `work` under this process's lock for a session; without an id, for this one. */
  readonly withLock: <T>(work: () => Promise<T>, sessionId?: string) => Promise<T>;
  /** What the store holds of this session, or of another one, right now. */
  readonly read: (sessionId?: string) => Promise<StoredSession | undefined>;
  /**
   * Changes the sign-ins of the session, starting from what the store holds, and saves it.
   * @param change - if it throws, nothing changes
   * @param gone - the error for a session that has ended meanwhile; it is not brought back
   */
  readonly update: <T>(
    step: UpdateStep,
    change: (stored: StoredSession) => Change<T>,
    gone: () => ConnectError,
  ) => Promise<T>;
  /** Runs a hook of the app, which may change the session. @param gone - the error for a session that ends meanwhile */
  readonly runAppHook: (work: () => Promise<void>, gone: () => ConnectError) => Promise<AppWork>;
  /** Moves the visitor to a session with a new id, see {@link renewSession}. Call it from within `withLock`. */
  readonly renew: (old: StoredSession, renewal: Renewal) => Promise<string>;
  /** Where this session went, if a callback has just moved it. */
  readonly moves: () => Moves;
  /**
   * Removes this package's data from another session, which keeps its id and the app's data.
   * @param before - called with what the store holds, if anything of this package is in it
   */
  readonly removeOurs: (sessionId: string, before: (stored: StoredSession) => Promise<void>) => Promise<void>;
  /** Continues in another session, unless the request already has that one; the visitor gets its cookie. */
  readonly join: (sessionId: string, stored: StoredSession) => void;
  /** How often the session has been destroyed since the visit began, by anybody; `regenerate()` counts once. */
  readonly endCount: () => number;
  /** The request's session now, if it has one. */
  readonly current: () => SessionRecord | undefined;
  /** Lets go of the session: express-session neither saves nor touches it, and sets no cookie. */
  readonly detach: () => void;
  /**
   * Lets go of the session if `work` fails: this request's copy is known to be older than the stored one, and with
   * `resave` express-session would write it back, and with it the spent sign-in or even a moved session.
   */
  readonly detachOnFailure: <T>(work: Promise<T>) => Promise<T>;
  /** Sends an answer; the session is saved by now. */
  readonly send: (res: Response) => void;
}

/** Runs `visit` with the session of a request. @throws ConnectError `ERR_CONNECT_NO_SESSION`, `ERR_CONNECT_STORE` */
export type WithVisitorSession = <T>(
  req: Request,
  stage: ConnectStage,
  visit: (session: VisitorSession) => Promise<T>,
) => Promise<T>;

/** Makes a {@link WithVisitorSession}. */
export function visitorSessions(config: VisitorSessionConfig): WithVisitorSession {
  return async function withVisitorSession(req, stage, visit) {
    const loaded = config.session(req, stage);
    const watch = watchSession(req);
    try {
      return await visit(visitorSession(req, stage, loaded, watch.ends, config));
    } finally {
      watch.stop();
    }
  };
}

function visitorSession(
  req: Request,
  stage: ConnectStage,
  loaded: SessionRecord,
  endCount: () => number,
  config: VisitorSessionConfig,
): VisitorSession {
  const { sessionStore: store, sessionID: id } = req;
  const visitor = presentedBy(req, holdsOurs(loaded, config));
  const detachSession = (): void => detach(req);
  const current = (): SessionRecord | undefined =>
    ((req as { session?: unknown }).session as SessionRecord | null | undefined) ?? undefined;
  const read: VisitorSession['read'] = (sessionId = id) => readStored(req, sessionId, stage, config);
  const withLock: VisitorSession['withLock'] = (work, sessionId = id) =>
    withSessionLock(store, sessionId, lockPatience(stage, config), work);

  const save = (onLate?: () => void): Promise<void> => saveSession(req, loaded, stage, config, onLate);

  /** What the store holds, or is going to hold: a session that this request made is not stored yet. */
  async function storedNow(step: UpdateStep): Promise<{ stored: StoredSession; isSaved: boolean } | undefined> {
    const isMade = step === 'start' && visitor.isNew;
    if (isMade && !Object.hasOwn(loaded, config.pendingKey)) return { stored: loaded, isSaved: false };
    const stored = await read();
    if (stored !== undefined) {
      // What a slow store gives may be older than what this process has written meanwhile.
      const newer = config.recent.newer(id, own(stored, config.pendingKey), store);
      return { stored: newer === undefined ? stored : { ...stored, [config.pendingKey]: newer }, isSaved: true };
    }
    // Middleware has copied another session into it, or has removed the cookie of a session that has ended.
    return isMade && !mayHaveGone(store, loaded) ? { stored: loaded, isSaved: false } : undefined;
  }

  return Object.freeze({
    loaded,
    visitor,
    withLock,
    read,
    endCount,
    current,
    detach: detachSession,
    update<T>(step: UpdateStep, change: (stored: StoredSession) => Change<T>, gone: () => ConnectError): Promise<T> {
      return withLock(async () => {
        const found = await storedNow(step);
        if (found === undefined) throw gone();
        const { signIns, result } = change(found.stored);
        if (signIns === undefined) return result;
        takeStoredKeys(loaded, found.stored, [config.sessionKey, config.oldLabelKey]);
        const ours = storedSignIns(signIns);
        loaded[config.pendingKey] = ours;
        // A start is noted before it is saved: a request with an older copy may save at the same time. A spent state is
        // noted only after the save: if the save fails, that request must not save it as spent.
        if (step === 'start' && found.isSaved) config.recent.note(id, ours);
        // A session that was not stored yet can have ended here only, if it is an older one without its cookie.
        const { storeTimeoutMs } = config;
        const living = found.isSaved ? config : { storeTimeoutMs, hasMoved: neverMoved };
        if (!(await saveIfLiving(req, loaded, stage, living, save))) throw gone();
        if (step === 'spend') config.recent.note(id, ours);
        return result;
      });
    },
    async runAppHook(work: () => Promise<void>, gone: () => ConnectError): Promise<AppWork> {
      // The app may save the session; afterwards nobody could tell that another process had ended it before.
      const before = await read();
      if (before === undefined) throw gone();
      const changesSince = watchAppChanges(req.session as SessionRecord);
      await work();
      // After `destroy()` the visitor has no session that could be connected.
      const session = current();
      if (session === undefined) throw gone();
      const isRegenerated = req.sessionID !== id;
      if (endCount() > (isRegenerated ? 1 : 0)) {
        // Removes what the app has saved in it, too.
        await destroyStored(req, req.sessionID, stage, config).catch(() => undefined);
        throw gone();
      }
      return isRegenerated
        ? { ...UNCHANGED, regenerated: { session: asLoaded(session), before } }
        : { ...UNCHANGED, changes: changesSince(session) };
    },
    async renew(old: StoredSession, renewal: Renewal): Promise<string> {
      const newId = await renewSession(req, old, renewal, { stage, visitor }, config);
      config.recent.forget(id);
      return newId;
    },
    moves: () => movedFrom(store, visitor),
    removeOurs(sessionId: string, before: (stored: StoredSession) => Promise<void>): Promise<void> {
      return withLock(async () => {
        // Noted before it is read, so that saveIfLiving notices if it ends after that.
        const place = { id: sessionId };
        noteSeen(place);
        const stored = await read(sessionId);
        if (stored === undefined || !holdsOurs(stored, config)) return;
        await before(stored);
        const session = inflate(store, sessionId, stored);
        for (const key of ourProperties(config)) Reflect.deleteProperty(session, key);
        await saveIfLiving(req, place, stage, config, (onLate) => saveSession(req, session, stage, config, onLate));
      }, sessionId);
    },
    join(sessionId: string, stored: StoredSession): void {
      if (req.sessionID === sessionId) return;
      req.sessionID = sessionId;
      (store as unknown as { createSession(req: Request, data: unknown): void }).createSession(req, stored);
    },
    async detachOnFailure<T>(work: Promise<T>): Promise<T> {
      try {
        return await work;
      } catch (error) {
        detachSession();
        throw error;
      }
    },
    send: (res: Response) => endDetached(req, res),
  });
}

const neverMoved = (): Promise<boolean> => Promise.resolve(false);

/** No change to the session. */
export const UNCHANGED: AppWork = { changes: { set: {}, removed: [] }, regenerated: undefined };

/** Makes a session as `Store.load` of express-session does; the request keeps its own. */
function inflate(sessionStore: Store, sessionID: string, stored: StoredSession): SessionRecord {
  const bare = { sessionStore, sessionID };
  return (sessionStore as unknown as { createSession(req: object, data: unknown): SessionRecord }).createSession(bare, {
    ...stored,
  });
}
