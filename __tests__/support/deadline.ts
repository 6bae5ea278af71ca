/** A deadline of the code under test that ends at the test's word, so that no test waits for it or runs against it. */
export interface Deadline {
  /** To configure: no other wait of a test may be as long. */
  readonly ms: number;
  /** Ends every wait for this long that is running now. */
  readonly pass: () => void;
}

/**
 * Gives each test of a file a deadline that it ends itself. Node's timers of exactly this length are noted when they
 * start; left alone they end by the clock, long after the test has failed.
 */
export function givenDeadline(ms = 54_321): Deadline {
  const running = new Map<unknown, () => void>();
  const { setTimeout: start, clearTimeout: stop } = globalThis;

  beforeEach(() => {
    jest.spyOn(globalThis, 'setTimeout').mockImplementation((run: () => void, delay?: number, ...given: []) => {
      const timer = start(run, delay, ...given);
      if (delay === ms) running.set(timer, run);
      return timer;
    });
    jest.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      running.delete(timer);
      stop(timer);
    });
  });
  afterEach(() => {
    for (const timer of running.keys()) clearTimeout(timer as NodeJS.Timeout);
    jest.mocked(globalThis.setTimeout).mockRestore();
    jest.mocked(globalThis.clearTimeout).mockRestore();
  });

  return {
    ms,
    pass() {
      const ending = [...running];
      for (const [timer, run] of ending) {
        clearTimeout(timer as NodeJS.Timeout);
        run();
      }
    },
  };
}
