import { createHash, randomBytes } from 'node:crypto';

/**
 * Hash of a state, bound to this browser's session by where it is kept and to this instance by `instance`:
 * another client id or redirect URI gives another hash.
 */
export function hashState(state: string, instance: string): string {
  return createHash('sha256').update(`connect-auth state v1\0${instance}\0${state}`).digest('base64url');
}

/** Hash of an authorization response, state and code together; if the server returns no state, of the code alone. */
export function hashAnswer(
  answer: { readonly state: string | undefined; readonly code: string },
  instance: string,
): string {
  const { state = '', code } = answer;
  return createHash('sha256')
    .update(JSON.stringify(['connect-auth answer v1', instance, state, code]))
    .digest('base64url');
}

/** A fresh state or code verifier: 32 random bytes as 43 characters (RFC 7636 §4.1 recommends the same). */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Random bytes of a state; the others say where it belongs. */
const RANDOM_BYTES = 24;

/**
 * A fresh state: 24 random bytes, and 8 of a hash of them and the session. It shows later whether a session that does
 * not hold this state started it; this proves nothing and permits nothing.
 */
export function newState(place: StatePlace): string {
  const random = randomBytes(RANDOM_BYTES);
  return Buffer.concat([random, placeTag(random, place)]).toString('base64url');
}

/** Whether a state says that it was started in this session. */
export function isStateOf(state: string, place: StatePlace): boolean {
  const bytes = Buffer.from(state, 'base64url');
  const random = bytes.subarray(0, RANDOM_BYTES);
  const asWeWriteIt = bytes.toString('base64url') === state;
  return asWeWriteIt && placeTag(random, place).equals(bytes.subarray(RANDOM_BYTES));
}

/** Where a state was started. */
export interface StatePlace {
  readonly sessionId: string;
  /** The instance, and its property of the session. */
  readonly instance: string;
  readonly pendingKey: string;
}

function placeTag(random: Buffer, { sessionId, instance, pendingKey }: StatePlace): Buffer {
  const place = JSON.stringify([sessionId, instance, pendingKey]);
  return createHash('sha256').update('connect-auth place v1\0').update(random).update(place).digest().subarray(0, 8);
}

/** The S256 code challenge of a verifier (RFC 7636 §4.2). */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
