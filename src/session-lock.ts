import type { Store } from 'express-session';

const tails = new WeakMap<Store, Map<string, Promise<unknown>>>();

/**
 * Runs `work` alone among all work of this process on the same session: express-session writes whole snapshots,
 * so two of our own writes at once would undo each other. Shared by all instances, as they share the document.
 */
export async function withSessionLock<T>(store: Store, sessionId: string, work: () => Promise<T>): Promise<T> {
  const queues = tails.get(store) ?? new Map<string, Promise<unknown>>();
  tails.set(store, queues);
  const before = queues.get(sessionId) ?? Promise.resolve();
  // Each piece of work is bounded by the store timeouts inside it, so the queue always moves.
  const mine = before.then(work, work);
  const settled = mine.catch(() => undefined);
  queues.set(sessionId, settled);
  try {
    return await mine;
  } finally {
    if (queues.get(sessionId) === settled) queues.delete(sessionId);
  }
}
