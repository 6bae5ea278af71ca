import { within } from '../base/within';
import type { Store } from 'express-session';

const tails = new WeakMap<Store, Map<string, Promise<unknown>>>();

/** How long to wait for a turn, and what to say after that. */
export interface LockPatience {
  /** Milliseconds. */
  readonly waitMs: number;
  readonly tooLate: () => Error;
}

/**
 * Runs `work` alone among all work of this process on the same session: express-session writes whole snapshots, so two
 * writes at once would undo each other. All instances share the lock, as they share the document. Work whose turn does
 * not come within `waitMs` is refused and never begins.
 */
export function withSessionLock<T>(
  store: Store,
  sessionId: string,
  { waitMs, tooLate }: LockPatience,
  work: () => Promise<T>,
): Promise<T> {
  const queues = tails.get(store) ?? new Map<string, Promise<unknown>>();
  tails.set(store, queues);
  const before = queues.get(sessionId);
  let isRefused = false;
  const mine =
    before === undefined
      ? work()
      : within(waitMs, before, () => {
          isRefused = true;
          throw tooLate();
        }).then(work);
  const release = (): void => {
    if (queues.get(sessionId) === settled) queues.delete(sessionId);
  };
  // The next caller waits for the work before this one, and for this one if it begins.
  const settled: Promise<void> =
    before === undefined
      ? mine.then(release, release)
      : before.then(() => (isRefused ? undefined : mine.then(nothing, nothing))).then(release);
  queues.set(sessionId, settled);
  return mine;
}

function nothing(): void {}
