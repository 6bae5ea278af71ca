import { debug } from '../errors/debug';
import type { ConnectError } from '../errors/connect-error';
import { own } from '../base/own';
import type { Config } from '../options/read';
import type { Endings } from '../refresh/endings';
import type { Owner } from '../session/owners';
import type { StoredSession } from '../session/store';
import type { Answer, CodeAnswer } from './answer';
import type { CallbackFlights, CallbackResult, Finished, Replay } from './callback-flights';
import type { SessionToken, SignInParts } from './parts';
import { wasMovedBy, type Move } from './moved-sessions';
import {
  findSignIn,
  holdsSignIns,
  isFull,
  markOf,
  readSignIns,
  withMark,
  type Mark,
  type PendingSignIn,
} from './pending-sign-ins';
import { hashAnswer, hashState, isStateOf, placeOf } from './state';
import { stateError } from './state-error';
import type { VisitorSession } from './visitor-session';

/** What claiming a sign-in needs. */
export type ClaimConfig = Pick<Config, 'pendingTtlMs' | 'timeoutMs' | 'owner'> &
  Pick<SignInParts, 'pendingKey' | 'instance' | 'formerInstances'> &
  Pick<SessionToken, 'labelIn'> &
  Pick<Endings, 'claimOnce' | 'announceMove'> & { readonly flights: CallbackFlights };

/** A sign-in to finish; nobody else may finish it any more. */
export interface WonClaim {
  readonly kind: 'won';
  readonly signIn: PendingSignIn;
  readonly answer: CodeAnswer;
  /**
   * Resolves once a disconnect with the old cookie can find that the session is about to move, or if the ledger fails.
   */
  readonly announced: Promise<void>;
}

/** Who claims, and how. */
export interface ClaimBy {
  /** The user of the app who is signed in at the callback. */
  readonly owner: Owner | undefined;
  /** Only for an answer with a code: called before anything is written; if it throws, nothing is written. */
  readonly beforeSpent: () => void;
}

/** Added to the provider's timeout: time for session store, `onConnect`, and a disconnect sent with the old cookie. */
const AFTER_EXCHANGE_MS = 60_000;

/**
 * Verifies the state of an answer (RFC 6749 §10.12) and marks it spent in the session; for an answer with a code, also
 * claims it in the ledger. The session stops replays in this session; the ledger stops a second exchange from a stale copy
 * or another process.
 * @throws ConnectError `ERR_CONNECT_STATE`, `ERR_CONNECT_STORE`, `ERR_CONNECT_LEDGER`; for an answer without a code,
 * the answer's own error
 */
export async function claimSignIn(
  session: VisitorSession,
  answer: Answer,
  config: ClaimConfig,
  { owner, beforeSpent }: ClaimBy,
): Promise<WonClaim | CallbackResult> {
  const { direct } = session.moves();
  if (answer.code !== undefined && direct.length > 0) {
    const before = await finishedAfterMove(direct, session, answer, config);
    if (before !== undefined) return before;
  }
  const claim = await spend(session, answer, config, { owner, beforeSpent });
  if (claim.kind === 'replay') return claim;
  if (answer.code === undefined) throw answer.error;
  const { signIn } = claim;
  // Another process may have read the same session before either had saved it, and a slow request that saves its old
  // copy of the session brings back a spent sign-in.
  if (!(await config.claimOnce(signIn.stateHash, config.pendingTtlMs))) {
    // This process then knows the result of the other callback, but must not give it to this one.
    const isDuplicateHere = config.flights.hasOthers(answer) || session.moves().sessionIds.length > 0;
    if (isDuplicateHere) throw stateError('used');
    debug('callback', 'claimed elsewhere');
    return { kind: 'elsewhere', returnTo: signIn.returnTo };
  }
  const { verified } = session.visitor;
  // The exchange need not wait for it: until the exchange is over, the session does not move.
  const announced =
    verified === undefined ? Promise.resolve() : config.announceMove(verified, config.timeoutMs + AFTER_EXCHANGE_MS);
  return { kind: 'won', signIn, answer, announced };
}

/**
 * Finds a sign-in that an earlier, identical callback has finished (the browser may have dropped its redirect). Only
 * the session into which this very sign-in moved the presented one counts: others, even later ones, belong to whoever
 * has their cookie. A session may have been planted by somebody, with sign-ins of their own.
 */
async function finishedAfterMove(
  moves: readonly Move[],
  session: VisitorSession,
  answer: CodeAnswer,
  { instance, formerInstances, pendingKey }: ClaimConfig,
): Promise<Finished | undefined> {
  const { state } = answer;
  const answerHash = hashAnswer(answer, instance);
  const stateHashes =
    state === undefined ? undefined : [instance, ...formerInstances].map((each) => hashState(state, each));
  for (const move of moves) {
    if (stateHashes?.every((hash) => !wasMovedBy(move, hash)) === true) continue;
    const { to: sessionId } = move;
    const stored = await session.read(sessionId);
    // The session moved there with this state, and has ended since.
    if (stored === undefined && state !== undefined) throw stateError('used');
    const marks = stored === undefined ? [] : (readSignIns(own(stored, pendingKey))?.spent ?? []);
    const mark = marks.find((one) => wasMovedBy(move, one.stateHash) && one.answerHash === answerHash);
    if (mark?.connectionId !== undefined && mark.returnTo !== undefined) {
      return { kind: 'finished', sessionId, connectionId: mark.connectionId, returnTo: mark.returnTo };
    }
  }
  return undefined;
}

/** Spends the state in the session. */
async function spend(
  session: VisitorSession,
  { state, code }: Answer,
  config: ClaimConfig,
  { owner, beforeSpent }: ClaimBy,
): Promise<{ readonly kind: 'pending'; readonly signIn: PendingSignIn } | Replay> {
  const { sessionId } = session.visitor;
  const isStartedHere = (): boolean => state !== undefined && isStateOf(state, placeOf(sessionId, config));
  const unknownSession = (): ConnectError => stateError(isStartedHere() ? 'overwritten' : 'no_session');
  // Without any sign-in in the session there is nothing to read, write or wait for.
  if (!holdsSignIns(own(session.loaded, config.pendingKey))) throw unknownSession();
  return session.update<{ kind: 'pending'; signIn: PendingSignIn } | Replay>(
    'spend',
    (stored) => {
      const signIns = readSignIns(own(stored, config.pendingKey));
      if (signIns === undefined) throw unknownSession();
      const now = Date.now();
      const found = findSignIn(signIns, state, now, config);
      if (found.kind === 'spent') return { signIns: undefined, result: replayOf(found.mark, stored, config) };
      if (found.kind === 'unknown' && !isFull(signIns) && isStartedHere()) throw stateError('overwritten');
      if (found.kind !== 'pending') throw stateError(found.kind);
      if (config.owner !== undefined && found.signIn.ownerTag !== owner?.tag) throw stateError('owner');
      if (code !== undefined) beforeSpent();
      const mark = markOf(found.signIn.stateHash, now);
      return { signIns: withMark(signIns, mark, now, config.pendingTtlMs), result: found };
    },
    () => stateError('no_session'),
  );
}

/** Back button or reload in the session that this sign-in connected: leads to the same place, without the provider. */
function replayOf({ connectionId, returnTo }: Mark, stored: StoredSession, config: ClaimConfig): Replay {
  const isConnected = connectionId !== undefined && config.labelIn(stored)?.connectionId === connectionId;
  if (returnTo === undefined || !isConnected) throw stateError('used');
  return { kind: 'replay', returnTo };
}
