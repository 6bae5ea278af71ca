import type { Store } from 'express-session';
import { boundedMap, type BoundedMap } from '../base/bounded-map';
import { sha256 } from '../base/sha256';
import type { Presented } from '../session/cookie';
import { keyOf } from '../session/gone-sessions';

/** As long as a completed callback is remembered: a request with the old cookie was sent before the new one arrived. */
const REMEMBERED_MS = 30_000;
/**
 * Each move is kept by an id, and usually by a cookie pair. If one is forgotten, the ledger still knows that a callback
 * announced it: a disconnect then answers 503, and succeeds with the new cookie.
 */
const MOST_REMEMBERED = 20_000;
/** Each costs a read of the store; a browser that moved more often has a newer cookie. */
const MOST_MOVES = 3;

const movesOf = new WeakMap<Store, BoundedMap<Move>>();

/** One step of a session to another id. */
export interface Move {
  readonly to: string;
  /** Hash of the state of the sign-in that moved it; undefined for a disconnect. */
  readonly by: string | undefined;
}

/** Where sessions went. */
export interface Moves {
  /** Without duplicates, oldest first. */
  readonly sessionIds: readonly string[];
  /** Only the steps from the sessions that the request itself has shown. */
  readonly direct: readonly Move[];
  /** Whether there were further moves from there. */
  readonly goOn: boolean;
}

/**
 * Remembers that a session of this store goes on under another id. All instances share this memory, as they share the
 * document: the token of one moves along when another connects. Of the old cookie only a hash is kept.
 * @returns a function that takes the note back, for a move that failed
 */
export function noteMove(store: Store, { sessionId, verified }: Presented, move: Move): () => void {
  const moves = movesOf.get(store) ?? boundedMap<Move>({ most: MOST_REMEMBERED });
  movesOf.set(store, moves);
  const keys = [idKey(sessionId), ...(verified === undefined ? [] : [pairKey(verified)])];
  const now = performance.now();
  for (const key of keys) moves.put(key, move, { now, keepMs: REMEMBERED_MS });
  return function takeBack(): void {
    for (const key of keys) if (moves.get(key, now) === move) moves.delete(key);
  };
}

/** Gives the ids under which the session of a request went on in the last 30 seconds, over three moves at most. */
export function movedFrom(store: Store, { sessionId, isOwn, former }: Presented): Moves {
  const moves = movesOf.get(store);
  if (moves === undefined) return { sessionIds: [], direct: [], goOn: false };
  const now = performance.now();
  const found = new Set<string>();
  let goOn = false;
  const direct: Move[] = [];
  for (const start of [...(isOwn ? [idKey(sessionId)] : []), ...former.map(pairKey)]) {
    const first = moves.get(start, now);
    if (first !== undefined) direct.push(first);
    let next = first?.to;
    for (let move = 0; move < MOST_MOVES && next !== undefined; move += 1) {
      found.add(next);
      next = moves.get(idKey(next), now)?.to;
    }
    goOn ||= next !== undefined;
  }
  return { sessionIds: [...found], direct, goOn };
}

const idKey = (sessionId: string): string => `id ${keyOf(sessionId)}`;
const pairKey = (pair: string): string => `pair ${sha256(pair)}`;
