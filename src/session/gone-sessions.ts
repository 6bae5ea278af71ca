import type { Request } from 'express';
import type { Session, Store } from 'express-session';
import { boundedNumbers, type BoundedNumbers } from '../base/bounded-numbers';
import { hookStore } from './hooks';

/** About 24 bytes each. */
const MOST_REMEMBERED = 20_000;

/** Sessions of one store that this process has ended. */
interface Ended {
  /** The moment when each ended, by id; below zero if it goes on under another one. */
  readonly at: BoundedNumbers;
  /** The last moment of an end. */
  lastAt: number;
  /** The last moment of a move. */
  movedAt: number;
  /** For sessions that were seen before this moment, it has been forgotten whether they have ended. */
  forgottenAt: number;
}

/** They are not forgotten with time. */
const AT_ANY_TIME = 0;

const endedIn = new WeakMap<Store, Ended>();
/** When the session object of a request was first seen; one that the app makes during the request counts separately. */
const seenAt = new WeakMap<object, number>();
/** Requests that have had a session. */
const hadSession = new WeakSet<object>();
/** Moments are counted, not measured: a clock may show the same time twice. */
let moment = 0;

/**
 * Watches which sessions this process ends in any way: `session.destroy()`, `regenerate()`, the app's own call of its
 * store, or a move by this package. All of them reach the store's `destroy`, before the store does anything. Call it
 * when a request begins.
 *
 * Ids are those that express-session has verified, or that the app names; a session that has ended is nobody's secret.
 */
export function watchSessions(req: Request): void {
  const { session, sessionStore: store } = req as { session?: object | null; sessionStore?: Store };
  if (session != null) {
    noteSeen(session);
    hadSession.add(req);
  }
  if (store === undefined || endedIn.has(store)) return;
  const ended: Ended = {
    at: boundedNumbers({
      most: MOST_REMEMBERED,
      isOver: () => false,
      onDropped(at) {
        ended.forgottenAt = Math.abs(at);
      },
    }),
    lastAt: 0,
    movedAt: 0,
    forgottenAt: 0,
  };
  endedIn.set(store, ended);
  hookStore(store, {
    // Before the request reaches this package, if it does at all: it may wait for something in between.
    onLoad: noteSeen,
    onDestroy(sessionId) {
      noteEnd(ended, sessionId, (ended.at.get(sessionId) ?? 0) < 0);
      for (const watcher of watchersOf.get(store)?.get(sessionId) ?? []) watcher.ends += 1;
    },
    hasMovedOn: (session) => hasMovedOn(ended, session as Pick<Session, 'id'>),
  });
}

/** Of a session that has moved it stays known: it is destroyed once more afterwards. */
function noteEnd(ended: Ended, sessionId: string, hasMoved: boolean): void {
  moment += 1;
  ended.lastAt = moment;
  if (hasMoved) ended.movedAt = moment;
  ended.at.put(sessionId, hasMoved ? -moment : moment, AT_ANY_TIME);
}

/**
 * Notes that a session which has ended goes on under another id, because this package moved it. What requests that saw
 * it before still write to it is useless, and its cookie would take the visitor back. This does not apply to sessions
 * that the app ends itself.
 */
export function noteMoved(store: Store, sessionId: string): void {
  const ended = endedIn.get(store);
  if (ended !== undefined) noteEnd(ended, sessionId, true);
}

/** A session without a note is new, or was read before the store was hooked. */
function hasMovedOn(ended: Ended, session: Pick<Session, 'id'>): boolean {
  const seen = seenAt.get(session);
  if (seen === undefined || seen > ended.movedAt) return false;
  return endedSince(ended, session, seen) < 0;
}

/**
 * Notes when an object that stands for a session was first seen, for {@link hasGone}; call it before reading the
 * session.
 */
export function noteSeen(session: object): void {
  if (!seenAt.has(session)) seenAt.set(session, (moment += 1));
}

/** Whether this process has ended a session since it was first seen: then it must not be written any more. */
export function hasGone(store: Store, session: Pick<Session, 'id'>): boolean {
  const ended = endedIn.get(store);
  return ended !== undefined && endedSince(ended, session, seenAt.get(session) ?? 0) !== 0;
}

/** @returns when the session has ended since, as {@link Ended.at} has it; 0 if it has not */
function endedSince({ at, lastAt }: Ended, { id }: Pick<Session, 'id'>, seen: number): number {
  if (seen > lastAt) return 0;
  const found = at.get(id) ?? 0;
  return Math.abs(found) > seen ? found : 0;
}

/**
 * As {@link hasGone}, but true as well if that has been forgotten because 20,000 other sessions have ended meanwhile.
 * Ask before writing: a write that is skipped costs one visitor a repetition, but nobody who logged out may be brought
 * back.
 */
export function mayHaveGone(store: Store, session: Pick<Session, 'id'>): boolean {
  const forgottenAt = endedIn.get(store)?.forgottenAt ?? 0;
  return hasGone(store, session) || forgottenAt > (seenAt.get(session) ?? forgottenAt);
}

/**
 * Whether this process has ended a session of this id, whatever the store holds: an older copy may have brought it
 * back. It decides what the visitor is shown, not what is written: forgetting one does no harm.
 */
export function hasEnded(store: Store, sessionId: string): boolean {
  return endedIn.get(store)?.at.get(sessionId) !== undefined;
}

/**
 * Whether the session of a request is over because the app has ended it, by `destroy()`, in its store, or by taking it
 * off the request (option `unset` of express-session: the store learns of that at the end of the request). If a request
 * never had a session, the store or the configuration is at fault; a session that this package has moved goes on.
 */
export function isLoggedOut(req: Request): boolean {
  const { session, sessionStore, sessionID } = req as {
    session?: Session | null;
    sessionStore?: Store;
    sessionID?: string;
  };
  if (session != null) return sessionStore !== undefined && isOver(sessionStore, session);
  if (hadSession.has(req)) return true;
  // It was ended before this instance met the request.
  return sessionStore !== undefined && sessionID !== undefined && hasEnded(sessionStore, sessionID);
}

/** Whether a session that the request holds has ended since, other than by a move of this package. */
function isOver(store: Store, session: Pick<Session, 'id'>): boolean {
  const ended = endedIn.get(store);
  return ended !== undefined && hasGone(store, session) && !hasMovedOn(ended, session);
}

/** Watches the session of one request. */
export interface SessionWatch {
  /** How often the session has been ended since, by anybody: the request itself may do so once, when it moves on. */
  readonly ends: () => number;
  readonly stop: () => void;
}

interface Watcher {
  ends: number;
}

/** By store and session id; only while somebody watches. */
const watchersOf = new WeakMap<Store, Map<string, Set<Watcher>>>();

/**
 * Counts, until it is stopped, how often the session of a request is ended: a later save by this request, or by the app
 * in it, would bring the session back. Unlike {@link hasGone} it forgets nothing.
 */
export function watchSession(req: Request): SessionWatch {
  watchSessions(req);
  const { sessionStore, sessionID } = req;
  const watchers = watchersOf.get(sessionStore) ?? new Map<string, Set<Watcher>>();
  watchersOf.set(sessionStore, watchers);
  const watcher: Watcher = { ends: 0 };
  const watching = watchers.get(sessionID) ?? new Set<Watcher>();
  watchers.set(sessionID, watching.add(watcher));
  return Object.freeze({
    ends: () => watcher.ends,
    stop(): void {
      watching.delete(watcher);
      if (watching.size === 0 && watchers.get(sessionID) === watching) watchers.delete(sessionID);
    },
  });
}
