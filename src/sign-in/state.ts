import { randomText } from '../base/random-text';
import { sha256 } from '../base/sha256';

/**
 * Hash of a state, bound to this browser's session by where it is kept and to this instance by `instance`:
 * another client id or redirect URI gives another hash.
 */
export function hashState(state: string, instance: string): string {
  return sha256(`connect-auth state v1\0${instance}\0${state}`);
}

/** Hash of an authorization response, state and code together; if the server returns no state, of the code alone. */
export function hashAnswer(
  answer: { readonly state: string | undefined; readonly code: string },
  instance: string,
): string {
  const { state = '', code } = answer;
  return sha256(JSON.stringify(['connect-auth answer v1', instance, state, code]));
}

/** A fresh state or code verifier: 32 random bytes as 43 characters (RFC 7636 §4.1 recommends the same). */
export function randomSecret(): string {
  return randomText(32);
}

/** Random bytes of a state, and how many characters they are; the others say where it belongs. */
const RANDOM_BYTES = 24;
const RANDOM_CHARACTERS = 32;
const TAG_CHARACTERS = 11;

/**
 * A fresh state: 24 random bytes, and 66 bits of a hash of them and the session. It shows later whether a session that
 * does not hold this state started it; this proves nothing and permits nothing.
 */
export function newState(place: StatePlace): string {
  const random = randomText(RANDOM_BYTES);
  return random + placeTag(random, place);
}

/** Whether a state says that it was started in this session. */
export function isStateOf(state: string, place: StatePlace): boolean {
  const random = state.slice(0, RANDOM_CHARACTERS);
  return state === random + placeTag(random, place);
}

/** Where a state was started. */
export interface StatePlace {
  readonly sessionId: string;
  /** The instance, and its property of the session. */
  readonly instance: string;
  readonly pendingKey: string;
}

/** The place of a session. */
export function placeOf(sessionId: string, { instance, pendingKey }: Omit<StatePlace, 'sessionId'>): StatePlace {
  return { sessionId, instance, pendingKey };
}

function placeTag(random: string, { sessionId, instance, pendingKey }: StatePlace): string {
  const place = JSON.stringify(['connect-auth place v2', random, sessionId, instance, pendingKey]);
  return sha256(place).slice(0, TAG_CHARACTERS);
}

/** The S256 code challenge of a verifier (RFC 7636 §4.2). */
export function challengeOf(verifier: string): string {
  return sha256(verifier);
}
