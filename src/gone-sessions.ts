import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { Store } from 'express-session';

/** Requests that take longer than it takes to end so many sessions lose this protection; about 100 bytes each. */
const MOST_REMEMBERED = 20_000;

/** Sessions of one store that this process has ended, each with the moment when it did. */
const endedIn = new WeakMap<Store, Map<string, number>>();
/** When a request was first seen. */
const seenAt = new WeakMap<Request, number>();
/** Moments are counted, not measured: a clock may stand still between two of them. */
let moment = 0;

/**
 * Watches which sessions this process ends, by whatever way: `session.destroy()`, `regenerate()`, the app's own call of
 * its store, or a move of ours. All of them come to the store's `destroy`, before the store does anything. Call it when a
 * request begins; a store is hooked once.
 *
 * Ids are those that express-session has verified, or that the app names; they are kept as hashes.
 */
export function watchSessions(req: Request): void {
  if (seenAt.has(req)) return;
  seenAt.set(req, (moment += 1));
  const store = (req as { sessionStore?: Store }).sessionStore;
  if (store === undefined || endedIn.has(store) || typeof store.destroy !== 'function') return;
  const ended = new Map<string, number>();
  endedIn.set(store, ended);
  hookDestroy(store, ended);
  hookGenerate(store, ended);
  hookRegenerate(store);
}

/** Whether a session was ended by this process after the request began: then nothing may write it any more. */
export function hasGone(req: Request, sessionId: string): boolean {
  const at = endedIn.get(req.sessionStore)?.get(keyOf(sessionId));
  return at !== undefined && at > (seenAt.get(req) ?? 0);
}

/** Watches the session of one request. */
export interface SessionWatch {
  /** Whether the session has been ended since, by anything but a `regenerate()` of the request itself. */
  readonly hasEnded: () => boolean;
  /** The request is about to destroy the session itself. */
  readonly expectOwnEnd: () => void;
  readonly stop: () => void;
}

interface Watcher {
  readonly req: Request;
  /** Calls of `destroy` by the request itself that are still to come. */
  ownEnds: number;
  hasEnded: boolean;
}

/** By store and session id; only while somebody watches. */
const watchersOf = new WeakMap<Store, Map<string, Set<Watcher>>>();

/**
 * Watches until it is stopped whether another request ends the session of this one: what this request, or the app in it,
 * saves after that would bring the session back. Unlike {@link hasGone} it forgets nothing, and lets the request itself
 * move on.
 */
export function watchSession(req: Request): SessionWatch {
  watchSessions(req);
  const { sessionStore, sessionID } = req;
  const watchers = watchersOf.get(sessionStore) ?? new Map<string, Set<Watcher>>();
  watchersOf.set(sessionStore, watchers);
  const watcher: Watcher = { req, ownEnds: 0, hasEnded: false };
  const watching = watchers.get(sessionID) ?? new Set<Watcher>();
  watchers.set(sessionID, watching.add(watcher));
  return Object.freeze({
    hasEnded: () => watcher.hasEnded,
    expectOwnEnd(): void {
      watcher.ownEnds += 1;
    },
    stop(): void {
      watching.delete(watcher);
      if (watching.size === 0 && watchers.get(sessionID) === watching) watchers.delete(sessionID);
    },
  });
}

function watchersIn(store: Store, sessionId: string): Iterable<Watcher> {
  return watchersOf.get(store)?.get(sessionId) ?? [];
}

function hookDestroy(store: Store, ended: Map<string, number>): void {
  const destroy = store.destroy.bind(store) as (...given: unknown[]) => unknown;
  const hooked = function destroyAndRemember(sessionId: string, callback?: (error?: unknown) => void): unknown {
    const key = keyOf(sessionId);
    // The newest last: the oldest is given up first.
    ended.delete(key);
    ended.set(key, (moment += 1));
    for (const oldest of ended.keys()) {
      if (ended.size <= MOST_REMEMBERED) break;
      ended.delete(oldest);
    }
    for (const watcher of watchersIn(store, sessionId)) {
      if (watcher.ownEnds > 0) watcher.ownEnds -= 1;
      else watcher.hasEnded = true;
    }
    return destroy(sessionId, callback);
  };
  Object.assign(store, { destroy: hooked });
}

/** `regenerate()` calls `destroy` in its own time, and says there no more than the id. */
function hookRegenerate(store: Store): void {
  const regenerate = store.regenerate.bind(store) as (...given: unknown[]) => unknown;
  const hooked = function regenerateAndSayWho(req: Request, callback: (error?: unknown) => void): unknown {
    for (const watcher of watchersIn(store, req.sessionID)) if (watcher.req === req) watcher.ownEnds += 1;
    return regenerate(req, callback);
  };
  Object.assign(store, { regenerate: hooked });
}

/** A genid that gives the same id again: the session of that id is a new one. */
function hookGenerate(store: Store, ended: Map<string, number>): void {
  const generating = store as unknown as { generate?: (req: Request) => void };
  const generate = generating.generate?.bind(store);
  if (generate === undefined) return;
  generating.generate = function generateAndForget(req) {
    generate(req);
    ended.delete(keyOf(req.sessionID));
  };
}

function keyOf(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('base64url');
}
