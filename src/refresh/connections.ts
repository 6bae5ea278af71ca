import { ConnectError } from '../errors';
import { connectionHash, emit, endedEvent, type ConnectEventListener, type EndedReason } from '../events';
import { ledgerKey, type LedgerScope } from './box';
import type { EndedConnections } from './ended';
import type { RefreshLedger, Revoked } from './ledger';

/** What sign-in and disconnect ask of the ledger. */
export interface Connections {
  /**
   * Ends a connection for good: refreshes in flight drop what they get, in every process. The app is told by the first
   * end only, whoever calls for another.
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `disconnect`; a ledger that was only slow may end the connection all the same
   */
  readonly endConnection: (lineage: string, reason: EndedReason) => Promise<void>;
  /**
   * Claims a sign-in for this process.
   * @returns false when another process has it
   * @throws ConnectError `ERR_CONNECT_LEDGER` at stage `callback`
   */
  readonly claimOnce: (name: string, ttlMs: number) => Promise<boolean>;
  readonly ended: EndedConnections;
}

/** What that needs. */
export interface ConnectionsConfig extends LedgerScope {
  readonly ledger: RefreshLedger;
  readonly ended: EndedConnections;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** How long a tombstone stays: as long as the oldest copy of a session that could come back (90 days at most, as for records). */
const TOMBSTONE_MS = 90 * 24 * 3_600_000;

/** Ends connections and claims sign-ins by the ledger. */
export function connections(config: ConnectionsConfig): Connections {
  const { ledger, ended } = config;

  function away(stage: 'disconnect' | 'callback', operation: 'revoke' | 'once', subject: string): ConnectError {
    emit(config.onEvent, { type: 'ledger_error', time: Date.now(), connection: connectionHash(subject), operation });
    // The state of a callback is spent by now: coming again helps a disconnect only.
    return new ConnectError('ERR_CONNECT_LEDGER', {
      stage,
      reason: 'away',
      ...(stage === 'disconnect' ? { retryAfterSeconds: 2 } : {}),
    });
  }

  return Object.freeze({
    ended,
    async endConnection(lineage: string, reason: EndedReason): Promise<void> {
      let revoked: Revoked;
      try {
        revoked = await ledger.revoke(ledgerKey(config, lineage), TOMBSTONE_MS);
      } catch {
        throw away('disconnect', 'revoke', lineage);
      }
      ended.add(lineage);
      if (revoked.first) emit(config.onEvent, endedEvent(lineage, reason, Date.now()));
    },
    async claimOnce(name: string, ttlMs: number): Promise<boolean> {
      try {
        return await ledger.once(name, ttlMs);
      } catch {
        throw away('callback', 'once', name);
      }
    },
  });
}
