import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './turns';

/** The sandbox drips a byte every 20 ms. Nothing depends on how many have come. */
const DRIPPED_MS = 50;

/** A deadline of the code under test that ends at the test's word, so that no test waits for it or runs against it. */
export interface Deadline {
  /** To configure, in milliseconds: no other wait of a test may be as long. */
  readonly ms: number;
  /** Resolves once so many waits for this long are running. */
  readonly waiting: (count: number) => Promise<void>;
  /** Ends those that are running when it is called. */
  readonly pass: () => void;
  /** Ends those that are running when something holds, such as that the sandbox has a call, once a little was dripped. */
  readonly passDuring: (holds: () => boolean) => Promise<void>;
  /** Picks those that are running when it is called. @returns ends them: one that was started anew goes on */
  readonly pick: () => () => void;
}

/**
 * Gives each test of a file a deadline that it ends itself. Node's timers of exactly this length are noted when they
 * start; left alone they end by the clock, long after the test has failed.
 */
export function givenDeadline(ms = 54_321): Deadline {
  // Sooner than the clock ends a deadline that the test has forgotten.
  jest.setTimeout(50_000);
  const running = new Map<unknown, () => void>();
  let started = (): void => undefined;

  beforeEach(() => {
    const { setTimeout: start, clearTimeout: stop } = globalThis;
    jest.spyOn(globalThis, 'setTimeout').mockImplementation((run: () => void, delay?: number, ...given: []) => {
      const timer = start(run, delay, ...given);
      if (delay === ms) running.set(timer, run);
      started();
      return timer;
    });
    jest.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      running.delete(timer);
      stop(timer);
    });
  });
  afterEach(() => {
    for (const timer of [...running.keys()]) clearTimeout(timer as NodeJS.Timeout);
    jest.mocked(globalThis.setTimeout).mockRestore();
    jest.mocked(globalThis.clearTimeout).mockRestore();
  });

  function pick(): () => void {
    const picked = [...running];
    return () => {
      for (const [timer, run] of picked) {
        if (!running.has(timer)) continue;
        clearTimeout(timer as NodeJS.Timeout);
        run();
      }
    };
  }

  return {
    ms,
    waiting: (count) =>
      new Promise((resolve) => {
        started = () => {
          if (running.size >= count) resolve();
        };
        started();
      }),
    pass: () => pick()(),
    async passDuring(holds) {
      await until(holds);
      const end = pick();
      await sleep(DRIPPED_MS);
      end();
    },
    pick,
  };
}
