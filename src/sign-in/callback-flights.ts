import type { Presented } from '../session/cookie';
import type { CodeAnswer } from './answer';

/** A sign-in that this callback, or an identical one, has finished. */
export interface Finished {
  readonly kind: 'finished';
  /** The new session. */
  readonly sessionId: string;
  readonly connectionId: string;
  readonly returnTo: string;
}

/** A replay in the session that the sign-in has connected before: nothing was exchanged. */
export interface Replay {
  readonly kind: 'replay';
  readonly returnTo: string;
}

/** Another process has claimed this callback and exchanges its code; this visitor is redirected without the token. */
export interface Elsewhere {
  readonly kind: 'elsewhere';
  readonly returnTo: string;
}

/** The ways in which a callback succeeds. */
export type CallbackResult = Finished | Replay | Elsewhere;

/** Callbacks with a code that are being answered right now. */
export interface CallbackFlights {
  /**
   * Joins the flight of the same answer that began with the same session, or with a cookie that this request shows. If
   * there is none, starts one with `work`.
   */
  readonly share: (
    visitor: Presented,
    answer: CodeAnswer,
    work: () => Promise<CallbackResult>,
  ) => Promise<CallbackResult>;
  /** Whether this state has also come with another session, cookie or code. */
  readonly hasOthers: (answer: CodeAnswer) => boolean;
}

interface Flight {
  readonly visitor: Presented;
  readonly code: string;
  readonly result: Promise<CallbackResult>;
}

/** Keeps the flights of one instance in this process, each as long as its request is answered. */
export function callbackFlights(): CallbackFlights {
  const flights = new Map<string, Set<Flight>>();

  function find(key: string, { sessionId, isOwn, former }: Presented, answer: CodeAnswer): Flight | undefined {
    const known = flights.get(key);
    if (known === undefined) return undefined;
    // Little is done per flight: anybody can open thousands for one state, and send many cookies.
    const cookies = new Set(former);
    for (const one of known) {
      if (one.code !== answer.code) continue;
      const { verified } = one.visitor;
      if (isOwn && one.visitor.sessionId === sessionId) return one;
      if (verified !== undefined && cookies.has(verified)) return one;
    }
    return undefined;
  }

  async function start(
    key: string,
    visitor: Presented,
    { code }: CodeAnswer,
    work: () => Promise<CallbackResult>,
  ): Promise<CallbackResult> {
    const flight: Flight = { visitor, code, result: work() };
    const ofState = flights.get(key) ?? new Set<Flight>();
    flights.set(key, ofState.add(flight));
    try {
      return await flight.result;
    } finally {
      ofState.delete(flight);
      if (ofState.size === 0) flights.delete(key);
    }
  }

  return Object.freeze({
    // No await before a flight is registered: of several identical callbacks exactly one may find none.
    share(visitor: Presented, answer: CodeAnswer, work: () => Promise<CallbackResult>): Promise<CallbackResult> {
      const key = keyOf(answer);
      return find(key, visitor, answer)?.result ?? start(key, visitor, answer, work);
    },
    hasOthers: (answer: CodeAnswer): boolean => (flights.get(keyOf(answer))?.size ?? 0) > 1,
  });
}

/** By the state; if the server returns none, by the code. */
function keyOf({ state, code }: CodeAnswer): string {
  return state === undefined ? `code ${code}` : `state ${state}`;
}
