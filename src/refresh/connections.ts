import { createHash } from 'node:crypto';
import { emit } from '../errors/emit';
import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';
import {
  connectionHash,
  endedEvent,
  ledgerErrorReason,
  type ConnectEventListener,
  type EndedReason,
} from '../errors/events';
import { ledgerKey, type LedgerScope } from '../ledger/box';
import { endedConnections, type EndedConnections } from './ended';
import type { RefreshLedger, Revoked } from '../ledger/ledger';
import { tombstoneRetentionMs, type Ending } from '../ledger/retention';

/** What sign-in and disconnect ask of the ledger. */
export interface Connections {
  /**
   * Ends a connection for good: refreshes in flight drop what they get, in every process. Only the first end is
   * reported to the app, and none of a connection that it has never had.
   * @param ending - the tombstone outlives every copy of its session that could still be refreshed
   * @param reason - what is reported to the app; undefined: nothing
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `disconnect`; a ledger that was only slow may end the connection all the same
   */
  readonly endConnection: (ending: Ending, reason?: EndedReason) => Promise<void>;
  /**
   * Claims a sign-in for this process.
   * @returns false when another process has it
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `callback`
   */
  readonly claimOnce: (name: string, ttlMs: number) => Promise<boolean>;
  /**
   * Decides between a callback that is about to save its token and a disconnect: whichever comes first.
   * @param signIn - hash of its state
   * @param by - who asks; a disconnect that has ended a sign-in in this process may ask for it again
   * @returns false when the other was first
   * @throws ConnectError `ERR_CONNECT_LEDGER`
   */
  readonly claimEnding: (signIn: string, by: 'callback' | 'disconnect', ttlMs: number) => Promise<boolean>;
  /** Lets every process know that a callback came with this cookie: its session is about to move. Nobody need wait for it. */
  readonly announceMove: (cookie: string, ttlMs: number) => void;
  /** Whether a callback with this cookie was announced. @throws ConnectError `ERR_CONNECT_LEDGER` at stage `disconnect` */
  readonly isMoving: (cookie: string) => Promise<boolean>;
  readonly ended: EndedConnections;
}

/** What that needs. */
export interface ConnectionsConfig extends LedgerScope {
  readonly ledger: RefreshLedger;
  readonly ended: EndedConnections;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** A ledger only says whether a name was free, and then it is taken: for as short a time as there is. */
const LOOK_MS = 1;

/** Ends connections and claims sign-ins by the ledger. */
export function connections(config: ConnectionsConfig): Connections {
  const { ledger, ended } = config;
  const endedSignIns = endedConnections();

  function away(
    stage: 'disconnect' | 'callback',
    operation: 'revoke' | 'once',
    subject: string,
    error: unknown,
  ): ConnectError {
    const reason = ledgerErrorReason(error);
    // The state of a callback is spent by now: coming again helps a disconnect only.
    const failure = new ConnectError('ERR_CONNECT_LEDGER', {
      stage,
      reason: 'away',
      ...(stage === 'disconnect' ? { retryAfterSeconds: COME_AGAIN_SECONDS } : {}),
    });
    emit(config.onEvent, {
      type: 'ledger_error',
      connection: connectionHash(subject),
      operation,
      reason,
      reference: failure.reference,
    });
    return failure;
  }

  async function take(stage: 'disconnect' | 'callback', name: string, ttlMs: number): Promise<boolean> {
    try {
      return await ledger.once(name, ttlMs);
    } catch (error) {
      throw away(stage, 'once', name, error);
    }
  }

  return Object.freeze({
    ended,
    async endConnection(ending: Ending, reason?: EndedReason): Promise<void> {
      const { connectionId } = ending;
      let revoked: Revoked;
      try {
        revoked = await ledger.revoke(ledgerKey(config, connectionId), tombstoneRetentionMs(ending, Date.now()));
      } catch (error) {
        throw away('disconnect', 'revoke', connectionId, error);
      }
      ended.add(connectionId);
      if (revoked.first && reason !== undefined) emit(config.onEvent, endedEvent(connectionId, reason));
    },
    claimOnce: (name: string, ttlMs: number): Promise<boolean> => take('callback', name, ttlMs),
    async claimEnding(signIn: string, by: 'callback' | 'disconnect', ttlMs: number): Promise<boolean> {
      if (endedSignIns.has(signIn)) return by === 'disconnect';
      const isFirst = await take(by, nameOf('ending', signIn), ttlMs);
      // The rest of a disconnect may fail, and is tried again.
      if (isFirst && by === 'disconnect') endedSignIns.add(signIn);
      return isFirst;
    },
    announceMove(cookie: string, ttlMs: number): void {
      take('callback', nameOf('move', cookie), ttlMs).catch(() => undefined);
    },
    isMoving: async (cookie: string): Promise<boolean> => !(await take('disconnect', nameOf('move', cookie), LOOK_MS)),
  });
}

/** Names of several kinds in one ledger, of which nobody can tell what they stand for. */
function nameOf(kind: string, subject: string): string {
  return createHash('sha256').update(`connect-auth ${kind} v1\0${subject}`).digest('base64url');
}
