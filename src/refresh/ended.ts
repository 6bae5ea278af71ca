/** Connections that ended in this process. */
export interface EndedConnections {
  readonly has: (connectionId: string) => boolean;
  readonly add: (connectionId: string) => void;
  /** Whether there is any: asked on every request. */
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
  const endedAt = new Map<string, number>();
  return Object.freeze({
    any: (): boolean => endedAt.size > 0,
    has: (connectionId: string): boolean => endedAt.has(connectionId),
    add(connectionId: string): void {
      const now = Date.now();
      // Insertion order is age order, so the forgettable ones stand in front.
      for (const [old, at] of endedAt) {
        if (now - at < REMEMBERED_MS && endedAt.size < MOST_REMEMBERED) break;
        endedAt.delete(old);
      }
      endedAt.set(connectionId, now);
    },
  });
}
