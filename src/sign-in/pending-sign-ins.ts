import { own, ownOnly } from '../base/own';
import { hashState } from './state';

/** A sign-in that was started and not yet answered. */
export interface PendingSignIn {
  /** Hash of the state; only the browser and the provider have the state itself. */
  readonly stateHash: string;
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  /** Path or allowed URL to return to. */
  readonly returnTo: string;
  /** Which of several redirect URIs it was started with; undefined if there is only one. */
  readonly redirectUri: string | undefined;
  /** PKCE code verifier. */
  readonly verifier: string | undefined;
  /** Tag of the user who started it, if somebody was signed in. */
  readonly ownerTag: string | undefined;
}

/**
 * What is left of a sign-in that was answered. All members are always present, so none is read from a polluted
 * prototype.
 */
export interface Mark {
  readonly stateHash: string;
  /** In milliseconds since 1970. */
  readonly spentAt: number;
  /** Only after success. */
  readonly connectionId: string | undefined;
  /** Only after success, as long as no other sign-in has followed. */
  readonly returnTo: string | undefined;
  readonly answerHash: string | undefined;
}

/** All sign-ins of one session. */
export interface SignIns {
  readonly pending: readonly PendingSignIn[];
  readonly spent: readonly Mark[];
}

/** {@link SignIns} as a session keeps them: short names, because every session save writes them. */
export interface StoredSignIns {
  readonly p: readonly {
    readonly h: string;
    readonly at: number;
    readonly r: string;
    readonly u?: string;
    readonly v?: string;
    readonly o?: string;
  }[];
  readonly s: readonly { readonly h: string; readonly at: number; readonly [name: string]: unknown }[];
}

/** What a callback's state turns out to be. */
export type Found =
  | { readonly kind: 'pending'; readonly signIn: PendingSignIn }
  | { readonly kind: 'spent'; readonly mark: Mark }
  | { readonly kind: 'expired' | 'unknown' | 'missing' };

/**
 * The most sign-ins, and the most marks, that a session holds. The callback of one that was pushed out gets 403
 * `unknown`.
 */
const MOST = 8;
/** Another process's clock may be slightly ahead; a later start is not genuine. */
const SKEW_MS = 5_000;

/** Whether a session property of any shape may hold sign-ins that this package wrote. */
export function holdsSignIns(value: unknown): value is { readonly p: unknown[]; readonly s: unknown[] } {
  return (
    typeof value === 'object' && value !== null && Array.isArray(own(value, 'p')) && Array.isArray(own(value, 's'))
  );
}

/**
 * Reads the sign-ins from a session property of any shape.
 * @returns undefined if it is not one that this package wrote
 */
export function readSignIns(value: unknown): SignIns | undefined {
  if (!holdsSignIns(value)) return undefined;
  return { pending: value.p.flatMap(readPending), spent: value.s.flatMap(readMark) };
}

function readPending(value: unknown): readonly PendingSignIn[] {
  const { h, at, r, u, v, o } = readRow(value);
  const isWhole = typeof h === 'string' && typeof at === 'number' && typeof r === 'string';
  if (!isWhole || !isTextOrAbsent(u) || !isTextOrAbsent(v) || !isTextOrAbsent(o)) return [];
  return [{ stateHash: h, startedAt: at, returnTo: r, redirectUri: u, verifier: v, ownerTag: o }];
}

function readMark(value: unknown): readonly Mark[] {
  const { h, at, r, l, c } = readRow(value);
  const isWhole = typeof h === 'string' && typeof at === 'number';
  if (!isWhole || !isTextOrAbsent(r) || !isTextOrAbsent(l) || !isTextOrAbsent(c)) return [];
  return [{ stateHash: h, spentAt: at, returnTo: r, connectionId: l, answerHash: c }];
}

type Row = Readonly<Partial<Record<'h' | 'at' | 'r' | 'u' | 'v' | 'o' | 'l' | 'c', unknown>>>;

function readRow(value: unknown): Row {
  return ownOnly<Row>(typeof value === 'object' && value !== null ? value : {});
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** What a session is to keep; {@link readSignIns} reads it. */
export function storedSignIns({ pending, spent }: SignIns): StoredSignIns {
  return { p: pending.map(storedPending), s: spent.map(storedMark) };
}

// Assigned one by one: several times as fast as spreading what is there.
function storedPending(signIn: PendingSignIn): StoredSignIns['p'][number] {
  const row: { h: string; at: number; r: string; u?: string; v?: string; o?: string } = {
    h: signIn.stateHash,
    at: signIn.startedAt,
    r: signIn.returnTo,
  };
  if (signIn.redirectUri !== undefined) row.u = signIn.redirectUri;
  if (signIn.verifier !== undefined) row.v = signIn.verifier;
  if (signIn.ownerTag !== undefined) row.o = signIn.ownerTag;
  return row;
}

function storedMark(mark: Mark): StoredSignIns['s'][number] {
  const row: { h: string; at: number; r?: string; l?: string; c?: string } = { h: mark.stateHash, at: mark.spentAt };
  if (mark.returnTo !== undefined) row.r = mark.returnTo;
  if (mark.connectionId !== undefined) row.l = mark.connectionId;
  if (mark.answerHash !== undefined) row.c = mark.answerHash;
  return row;
}

/** Adds a started sign-in; if there are more than 8, the oldest is dropped. */
export function withPending(signIns: SignIns | undefined, signIn: PendingSignIn): SignIns {
  return { pending: [...(signIns?.pending ?? []), signIn].slice(-MOST), spent: signIns?.spent ?? [] };
}

/**
 * Merges the sign-ins of several copies of one session; the last one wins. A sign-in that either has spent is not pending.
 */
export function mergedSignIns(...copies: readonly (SignIns | undefined)[]): SignIns {
  const known = copies.filter((copy) => copy !== undefined);
  const marks = known.flatMap((copy) => copy.spent);
  const spent = new Map(marks.map((mark) => [mark.stateHash, mark]));
  // A mark of a success replaces the mark that it was made from.
  for (const mark of marks) if (mark.connectionId !== undefined) spent.set(mark.stateHash, mark);
  const open = known.flatMap((copy) => copy.pending).filter(({ stateHash }) => !spent.has(stateHash));
  const pending = new Map(open.map((signIn) => [signIn.stateHash, signIn]));
  return {
    pending: [...pending.values()].toSorted((a, b) => a.startedAt - b.startedAt).slice(-MOST),
    spent: [...spent.values()].toSorted((a, b) => a.spentAt - b.spentAt).slice(-MOST),
  };
}

/** Whether no more sign-ins fit: a missing one may have been pushed out. */
export function isFull({ pending }: SignIns): boolean {
  return pending.length >= MOST;
}

/** The part of the configuration that judges a state. */
export interface StateRules {
  readonly instance: string;
  readonly formerInstances: readonly string[];
  readonly pendingTtlMs: number;
}

/**
 * Looks a state up in lists: no name is ever a key, so `__proto__` is as unknown as any other. Without a state, from a
 * server that returns none, it finds the sign-in in progress if there is exactly one.
 */
export function findSignIn(signIns: SignIns, state: string | undefined, nowMs: number, rules: StateRules): Found {
  const { instance, formerInstances, pendingTtlMs } = rules;
  if (state === undefined) {
    const [signIn, another] = signIns.pending.filter((one) => isLive(one, nowMs, pendingTtlMs));
    return signIn === undefined || another !== undefined ? { kind: 'missing' } : { kind: 'pending', signIn };
  }
  for (const each of [instance, ...formerInstances]) {
    const hash = hashState(state, each);
    const mark = signIns.spent.find(({ stateHash }) => stateHash === hash);
    if (mark !== undefined) return { kind: 'spent', mark };
    const signIn = signIns.pending.find(({ stateHash }) => stateHash === hash);
    if (signIn !== undefined)
      return isLive(signIn, nowMs, pendingTtlMs) ? { kind: 'pending', signIn } : { kind: 'expired' };
  }
  return { kind: 'unknown' };
}

function isLive({ startedAt }: PendingSignIn, nowMs: number, ttlMs: number): boolean {
  return startedAt <= nowMs + SKEW_MS && nowMs - startedAt < ttlMs;
}

/** The mark of a sign-in whose answer is being worked on. */
export function markOf(stateHash: string, nowMs: number): Mark {
  return { stateHash, spentAt: nowMs, connectionId: undefined, returnTo: undefined, answerHash: undefined };
}

/** Turns a pending sign-in into a mark; marks live `ttlMs`, at most 8. */
export function withMark(signIns: SignIns, mark: Mark, nowMs: number, ttlMs: number): SignIns {
  const others = signIns.spent.filter((one) => one.stateHash !== mark.stateHash && nowMs - one.spentAt < ttlMs);
  return {
    pending: signIns.pending.filter(({ stateHash }) => stateHash !== mark.stateHash),
    spent: [...others, mark].slice(-MOST),
  };
}

/** Removes what a replay needs from the marks of earlier successes: a newer sign-in has replaced their token. */
export function withoutReplays({ pending, spent }: SignIns): SignIns {
  return {
    pending,
    spent: spent.map(({ stateHash, spentAt, connectionId }) => ({
      stateHash,
      spentAt,
      connectionId,
      returnTo: undefined,
      answerHash: undefined,
    })),
  };
}

/** Hashes of the sign-ins that may still put a token into a session: first those whose callback is under way. */
export function openSignIns(signIns: SignIns | undefined): readonly string[] {
  const underWay = signIns?.spent.filter(({ connectionId }) => connectionId === undefined) ?? [];
  return [...underWay, ...(signIns?.pending ?? [])].map(({ stateHash }) => stateHash);
}

/** Hashes of the sign-ins that have put their token into a session. */
export function finishedSignIns(signIns: SignIns | undefined): readonly string[] {
  const finished = signIns?.spent.filter(({ connectionId }) => connectionId !== undefined) ?? [];
  return finished.map(({ stateHash }) => stateHash);
}

/**
 * When a session last completed a sign-in, in milliseconds since 1970. Only marks of a success have a connection id,
 * and the last of them stays until another sign-in of this session is answered.
 * @param value - the session property of any shape
 */
export function lastSignInAt(value: unknown): number | undefined {
  return readSignIns(value)?.spent.findLast(({ connectionId }) => connectionId !== undefined)?.spentAt;
}
