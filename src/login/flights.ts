import { createHash } from 'node:crypto';

/** Where a completed sign-in went: what a duplicate of its callback needs to end in the same place. */
export interface Landing {
  readonly kind: 'landed';
  readonly sessionId: string;
  readonly lineage: string;
  readonly returnTo: string;
}

/** A replay in the session that the sign-in has connected before: nothing was exchanged. */
export interface Replay {
  readonly kind: 'replay';
  readonly returnTo: string;
}

/** Another process has claimed this callback and exchanges its code; who came to us lands, without the token. */
export interface Elsewhere {
  readonly kind: 'elsewhere';
  readonly returnTo: string;
}

/** How a callback ended well. */
export type Outcome = Landing | Replay | Elsewhere;

/** Sign-ins being exchanged right now, and those completed a moment ago. */
export interface Flights {
  /** The flight of whoever presents one of these session ids with this state and code. */
  find(sessionIds: readonly string[], state: string, code: string): Promise<Outcome> | undefined;
  /** Runs `work` once; a failure is forgotten at once, a success after `REMEMBERED_MS`. */
  start(sessionId: string, state: string, code: string, work: () => Promise<Outcome>): Promise<Outcome>;
}

/** A double click may arrive after the first answer was dropped by the browser; 30 s is generous for that. */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 10_000;

/** Keeps flights of one instance in this process. Keys are hashes: neither session id, state nor code is kept. */
export function signInFlights(): Flights {
  const flights = new Map<string, Promise<Outcome>>();

  const keyOf = (sessionId: string, state: string, code: string): string =>
    createHash('sha256')
      .update(JSON.stringify([sessionId, state, code]))
      .digest('base64url');

  return Object.freeze({
    find(sessionIds: readonly string[], state: string, code: string): Promise<Outcome> | undefined {
      if (flights.size === 0) return undefined;
      for (const sessionId of sessionIds) {
        const flight = flights.get(keyOf(sessionId, state, code));
        if (flight !== undefined) return flight;
      }
      return undefined;
    },
    async start(sessionId: string, state: string, code: string, work: () => Promise<Outcome>): Promise<Outcome> {
      const key = keyOf(sessionId, state, code);
      const flight = work();
      flights.set(key, flight);
      try {
        const outcome = await flight;
        // A replay is judged anew each time: the connection may end meanwhile.
        if (outcome.kind === 'replay') flights.delete(key);
        else setTimeout(() => flights.delete(key), REMEMBERED_MS).unref();
        for (const oldest of flights.keys()) {
          if (flights.size <= MOST_REMEMBERED) break;
          flights.delete(oldest);
        }
        return outcome;
      } catch (error) {
        flights.delete(key);
        throw error;
      }
    },
  });
}

/**
 * States this process has spent. A slow request that loaded the session earlier may save its old copy over ours,
 * and the pending entry would be back in the store.
 */
export function spentStates(ttlMs: number): { has(hash: string): boolean; add(hash: string): void } {
  const spentAt = new Map<string, number>();
  return Object.freeze({
    has: (hash: string): boolean => spentAt.has(hash),
    add(hash: string): void {
      const now = Date.now();
      // Insertion order is age order, so the expired ones stand in front.
      for (const [old, at] of spentAt) {
        if (now - at < ttlMs) break;
        spentAt.delete(old);
      }
      spentAt.set(hash, now);
    },
  });
}
