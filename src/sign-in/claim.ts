import type { Request } from 'express';
import type { ConnectError } from '../errors/connect-error';
import { saveIfLiving, type LivingConfig } from '../session/living-session';
import {
  adoptStored,
  lockPatience,
  readStored,
  saveSession,
  type SessionRecord,
  type StoredSession,
} from '../session/store';
import { own } from '../base/own';
import { withSessionLock } from '../session/lock';
import type { Replay } from './flights';
import {
  findSignIn,
  hashState,
  isFull,
  isStateOf,
  readSignIns,
  solePending,
  withSpent,
  type SignIns,
  type PendingEntry,
  type SpentMark,
} from './pending-sign-ins';
import type { RecentSignIns } from './recent-sign-ins';
import { stateError } from './state-error';

/** What claiming a sign-in needs. */
export interface ClaimConfig extends LivingConfig {
  readonly sessionKey: string;
  readonly oldLabelKey: string;
  readonly pendingKey: string;
  readonly pendingTtlMs: number;
  readonly recent: RecentSignIns;
  /** Binds states to this instance. */
  readonly instance: string;
  /** The connection that a session or its document holds a token of. */
  readonly connectionIn: (document: StoredSession) => string | undefined;
}

/** A state that proved to be ours: a sign-in to finish, or one that this very session has finished before. */
export type Claim = { readonly kind: 'won'; readonly entry: PendingEntry } | Replay;

/**
 * Verifies the state and spends it. What the store holds afterwards no longer contains the sign-in,
 * so the code cannot be exchanged twice; if that save fails, nothing is spent.
 * @param beforeSpent - called when all is well and nothing is written yet; what it throws leaves the sign-in as it was
 */
export async function claimState(
  req: Request,
  session: SessionRecord,
  { state, beforeSpent }: { readonly state: string | undefined; readonly beforeSpent: (() => void) | undefined },
  config: ClaimConfig,
): Promise<Claim> {
  // Without any sign-in of ours in the session there is nothing to read, write or wait for.
  if (readSignIns(own(session, config.pendingKey)) === undefined) throw nothingHere(req, state, config);
  return withSessionLock(req.sessionStore, req.sessionID, lockPatience('callback', config), async () => {
    const stored = await readStored(req, req.sessionID, 'callback', config);
    if (stored === undefined) throw stateError('no_session');
    const signIns = readSignIns(own(stored, config.pendingKey));
    if (signIns === undefined) throw nothingHere(req, state, config);
    const found = findState(signIns, state, config);
    if (found.kind === 'spent') return replayOf(found.mark, stored, config);
    if (found.kind === 'unknown' && !isFull(signIns) && isOfThis(req, state, config)) throw stateError('overwritten');
    if (found.kind !== 'pending') throw stateError(found.kind);
    beforeSpent?.();
    const now = Date.now();
    adoptStored(session, stored, [config.sessionKey, config.oldLabelKey]);
    const spent = withSpent(signIns, { h: found.entry.h, at: now }, now, config.pendingTtlMs);
    session[config.pendingKey] = spent;
    const lives = await saveIfLiving(req, session, 'callback', config, (onLate) =>
      saveSession(req, session, 'callback', config, onLate),
    );
    if (!lives) throw stateError('no_session');
    config.recent.note(req.sessionID, spent);
    return { kind: 'won', entry: found.entry };
  });
}

/** The session of this request holds no sign-in. */
function nothingHere(req: Request, state: string | undefined, config: ClaimConfig): ConnectError {
  return stateError(isOfThis(req, state, config) ? 'overwritten' : 'no_session');
}

/** Whether this state was started in this very session. */
function isOfThis(req: Request, state: string | undefined, config: ClaimConfig): boolean {
  return state !== undefined && isStateOf(state, { ...config, sessionId: req.sessionID });
}

function findState(signIns: SignIns, state: string | undefined, config: ClaimConfig): ReturnType<typeof findSignIn> {
  const now = Date.now();
  if (state !== undefined) return findSignIn(signIns, hashState(state, config.instance), now, config.pendingTtlMs);
  const entry = solePending(signIns, now, config.pendingTtlMs);
  if (entry === undefined) throw stateError('missing');
  return { kind: 'pending', entry };
}

/** Back button or reload in the session that this sign-in connected: lands where it landed, without the provider. */
function replayOf(mark: SpentMark, stored: StoredSession, config: ClaimConfig): Claim {
  if (mark.r === undefined || mark.l === undefined || !isConnectedBy(mark.l, stored, config)) throw stateError('used');
  return { kind: 'replay', returnTo: mark.r };
}

/** Whether a document of the session store holds the connection of this sign-in. */
export function isConnectedBy(
  connectionId: string,
  stored: StoredSession,
  config: Pick<ClaimConfig, 'connectionIn'>,
): boolean {
  return config.connectionIn(stored) === connectionId;
}
