import type { Store } from 'express-session';

const tails = new WeakMap<Store, Map<string, Promise<unknown>>>();

/** How long to wait for a turn, and what to say after that. */
export interface LockPatience {
  /** Milliseconds. */
  readonly waitMs: number;
  readonly tooLate: () => Error;
}

/**
 * Runs `work` alone among all work of this process on the same session: express-session writes whole snapshots,
 * so two of our own writes at once would undo each other. Shared by all instances, as they share the document.
 * Work whose turn does not come within `waitMs` is refused and never begins.
 */
export async function withSessionLock<T>(
  store: Store,
  sessionId: string,
  { waitMs, tooLate }: LockPatience,
  work: () => Promise<T>,
): Promise<T> {
  const queues = tails.get(store) ?? new Map<string, Promise<unknown>>();
  tails.set(store, queues);
  const before = queues.get(sessionId) ?? Promise.resolve();
  const mine = new Promise<T>((resolve, reject) => {
    let refused = false;
    const timer = setTimeout(() => {
      refused = true;
      reject(tooLate());
    }, waitMs);
    const settled = before.then(async () => {
      clearTimeout(timer);
      if (!refused) await work().then(resolve, reject);
    });
    queues.set(sessionId, settled);
    void settled.then(() => {
      if (queues.get(sessionId) === settled) queues.delete(sessionId);
    });
  });
  return mine;
}
