import type { Store } from 'express-session';
import { boundedNumbers, type BoundedNumbers } from '../base/bounded-numbers';
import type { Presented } from '../session/cookie';

/** As long as a completed callback is remembered: a request with the old cookie was sent before the new one arrived. */
const REMEMBERED_MS = 30_000;
/**
 * If one is forgotten, the ledger still knows that a callback announced it: a disconnect then answers 503, and succeeds
 * with the new cookie.
 */
const MOST_REMEMBERED = 10_000;
/** So many forgotten ones are taken off the list at once. */
const MOST_FORGOTTEN = 1000;
/** Each costs a read of the store; a browser that moved more often has a newer cookie. */
const MOST_MOVES = 3;

/** The moves of one store's sessions, which are numbered as they come. */
interface Moved {
  /** The number of each session's move, by its id; only a digest of that is kept. */
  readonly byId: BoundedNumbers;
  /** Likewise, by the cookie pair that was verified. */
  readonly byPair: BoundedNumbers;
  /** Oldest first. */
  readonly moves: TimedMove[];
  /** The number of the first of these. */
  first: number;
  /** The number of the first one that is remembered. */
  oldest: number;
}

const movedIn = new WeakMap<Store, Moved>();

function newMoved(): Moved {
  const isForgotten = (number: number): boolean => number < moved.oldest;
  const numbers = (): BoundedNumbers =>
    boundedNumbers({ most: MOST_REMEMBERED, isOver: isForgotten, onDropped: () => undefined });
  const moved: Moved = { byId: numbers(), byPair: numbers(), moves: [], first: 0, oldest: 0 };
  return moved;
}

/** One step of a session to another id. */
export interface Move {
  readonly to: string;
  /** Hash of the state of the sign-in that moved it, or how that begins; undefined for a disconnect. */
  readonly by: string | undefined;
}

/** A move, and when it was. */
interface TimedMove extends Move {
  /** Whole milliseconds, which take less room than others. */
  at: number;
}

/** The time of a move that failed: it has been over since the clock began. */
const NEVER = -REMEMBERED_MS;

/** @param move - undefined counts as over */
function isOver(move: TimedMove | undefined, now: number): boolean {
  return move === undefined || move.at <= now - REMEMBERED_MS;
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
  const moved = movedIn.get(store) ?? newMoved();
  if (!movedIn.has(store)) movedIn.set(store, moved);
  const now = Math.round(performance.now());
  makeRoom(moved, now);
  const { moves, byId, byPair } = moved;
  const move: TimedMove = { to, by: by?.slice(0, KEPT_CHARACTERS), at: now };
  const number = moved.first + moves.push(move) - 1;
  byId.put(sessionId, number, now);
  if (verified !== undefined) byPair.put(verified, number, now);
  return function takeBack(): void {
    move.at = NEVER;
  };
}

/** Forgets the oldest moves as far as they are over, or else the oldest one if all the room is taken. */
function makeRoom(moved: Moved, now: number): void {
  const { moves, first } = moved;
  const end = first + moves.length;
  if (end - moved.oldest >= MOST_REMEMBERED) moved.oldest += 1;
  while (moved.oldest < end && isOver(moves[moved.oldest - first], now)) moved.oldest += 1;
  const forgotten = moved.oldest - first;
  // Taking one off the beginning would move all the others.
  const isWorthIt = forgotten >= MOST_FORGOTTEN || (moved.oldest === end && forgotten > 0);
  if (!isWorthIt) return;
  moves.splice(0, forgotten);
  moved.first = moved.oldest;
}

/** The move of that number, unless it is forgotten or over. */
function moveOf({ moves, first, oldest }: Moved, number: number | undefined, now: number): TimedMove | undefined {
  if (number === undefined || number < oldest) return undefined;
  const move = moves[number - first];
  return isOver(move, now) ? undefined : move;
}

/** Gives the ids under which the session of a request went on in the last 30 seconds, over three moves at most. */
export function movedFrom(store: Store, { sessionId, isOwn, former }: Presented): Moves {
  const moved = movedIn.get(store);
  if (moved === undefined) return { sessionIds: [], direct: [], goOn: false };
  const { byId, byPair } = moved;
  const now = performance.now();
  // A browser may send one cookie more than once.
  const numbers = new Set([...(isOwn ? [byId.get(sessionId)] : []), ...former.map(byPair.get)]);
  const found = new Set<string>();
  let goOn = false;
  const direct: Move[] = [];
  for (const number of numbers) {
    const first = moveOf(moved, number, now);
    if (first !== undefined) direct.push(first);
    let next = first?.to;
    for (let move = 0; move < MOST_MOVES && next !== undefined; move += 1) {
      found.add(next);
      next = moveOf(moved, byId.get(next), now)?.to;
    }
    goOn ||= next !== undefined;
  }
  return { sessionIds: [...found], direct, goOn };
}
