import type { Store } from 'express-session';
import { boundedMap, type BoundedMap } from '../base/bounded-map';
import { boundedNumbers, type BoundedNumbers } from '../base/bounded-numbers';
import { idIn, type Presented } from '../session/cookie';

/** As long as a completed callback is remembered: a request with the old cookie was sent before the new one arrived. */
const REMEMBERED_MS = 30_000;
/**
 * If one is forgotten, the ledger still knows that a callback announced it: a disconnect then answers 503, and succeeds
 * with the new cookie.
 */
const MOST_REMEMBERED = 10_000;
/** Each costs a read of the store; a browser that moved more often has a newer cookie. */
const MOST_MOVES = 3;

/** The moves of one store's sessions. */
interface Moved {
  readonly byId: BoundedMap<Move>;
  /** When the session of each cookie pair moved; of the pairs only a digest is kept. */
  readonly pairs: BoundedNumbers;
}

const movedIn = new WeakMap<Store, Moved>();

function newMoved(): Moved {
  const isOver = (at: number, now: number): boolean => at <= now - REMEMBERED_MS;
  return {
    byId: boundedMap({ most: MOST_REMEMBERED }),
    pairs: boundedNumbers({ most: MOST_REMEMBERED, isOver, onDropped: () => undefined }),
  };
}

/** One step of a session to another id. */
export interface Move {
  readonly to: string;
  /** Hash of the state of the sign-in that moved it, or how that begins; undefined for a disconnect. */
  readonly by: string | undefined;
}

/** 66 bits: so much of a hash is kept. */
const KEPT_CHARACTERS = 11;

/** Whether a sign-in moved it. */
export function wasMovedBy({ by }: Move, stateHash: string): boolean {
  return by !== undefined && stateHash.startsWith(by);
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
 * document: the token of one moves along when another connects.
 * @returns a function that takes the note back, for a move that failed
 */
export function noteMove(store: Store, { sessionId, verified }: Presented, { to, by }: Move): () => void {
  const { byId, pairs } = movedIn.get(store) ?? newMoved();
  if (!movedIn.has(store)) movedIn.set(store, { byId, pairs });
  // A whole number takes less room.
  const now = Math.round(performance.now());
  const move: Move = { to, by: by?.slice(0, KEPT_CHARACTERS) };
  byId.put(sessionId, move, { now, keepMs: REMEMBERED_MS });
  if (verified !== undefined) pairs.put(verified, now, now);
  return function takeBack(): void {
    if (byId.get(sessionId, now) === move) byId.delete(sessionId);
  };
}

/** Gives the ids under which the session of a request went on in the last 30 seconds, over three moves at most. */
export function movedFrom(store: Store, { sessionId, isOwn, former }: Presented): Moves {
  const moved = movedIn.get(store);
  if (moved === undefined) return { sessionIds: [], direct: [], goOn: false };
  const { byId, pairs } = moved;
  const now = performance.now();
  const known = former.filter((pair) => (pairs.get(pair) ?? -Infinity) > now - REMEMBERED_MS);
  const found = new Set<string>();
  let goOn = false;
  const direct: Move[] = [];
  for (const start of [...(isOwn ? [sessionId] : []), ...known.map(idIn)]) {
    const first = byId.get(start, now);
    if (first !== undefined) direct.push(first);
    let next = first?.to;
    for (let move = 0; move < MOST_MOVES && next !== undefined; move += 1) {
      found.add(next);
      next = byId.get(next, now)?.to;
    }
    goOn ||= next !== undefined;
  }
  return { sessionIds: [...found], direct, goOn };
}
