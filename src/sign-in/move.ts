import { own } from '../base/own';
import type { Ending } from '../ledger/retention';
import type { Config } from '../options/read';
import type { Endings } from '../refresh/endings';
import type { StoredSession } from '../session/store';
import type { Owner } from '../session/owners';
import type { TokenSet } from '../session/connect-token';
import {
  readSignIns,
  storedSignIns,
  withMark,
  withoutReplays,
  type PendingSignIn,
  type SignIns,
} from './pending-sign-ins';
import { hashAnswer } from './state';
import type { CodeAnswer } from './answer';
import type { SessionToken, SignInParts } from './parts';
import { stateError } from './state-error';
import type { AppWork, VisitorSession } from './visitor-session';

/** What moving a visitor to their connected session needs. */
export type MoveConfig = Pick<Config, 'pendingTtlMs' | 'storeTimeoutMs'> &
  Pick<SignInParts, 'pendingKey' | 'instance'> &
  Pick<SessionToken, 'putToken' | 'endingIn'> &
  Pick<Endings, 'claimEnding'>;

/** What a sign-in was granted. */
export interface Grant {
  readonly signIn: PendingSignIn;
  readonly answer: CodeAnswer;
  readonly set: TokenSet;
  /** The user of the app whose connection it is, if somebody is signed in. */
  readonly owner: Owner | undefined;
}

/** What the new session is to hold: this, and the app's own data. */
export type Connection = Grant &
  AppWork & {
    /** Records it for its user, where there is one. @throws ConnectError */
    readonly record: () => Promise<unknown>;
  };

/** How the visitor has moved. */
export interface Moved {
  readonly sessionId: string;
  /** The connection that this sign-in has replaced in the session, if any. */
  readonly replaced: Ending | undefined;
}

/** Added to the store's timeouts after a claim, so that a process that stalls for a moment does not lose its claim. */
const STANDSTILL_MS = 30_000;
/** The save of the new session, the destroy of the old one, and a read where that failed. */
const STORE_OPERATIONS = 3;
/** The record of a user is read and written, more than once if somebody else is faster. */
const RECORD_OPERATIONS = 4;

/**
 * Moves the visitor to a session with a new id (against session fixation) that holds the token and all of the app's
 * data. Afterwards `req.session` is the new session.
 * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_LEDGER`, or `ERR_CONNECT_STATE` when the session has ended
 */
export function moveToNewSession(session: VisitorSession, connection: Connection, config: MoveConfig): Promise<Moved> {
  const { changes, regenerated, signIn, set, owner } = connection;
  const endsByUs = regenerated === undefined ? 0 : 1;
  return session.withLock(async () => {
    // Read again: other requests may have changed the app's data while the provider was asked.
    const old = regenerated?.session ?? (await session.read());
    // The visitor has logged out of the app, or disconnected, meanwhile; nothing may bring that session back.
    if (old === undefined) throw ended();
    // From here on, either this callback or a disconnect in any process has won, and both know which.
    const operations = STORE_OPERATIONS + (owner === undefined ? 0 : RECORD_OPERATIONS);
    const ttlMs = operations * config.storeTimeoutMs + STANDSTILL_MS;
    if (!(await config.claimEnding(signIn.stateHash, 'callback', ttlMs))) throw ended();
    const ours = regenerated?.before ?? old;
    const sessionId = await session.renew(old, {
      changes,
      by: signIn.stateHash,
      fill(fresh) {
        fresh[config.pendingKey] = storedSignIns(signInsAfter(ours, connection, config));
        config.putToken(fresh, set);
      },
      async beforeOldEnds() {
        // A logout elsewhere shows only in the session being gone, unless the app has regenerated it.
        if (regenerated === undefined && (await session.read()) === undefined) throw ended();
        // A logout in this process is counted, even one that read the session just before it moves.
        if (session.endCount() > endsByUs) throw ended();
        // The last step that may take long and fail: until the old session is gone, others could find a connection that
        // is then undone.
        await connection.record();
        if (session.endCount() > endsByUs) throw ended();
      },
      afterOldEnds() {
        // By now it has been ended once: by this move, or by the app when it regenerated it.
        if (session.endCount() > 1) throw ended();
      },
      // Two sign-ins of one session at once: the browser keeps one cookie, so nobody could end the other connection.
      movedElsewhere() {
        throw ended();
      },
    });
    return { sessionId, replaced: config.endingIn(ours, owner) };
  });
}

function ended(): ReturnType<typeof stateError> {
  return stateError('no_session');
}

function signInsAfter(old: StoredSession, { signIn, answer, set }: Connection, config: MoveConfig): SignIns {
  const before = withoutReplays(readSignIns(own(old, config.pendingKey)) ?? { pending: [], spent: [] });
  const now = Date.now();
  const { stateHash, returnTo } = signIn;
  const mark = {
    stateHash,
    spentAt: now,
    returnTo,
    connectionId: set.connectionId,
    answerHash: hashAnswer(answer, config.instance),
  };
  return withMark(before, mark, now, config.pendingTtlMs);
}
