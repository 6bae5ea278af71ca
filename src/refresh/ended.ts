import { timedNames } from '../base/timed-names';

/** Connections that ended in this process. */
export interface EndedConnections {
  readonly has: (connectionId: string) => boolean;
  readonly add: (connectionId: string) => void;
  /** Whether there has been any; cheap, because it is asked on every request. */
  readonly any: () => boolean;
}

const REMEMBERED_MS = 24 * 3_600_000;
/**
 * The tombstone in the ledger lasts longer. If a connection is forgotten here, a copy of its token is served until it
 * is due.
 */
const MOST_REMEMBERED = 100_000;

/**
 * Remembers connections that have ended, without any I/O: a slow request may save its old copy of a session after a
 * disconnect, and a token in it that is not due yet would be served without asking the ledger.
 */
export function endedConnections(): EndedConnections {
  const ended = timedNames(MOST_REMEMBERED);
  let isAny = false;
  return Object.freeze({
    any: (): boolean => isAny,
    has: (connectionId: string): boolean => isAny && ended.has(connectionId, Date.now()),
    add(connectionId: string): void {
      isAny = true;
      const now = Date.now();
      ended.put(connectionId, now + REMEMBERED_MS, now);
    },
  });
}
