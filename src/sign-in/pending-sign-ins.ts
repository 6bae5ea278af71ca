import { createHash, randomBytes } from 'node:crypto';
import { ownOnly } from '../base/own';

/** A sign-in that was started and not yet answered, as the session keeps it. */
export interface PendingEntry {
  /** Hash of the state; the state itself is with the browser and the provider only. */
  readonly h: string;
  /** Start, in milliseconds since 1970. */
  readonly at: number;
  /** Own-site path to land on. */
  readonly r: string;
  /** PKCE code verifier. */
  readonly v?: string;
}

/** What is left of a sign-in that was answered. */
export interface SpentMark {
  readonly h: string;
  /** When it was spent, in milliseconds since 1970. */
  readonly at: number;
  /** Only after success: the connection id of its token. */
  readonly l?: string;
  /** As long as no other sign-in has followed: where the visitor was sent, and the hash of the code. */
  readonly r?: string;
  readonly c?: string;
}

/** All sign-ins of one session: short names, because every session save writes them. */
export interface SignIns {
  readonly p: readonly PendingEntry[];
  readonly s: readonly SpentMark[];
}

/** What a callback's state turns out to be. */
export type Found =
  | { readonly kind: 'pending'; readonly entry: PendingEntry }
  | { readonly kind: 'spent'; readonly mark: SpentMark }
  | { readonly kind: 'expired' | 'unknown' | 'missing' };

/** Sign-ins, and marks of them, that a session holds. A callback of one that was pushed out is 403 `unknown`. */
const MOST = 8;
/** A clock of another process may run ahead by a little; more is not a start of ours. */
const SKEW_MS = 5_000;

/**
 * Hash of a state, bound to this browser's session by where it is kept and to this instance by `instance`:
 * another client id or redirect URI gives another hash.
 */
export function hashState(state: string, instance: string): string {
  return createHash('sha256').update(`connect-auth state v1\0${instance}\0${state}`).digest('base64url');
}

/** Hash of a code that was exchanged. */
export function hashCode(code: string): string {
  return createHash('sha256').update(`connect-auth code v1\0${code}`).digest('base64url');
}

/** A fresh state or code verifier: 32 random bytes as 43 characters (RFC 7636 §4.1 recommends the same). */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Bytes of a state that are random; the others say where it belongs. */
const RANDOM_BYTES = 24;

/**
 * A fresh state: 24 random bytes, and 8 that are a hash of them with the session. So it shows later whether a
 * session that knows nothing of this state has started it; that it did proves nothing and allows nothing.
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

/** Reads the signIns from a session property of any shape. @returns undefined when nothing of ours is there */
export function readSignIns(value: unknown): SignIns | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { p, s } = ownOnly(value as { p?: unknown; s?: unknown });
  if (!Array.isArray(p) || !Array.isArray(s)) return undefined;
  return { p: p.map(ownMembers).filter(isPending), s: s.map(ownMembers).filter(isSpent) };
}

function ownMembers(row: unknown): unknown {
  return typeof row === 'object' && row !== null ? ownOnly(row) : row;
}

function isRow(value: unknown): value is Record<'r' | 'v' | 'l' | 'c', unknown> & { h: string; at: number } {
  const row = value as { h?: unknown; at?: unknown } | null;
  return typeof row === 'object' && row !== null && typeof row.h === 'string' && typeof row.at === 'number';
}

function isPending(value: unknown): value is PendingEntry {
  return isRow(value) && typeof value.r === 'string' && (value.v === undefined || typeof value.v === 'string');
}

function isSpent(value: unknown): value is SpentMark {
  return isRow(value) && [value.r, value.l, value.c].every((text) => text === undefined || typeof text === 'string');
}

/** Adds a started sign-in; of more than 8 the oldest is dropped. */
export function withPending(signIns: SignIns | undefined, entry: PendingEntry): SignIns {
  return { p: [...(signIns?.p ?? []), entry].slice(-MOST), s: signIns?.s ?? [] };
}

/** What two copies of one session know together, of which the second wins: nothing that either has spent is pending. */
export function mergedSignIns(one: SignIns, two: SignIns | undefined): SignIns {
  if (two === undefined) return one;
  const spent = new Map([...one.s, ...two.s].map((mark) => [mark.h, mark]));
  // A mark of a success says more than the one that it was made from.
  for (const mark of [...one.s, ...two.s]) if (mark.l !== undefined) spent.set(mark.h, mark);
  const pending = new Map([...one.p, ...two.p].filter(({ h }) => !spent.has(h)).map((entry) => [entry.h, entry]));
  return { p: latest([...pending.values()]), s: latest([...spent.values()]) };
}

function latest<T extends { readonly at: number }>(rows: readonly T[]): readonly T[] {
  return rows.toSorted((a, b) => a.at - b.at).slice(-MOST);
}

/** Whether no more sign-ins fit: then one that is missing may have been pushed out. */
export function isFull({ p }: SignIns): boolean {
  return p.length >= MOST;
}

/** Of the configuration, what a state is judged by. */
export interface StateRules {
  readonly instance: string;
  readonly pendingTtlMs: number;
}

/**
 * Looks a state up among own entries only: no name is ever a key here, so `__proto__` is as unknown as any other. Without a
 * state, as of a server that returns none, it is the one sign-in in progress, if there is exactly one.
 */
export function findSignIn(signIns: SignIns, state: string | undefined, nowMs: number, rules: StateRules): Found {
  const { instance, pendingTtlMs } = rules;
  if (state === undefined) {
    const [entry, another] = signIns.p.filter((one) => isLive(one, nowMs, pendingTtlMs));
    return entry === undefined || another !== undefined ? { kind: 'missing' } : { kind: 'pending', entry };
  }
  const hash = hashState(state, instance);
  const mark = signIns.s.find((one) => one.h === hash);
  if (mark !== undefined) return { kind: 'spent', mark };
  const entry = signIns.p.find((one) => one.h === hash);
  if (entry === undefined) return { kind: 'unknown' };
  return isLive(entry, nowMs, pendingTtlMs) ? { kind: 'pending', entry } : { kind: 'expired' };
}

/** What the one who asks has shown of a sign-in that may have been finished. */
export interface Shown {
  /** Undefined where the server returns none. */
  readonly state: string | undefined;
  readonly code: string;
}

/**
 * The mark of a sign-in that was finished with this very answer. Without the code the state does not count: whoever has
 * started a sign-in, and planted the session on somebody else, knows it.
 */
export function finishedWith(
  { state, code }: Shown,
  instance: string,
  signIns: SignIns | undefined,
): SpentMark | undefined {
  const [h, c] = [state === undefined ? undefined : hashState(state, instance), hashCode(code)];
  return signIns?.s.find((mark) => mark.c === c && (h === undefined || mark.h === h));
}

function isLive(entry: PendingEntry, nowMs: number, ttlMs: number): boolean {
  return entry.at <= nowMs + SKEW_MS && nowMs - entry.at < ttlMs;
}

/** Turns a pending sign-in into a spent mark; marks live `ttlMs`, at most 8. */
export function withSpent(signIns: SignIns, mark: SpentMark, nowMs: number, ttlMs: number): SignIns {
  const others = signIns.s.filter((one) => one.h !== mark.h && nowMs - one.at < ttlMs);
  return { p: signIns.p.filter((one) => one.h !== mark.h), s: [...others, mark].slice(-MOST) };
}

/** Marks of earlier successes lose what a replay needs once a newer sign-in has replaced their token. */
export function withoutReplays(signIns: SignIns): SignIns {
  return { p: signIns.p, s: signIns.s.map(({ h, at, l }) => (l === undefined ? { h, at } : { h, at, l })) };
}

/** Hashes of the sign-ins that may still put a token into a session: first those whose callback is under way. */
export function openSignIns(signIns: SignIns | undefined): readonly string[] {
  const underWay = signIns?.s.filter(({ l }) => l === undefined) ?? [];
  return [...underWay, ...(signIns?.p ?? [])].map(({ h }) => h);
}

/** Hashes of the sign-ins that have put their token into a session. */
export function finishedSignIns(signIns: SignIns | undefined): readonly string[] {
  return signIns?.s.filter(({ l }) => l !== undefined).map(({ h }) => h) ?? [];
}

/**
 * When a session last completed a sign-in, in milliseconds since 1970. Only marks of a success hold a connection id, and
 * the last of them stays until another sign-in of this session has been answered.
 * @param value - the session property of any shape
 */
export function lastSignInAt(value: unknown): number | undefined {
  return readSignIns(value)?.s.findLast((mark) => mark.l !== undefined)?.at;
}
