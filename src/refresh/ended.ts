import { boundedMap } from '../base/bounded-map';

/** Connections that ended in this process. */
export interface EndedConnections {
  readonly has: (connectionId: string) => boolean;
  readonly add: (connectionId: string) => void;
  /** Whether there has been any: asked on every request. */
  readonly any: () => boolean;
}

const REMEMBERED_MS = 24 * 3_600_000;
/** The tombstone in the ledger says the same for longer. A copy of what is forgotten here is served until it is due. */
const MOST_REMEMBERED = 100_000;

/**
 * Remembers connections that have ended, without any I/O: a slow request may save its old copy of a session over what
 * a disconnect has left, and a token that is not due yet would be served from there without asking the ledger.
 */
export function endedConnections(): EndedConnections {
  const ended = boundedMap<true>({ most: MOST_REMEMBERED });
  let isAny = false;
  return Object.freeze({
    any: (): boolean => isAny,
    has: (connectionId: string): boolean => ended.get(connectionId, Date.now()) === true,
    add(connectionId: string): void {
      isAny = true;
      ended.put(connectionId, true, { now: Date.now(), keepMs: REMEMBERED_MS });
    },
  });
}
