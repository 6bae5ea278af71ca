import { randomText } from '../base/random-text';
import { sha256 } from '../base/sha256';
import { emit } from '../errors/emit';
import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';
import { aboutConnection, aboutLedgerError, type ConnectEventListener, type EndedReason } from '../errors/events';
import { ledgerKey, type LedgerScope } from '../ledger/box';
import type { OwnerConnections } from '../connections/owner-connections';
import type { ConnectionName, TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import { knownExpiry } from './due';
import { endedConnections, type EndedConnections } from './ended';
import type { RefreshLedger, Revoked } from '../ledger/ledger';
import { BRIEFLY_MS, tombstoneRetentionMs, type Ending } from '../ledger/retention';

/** The questions of sign-in and disconnect to the ledger. */
export interface Endings {
  /**
   * Ends a connection for good: refreshes in flight drop their results, in every process. Only the first end is
   * reported to the app, and never that of a connection that the app did not get.
   * @param ending - the tombstone outlives every copy of its session that could still be refreshed
   * @param reason - what is reported to the app; undefined: nothing
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `disconnect`; a ledger that was only slow may still end the
   * connection
   */
  readonly endConnection: (ending: Ending, reason?: EndedReason) => Promise<void>;
  /**
   * Claims a sign-in for this process.
   * @returns false when another process has it
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `callback`
   */
  readonly claimOnce: (name: string, ttlMs: number) => Promise<boolean>;
  /**
   * Decides between a callback that is about to save its token and a disconnect: the first one wins.
   * @param signIn - hash of its state
   * @param by - who asks; a disconnect that has ended a sign-in in this process may ask again
   * @returns false when the other was first
   * @throws ConnectError `ERR_CONNECT_LEDGER`
   */
  readonly claimEnding: (signIn: string, by: 'callback' | 'disconnect', ttlMs: number) => Promise<boolean>;
  /**
   * Lets every process know that a callback came with this cookie: its session is about to move. Never fails: if the
   * ledger fails, that is reported as an event, and nobody learns of the move.
   */
  readonly announceMove: (cookie: string, ttlMs: number) => Promise<void>;
  /** Whether a callback with this cookie was announced. @throws ConnectError `ERR_CONNECT_LEDGER` at stage `disconnect` */
  readonly isMoving: (cookie: string) => Promise<boolean>;
  /**
   * Ends the connection of a user, on every device: for all processes first, then in the record.
   * @returns the connection; undefined when there was none
   * @throws ConnectError `ERR_CONNECT_LEDGER`, `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`; then it may be tried again
   */
  readonly endOwner: (owner: Owner) => Promise<ConnectionName | undefined>;
  /**
   * Whether the ledger knows that a connection has ended; for a token set that the app brings from elsewhere.
   * @throws ConnectError `ERR_CONNECT_LEDGER`
   */
  readonly hasEnded: (set: TokenSet) => Promise<boolean>;
  readonly ended: EndedConnections;
}

/** What ending connections needs. */
export interface EndingsConfig extends LedgerScope {
  readonly ledger: RefreshLedger;
  readonly ended: EndedConnections;
  /** Undefined: no connection belongs to a user. */
  readonly connections: OwnerConnections | undefined;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** Asking the ledger whether a name is free takes the name; this is the shortest possible time. */
const LOOK_MS = 1;

/** For a claim that is given back at once. */
const LOOK_LEASE_MS = 1000;
const CLAIMANT_BYTES = 16;
const NOTHING_TRIED = {
  kind: 'transient',
  backoffMs: 0,
  error: 'not_sent',
  ambiguous: false,
  retentionMs: LOOK_LEASE_MS,
} as const;

/** Ends connections and claims sign-ins by the ledger. */
export function endings(config: EndingsConfig): Endings {
  const { ledger, ended } = config;
  const endedSignIns = endedConnections();

  function away(
    stage: 'disconnect' | 'callback' | 'refresh',
    operation: 'revoke' | 'once' | 'acquire',
    about: ConnectionName,
    error: unknown,
  ): ConnectError {
    // The state of a callback is spent by now: only a disconnect can be repeated.
    const failure = new ConnectError('ERR_CONNECT_LEDGER', {
      stage,
      reason: 'away',
      ...(stage === 'callback' ? {} : { retryAfterSeconds: COME_AGAIN_SECONDS }),
    });
    emit(config.onEvent, {
      type: 'ledger_error',
      ...aboutConnection(about),
      operation,
      ...aboutLedgerError(error),
      reference: failure.reference,
    });
    return failure;
  }

  function take(stage: 'disconnect' | 'callback', name: string, ttlMs: number): Promise<boolean> {
    return ledger.once(name, ttlMs).catch((error: unknown) => {
      throw away(stage, 'once', { connectionId: name, owner: undefined }, error);
    });
  }

  async function endConnection(ending: Ending, reason?: EndedReason): Promise<void> {
    const { connectionId } = ending;
    let revoked: Revoked;
    try {
      revoked = await ledger.revoke(ledgerKey(config, connectionId), tombstoneRetentionMs(ending, Date.now()));
    } catch (error) {
      throw away('disconnect', 'revoke', ending, error);
    }
    ended.add(connectionId);
    if (revoked.first && reason !== undefined) {
      emit(config.onEvent, { type: 'ended', ...aboutConnection(ending), reason });
    }
  }

  return Object.freeze({
    ended,
    endConnection,
    endOwner: async (owner: Owner): Promise<ConnectionName | undefined> =>
      config.connections?.end(owner, (set) => endConnection(endingOf(set), 'disconnected')),
    async hasEnded(set: TokenSet): Promise<boolean> {
      const { connectionId, generation } = set;
      const key = ledgerKey(config, connectionId);
      const claimant = randomText(CLAIMANT_BYTES);
      try {
        const times = { leaseMs: LOOK_LEASE_MS, minAgeMs: 0, retentionMs: BRIEFLY_MS };
        const found = await ledger.acquire(key, { generation, claimant, ...times });
        // Given back, so that the next refresh does not count this claim as an attempt with unknown outcome. If that
        // fails, it does no harm.
        if (found.kind === 'won') await ledger.fail(key, { claimant, ...NOTHING_TRIED }).catch(() => undefined);
        return found.kind === 'revoked' || found.kind === 'dead' || (found.kind === 'won' && found.ended);
      } catch (error) {
        throw away('refresh', 'acquire', set, error);
      }
    },
    claimOnce: (name: string, ttlMs: number): Promise<boolean> => take('callback', name, ttlMs),
    async claimEnding(signIn: string, by: 'callback' | 'disconnect', ttlMs: number): Promise<boolean> {
      if (endedSignIns.has(signIn)) return by === 'disconnect';
      const isFirst = await take(by, nameOf('ending', signIn), ttlMs);
      // The rest of a disconnect may fail and be repeated.
      if (isFirst && by === 'disconnect') endedSignIns.add(signIn);
      return isFirst;
    },
    async announceMove(cookie: string, ttlMs: number): Promise<void> {
      await take('callback', nameOf('move', cookie), ttlMs).catch(() => undefined);
    },
    isMoving: async (cookie: string): Promise<boolean> => !(await take('disconnect', nameOf('move', cookie), LOOK_MS)),
  });
}

/** The ending of a user's connection: how long its copies live is not known. */
export function endingOf(set: TokenSet): Ending {
  const { connectionId, owner } = set;
  return { connectionId, owner, expiresAt: knownExpiry(set), lifeMs: undefined };
}

/** Makes a ledger's name for a subject of some kind; the name does not reveal what it stands for. */
function nameOf(kind: string, subject: string): string {
  return sha256(`connect-auth ${kind} v1\0${subject}`);
}
