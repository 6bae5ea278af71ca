import { createHash } from 'node:crypto';
import type { Presented } from '../session/cookie';

/** Where a completed sign-in went: what a duplicate of its callback needs to end in the same place. */
export interface Landing {
  readonly kind: 'landed';
  readonly sessionId: string;
  readonly connectionId: string;
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

/** The authorization response as it came. */
export interface Answer {
  /** '' where the server returns none. */
  readonly state: string;
  readonly code: string;
}

/** Sign-ins being exchanged right now, and those completed a moment ago. */
export interface Flights {
  /** The flight of this answer that began with the same session, or with a cookie that this request shows. */
  find(visitor: Presented, answer: Answer): Promise<Outcome> | undefined;
  /** Whether this state has also come with another session, cookie or code. */
  hasOthers(answer: Answer): boolean;
  /** Runs `work` once; a failure is forgotten at once, a success after `REMEMBERED_MS`. */
  start(visitor: Presented, answer: Answer, work: () => Promise<Outcome>): Promise<Outcome>;
}

interface Flight {
  readonly session: string;
  readonly cookie: string | undefined;
  readonly code: string;
  readonly outcome: Promise<Outcome>;
}

/** A double click may arrive after the first answer was dropped by the browser; 30 s is generous for that. */
const REMEMBERED_MS = 30_000;
/** A duplicate of a forgotten one finds its state spent: 403 with a link to start again, and nothing is exchanged twice. */
const MOST_REMEMBERED = 10_000;

/** Keeps flights of one instance in this process. Neither session id, cookie, state nor code is kept, only their hashes. */
export function signInFlights(): Flights {
  const flights = new Map<string, Set<Flight>>();

  function forget(key: string, flight: Flight): void {
    const ofState = flights.get(key);
    ofState?.delete(flight);
    if (ofState?.size === 0) flights.delete(key);
  }

  function remember(key: string, flight: Flight): void {
    setTimeout(() => forget(key, flight), REMEMBERED_MS).unref();
    for (const oldest of flights.keys()) {
      if (flights.size <= MOST_REMEMBERED) break;
      flights.delete(oldest);
    }
  }

  return Object.freeze({
    find({ sessionId, isOwn, former }: Presented, answer: Answer): Promise<Outcome> | undefined {
      if (flights.size === 0) return undefined;
      const known = flights.get(keyOf(answer));
      if (known === undefined) return undefined;
      // Nothing is hashed for each flight: anybody can have thousands of one state, each with a code of its own.
      const [code, session, cookies] = [hash(answer.code), hash(sessionId), new Set(former.map(hash))];
      for (const one of known) {
        if (one.code !== code) continue;
        if ((isOwn && one.session === session) || (one.cookie !== undefined && cookies.has(one.cookie)))
          return one.outcome;
      }
      return undefined;
    },
    hasOthers: (answer: Answer): boolean => (flights.get(keyOf(answer))?.size ?? 0) > 1,
    async start({ sessionId, verified }: Presented, answer: Answer, work: () => Promise<Outcome>): Promise<Outcome> {
      const key = keyOf(answer);
      const cookie = verified === undefined ? undefined : hash(verified);
      const flight: Flight = { session: hash(sessionId), cookie, code: hash(answer.code), outcome: work() };
      flights.set(key, (flights.get(key) ?? new Set<Flight>()).add(flight));
      try {
        const outcome = await flight.outcome;
        // A replay is judged anew each time: the connection may end meanwhile.
        if (outcome.kind === 'replay') forget(key, flight);
        else remember(key, flight);
        return outcome;
      } catch (error) {
        forget(key, flight);
        throw error;
      }
    },
  });
}

/** By the state; where the server returns none, by the code. */
function keyOf({ state, code }: Answer): string {
  return hash(state === '' ? `code\0${code}` : `state\0${state}`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
