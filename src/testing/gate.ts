/** Keeps calls back until a test lets them go. */
export interface Gate {
  /** Resolves at the next `release` (or `close`). */
  readonly hold: () => Promise<void>;
  /** Resolves after `ms` milliseconds, or at `close`. */
  readonly pause: (ms: number) => Promise<void>;
  /** Lets every held call go. */
  readonly release: () => void;
  /**
   * Resolves once at least `count` calls are being held. A call whose client has gone away still counts: it is here.
   * @throws Error when the sandbox is closed before that.
   */
  readonly waiting: (count: number) => Promise<void>;
  /** Lets everything go, for good. */
  readonly close: () => void;
}

interface Waiter {
  readonly count: number;
  resolve(): void;
  reject(reason: Error): void;
}

/** An open {@link Gate}. */
export function openGate(): Gate {
  const held = new Set<() => void>();
  const pauses = new Set<() => void>();
  let waiters: Waiter[] = [];

  function hold(): Promise<void> {
    return new Promise((resolve) => {
      held.add(resolve);
      const ready = waiters.filter((waiter) => held.size >= waiter.count);
      waiters = waiters.filter((waiter) => held.size < waiter.count);
      for (const waiter of ready) waiter.resolve();
    });
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      pauses.add(end);
    });
  }

  function release(): void {
    for (const letGo of held) letGo();
    held.clear();
  }

  function waiting(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (held.size >= count) resolve();
      else waiters.push({ count, resolve, reject });
    });
  }

  function close(): void {
    release();
    for (const end of pauses) end();
    for (const waiter of waiters) waiter.reject(new Error('The sandbox was closed before so many calls were held.'));
    waiters = [];
  }

  return { hold, pause, release, waiting, close };
}
