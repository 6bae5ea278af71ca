import { createHash } from 'node:crypto';
import type { Store } from 'express-session';

/** As long as a completed callback is remembered: a request with the old cookie was sent before the new one arrived. */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 10_000;

const movesOf = new WeakMap<Store, Map<string, string>>();

/**
 * Remembers that a session of this store goes on under another id. Shared by all instances, as they share the document:
 * the token of one moves along when another connects. The old id is kept as a hash only.
 */
export function noteMove(store: Store, oldId: string, newId: string): void {
  const moves = movesOf.get(store) ?? new Map<string, string>();
  movesOf.set(store, moves);
  const key = keyOf(oldId);
  moves.set(key, newId);
  setTimeout(() => moves.delete(key), REMEMBERED_MS).unref();
  for (const oldest of moves.keys()) {
    if (moves.size <= MOST_REMEMBERED) break;
    moves.delete(oldest);
  }
}

/** Gives the ids under which these sessions went on in the last 30 seconds, each once, oldest first. */
export function movedFrom(store: Store, oldIds: readonly string[]): readonly string[] {
  const moves = movesOf.get(store);
  if (moves === undefined || moves.size === 0) return [];
  const found = new Set<string>();
  for (const oldId of oldIds) {
    let newId = moves.get(keyOf(oldId));
    while (newId !== undefined && !found.has(newId)) {
      found.add(newId);
      newId = moves.get(keyOf(newId));
    }
  }
  return [...found];
}

function keyOf(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('base64url');
}
