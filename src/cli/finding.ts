/** `skip`: not looked at, and why. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

/** What was looked at. Stable: scripts read these words from `--json`. */
export type CheckName =
  | 'options'
  | 'option'
  | 'mount'
  | 'dns'
  | 'connection'
  | 'tls'
  | 'clock'
  | 'token-endpoint'
  | 'credentials'
  | 'request-format'
  | 'access-token-key';

/** One thing that was looked at, and what came of it. Holds no value of an option but hosts and choices: no path, either. */
export interface Finding {
  readonly check: CheckName;
  /** The variable, host or part that it is about, short. */
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was seen, a phrase. */
  readonly text: string;
  /** What to do; there is one wherever something fails. */
  readonly cure?: string;
}
