/** What a test has written to stderr, where a message comes once a minute. */
export interface WatchedStderr {
  readonly lines: () => readonly string[];
  /** Lets time pass, by the clock of "once a minute". */
  readonly pass: (ms: number) => void;
  /** Forgets the lines so far, and lets a minute pass. */
  readonly clear: () => void;
}

const MINUTE_MS = 60_000;

/** Watches stderr in each test of a file; each comes a minute after the one before. */
export function watchStderr(): WatchedStderr {
  let nowMs = 0;
  let written: string[] = [];
  const clear = (): void => {
    nowMs += MINUTE_MS;
    written = [];
  };
  beforeEach(() => {
    clear();
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
  });
  afterEach(() => jest.restoreAllMocks());
  return { lines: () => written, pass: (ms) => void (nowMs += ms), clear };
}
