import type { Request, Response } from 'express';
import type { Session, SessionData, Store } from 'express-session';
import { ConnectError, type ConnectStage } from '../errors/connect-error';
import { storeError } from '../errors/store-error';
import { saveInstead } from './hooks';
import type { ConnectToken } from './connect-token';

// Keeps the import alive in the .d.ts: without it an installed consumer never sees the augmentation below.
export type {} from 'express-session';

declare module 'express-session' {
  interface SessionData {
    /** The visitor's token set, present while their account is connected. */
    connectToken?: ConnectToken;
  }
}

/** What session calls need to know. */
export interface SessionConfig {
  /** Milliseconds for one operation of the session store. */
  readonly storeTimeoutMs: number;
}

/** A session as this package sees it: any key may be there, nothing about its shape is known. */
export type SessionRecord = Session & Partial<SessionData> & Record<string, unknown>;

/** A store document as it comes from `store.get`. */
export type StoredSession = Readonly<Record<string, unknown>>;

const NO_SESSION =
  'There is no session on this request. Mount express-session before connectAuth(), let its cookie path ' +
  'cover the routes of connectAuth(), and check that its store is connected.';

/**
 * Gives the session of a request.
 * @param seenBefore - whether this instance has met a session before: then a missing one means that the store is not
 * available
 * @throws ConnectError `ERR_CONNECT_NO_SESSION` without server-side sessions, `ERR_CONNECT_STORE` when the store is not
 * available
 */
export function sessionOf(req: Request, stage: ConnectStage, seenBefore: boolean): SessionRecord {
  const session = (req as { session?: unknown }).session as Partial<SessionRecord> | null | undefined;
  if (session == null) {
    if (seenBefore) throw storeError(stage, 'no_session', NO_SESSION);
    throw new ConnectError('ERR_CONNECT_NO_SESSION', { stage, message: NO_SESSION });
  }
  const store = (req as { sessionStore?: Partial<Store> }).sessionStore;
  if (
    typeof session.touch !== 'function' ||
    typeof session.regenerate !== 'function' ||
    typeof store?.get !== 'function' ||
    typeof store.set !== 'function'
  ) {
    throw new ConnectError('ERR_CONNECT_NO_SESSION', {
      stage,
      reason: 'client_side',
      message:
        'req.session was not made by express-session. A session that lives in a cookie would hand the token to the ' +
        'browser: use express-session with a server-side store.',
    });
  }
  return session as SessionRecord;
}

/** Reads a session document from the store. @throws ConnectError `ERR_CONNECT_STORE` */
export function readStored(
  req: Request,
  sessionId: string,
  stage: ConnectStage,
  config: SessionConfig,
): Promise<StoredSession | undefined> {
  return storeCall(stage, config, (done) =>
    req.sessionStore.get(sessionId, (error: unknown, found) => {
      // As express-session does, reads ENOENT (file stores) as "no such session".
      const absent = error != null && (error as { code?: unknown }).code === 'ENOENT';
      done(absent ? undefined : error, absent ? undefined : ((found ?? undefined) as StoredSession | undefined));
    }),
  );
}

/**
 * Saves a session now and renews its life, as express-session does at the end of a request.
 * @param onLate - called when the store answers after the time was up: it may have written despite the error
 * @throws ConnectError `ERR_CONNECT_STORE`
 */
export function saveSession(
  req: Request,
  session: Session,
  stage: ConnectStage,
  config: SessionConfig,
  onLate?: () => void,
): Promise<void> {
  session.touch();
  // Not session.save(): that hides the promise of an async store, so nobody could catch its rejection.
  return storeCall<undefined>(
    stage,
    config,
    (done) => req.sessionStore.set(session.id, session, (error?: unknown) => done(error, undefined)),
    onLate,
  );
}

/** A document to write in place of a request's session. */
export interface DocumentWrite {
  readonly session: Session;
  /** What the store is to hold; the session's own cookie is added. */
  readonly document: StoredSession;
  /** Whether the session holds no change that express-session still has to save. */
  readonly unmodified: boolean;
}

/**
 * Writes a document in place of a request's session. If the session is unmodified, express-session then counts it as
 * saved and does not overwrite the document with its older copy when the response ends.
 * @param onLate - called when the store answers after the time was up
 * @throws ConnectError `ERR_CONNECT_STORE`
 */
export async function saveDocument(
  req: Request,
  { session, document, unmodified }: DocumentWrite,
  stage: ConnectStage,
  config: SessionConfig,
  onLate?: () => void,
): Promise<void> {
  session.touch();
  const whole = { ...document, cookie: session.cookie };
  const write: (answer: (error?: unknown) => void) => unknown = unmodified
    ? (answer) => saveInstead(session, whole, answer)
    : (answer) => req.sessionStore.set(session.id, whole, answer);
  await storeCall<undefined>(stage, config, (done) => write((error) => done(error, undefined)), onLate);
}

/** Copies `keys` from the stored document, and deletes those it lacks: another request may have changed them since. */
export function takeStoredKeys(session: SessionRecord, stored: StoredSession, keys: readonly string[]): void {
  for (const key of keys) {
    if (Object.hasOwn(stored, key)) session[key] = stored[key];
    else Reflect.deleteProperty(session, key);
  }
}

/** Removes a session document from the store. @throws ConnectError `ERR_CONNECT_STORE` */
export function destroyStored(
  req: Request,
  sessionId: string,
  stage: ConnectStage,
  config: SessionConfig,
): Promise<void> {
  return storeCall<undefined>(stage, config, (done) =>
    req.sessionStore.destroy(sessionId, (error?: unknown) => done(error, undefined)),
  );
}

/**
 * Lets go of the request's session, so that express-session neither saves nor touches it at the end of the answer.
 * Both properties: with `unset: 'destroy'` a missing session alone would delete the stored one.
 */
export function detach(req: Request): void {
  const bare = req as { session?: unknown; sessionID?: unknown };
  bare.session = undefined;
  bare.sessionID = undefined;
}

/**
 * Ends a response without a body, once its session is saved or detached. The headers go first, because express-session
 * adds its cookie then; then the session is detached, because another save or touch could hang the response or write
 * stale data.
 */
export function endDetached(req: Request, res: Response): void {
  // A 204 must not have a Content-Length (RFC 9110 §8.6).
  if (res.statusCode !== 204) res.setHeader('Content-Length', 0);
  res.writeHead(res.statusCode);
  detach(req);
  res.end();
}

/** How long to wait for a session's lock: as long as for its store, because the holder waits for that. */
export function lockPatience(
  stage: ConnectStage,
  config: SessionConfig,
): { waitMs: number; tooLate: () => ConnectError } {
  return { waitMs: config.storeTimeoutMs, tooLate: () => storeError(stage, 'timeout') };
}

/**
 * Runs one callback-style store operation: it may fail, throw, reject, never answer, or answer twice or late.
 * @param run - starts the operation and returns what the store returned, possibly a promise
 */
function storeCall<T>(
  stage: ConnectStage,
  config: SessionConfig,
  run: (done: (error: unknown, value: T) => void) => unknown,
  onLate?: () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(storeError(stage, 'timeout'));
    }, config.storeTimeoutMs);
    const fail = (): void => {
      clearTimeout(timer);
      if (isLate) onLate?.();
      else reject(storeError(stage, 'failed'));
    };
    const done = (error: unknown, value: T): void => {
      clearTimeout(timer);
      if (isLate) onLate?.();
      else if (error == null) resolve(value);
      else fail();
    };
    try {
      const returned = run(done);
      if (typeof returned === 'object' && returned !== null) Promise.resolve(returned).catch(fail);
    } catch {
      fail();
    }
  });
}
