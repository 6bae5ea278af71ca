/** `skip`: not looked at, and why. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'skip';

/**
 * What is looked at, and under which heading of the report its findings stand; for each heading there is a file of
 * findings. Stable: scripts read the names from `--json`.
 */
export const CHECKS = {
  options: 'Configuration',
  option: 'Configuration',
  mount: 'Configuration',
  dns: 'Network',
  connection: 'Network',
  tls: 'Network',
  clock: 'Network',
  'token-endpoint': 'Token endpoint',
  credentials: 'Token endpoint',
  'request-format': 'Token endpoint',
  'access-token-key': 'Token endpoint',
} as const;

/** What a finding is about. */
export interface Subject {
  readonly check: keyof typeof CHECKS;
  /** The variable, host or part, short. */
  readonly subject: string;
}

/** One thing that was looked at, and what came of it. Holds no value of an option but hosts and choices: no path, either. */
export interface Finding extends Subject {
  readonly verdict: Verdict;
  /** What was seen, a phrase. */
  readonly text: string;
  /** What to do; there is one wherever something fails. */
  readonly cure?: string;
}

export function ok(about: Subject, text: string): Finding {
  return { ...about, verdict: 'ok', text };
}

export function warn(about: Subject, text: string, cure: string): Finding {
  return { ...about, verdict: 'warn', text, cure };
}

export function fail(about: Subject, text: string, cure: string): Finding {
  return { ...about, verdict: 'fail', text, cure };
}

export function skip(about: Subject, text: string): Finding {
  return { ...about, verdict: 'skip', text };
}
