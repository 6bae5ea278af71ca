import { timedNames, type TimedNames } from '../base/timed-names';

/** A token and its expiry, as far as that is known. */
interface KnownToken {
  readonly access_token: string;
  /** Seconds since 1970. */
  readonly expires_at: number | undefined;
}

/** What this process knows about tokens that the API has refused. */
export interface ApiRefusals {
  /** The API has refused this token. @returns whether a refresh may help */
  readonly mayHelp: (token: KnownToken) => boolean;
  /** A refresh after a refusal brought this access token. */
  readonly brought: (accessToken: string) => void;
  /** The API has refused an access token that a refresh after a refusal brought: a refresh does not help. */
  readonly inVain: (accessToken: string) => void;
}

/** If the new token is refused within this time too, it did not help. */
const PROBATION_MS = 60_000;
/** Longer than access tokens live. */
const REMEMBERED_MS = 24 * 3_600_000;
/** If a forgotten token is refused again, it costs another refresh, which is remembered. */
const MOST_REMEMBERED = 10_000;

/**
 * Remembers tokens that the API refuses even after a refresh: an API that answers 401 for "not allowed" would otherwise
 * cost one refresh per call.
 */
export function apiRefusals(): ApiRefusals {
  // By access token.
  const onProbation = timedNames(MOST_REMEMBERED);
  const incurable = timedNames(MOST_REMEMBERED);

  return {
    mayHelp({ access_token, expires_at }) {
      // Only a refusal shows that it has expired, which may happen at any time: it is never due.
      if (expires_at === undefined) return !isMarked(incurable, access_token, REMEMBERED_MS - PROBATION_MS);
      if (isMarked(onProbation, access_token)) mark(incurable, access_token, REMEMBERED_MS);
      return !isMarked(incurable, access_token);
    },
    brought: (accessToken) => mark(onProbation, accessToken, PROBATION_MS),
    inVain: (accessToken) => mark(incurable, accessToken, REMEMBERED_MS),
  };
}

function mark(marks: TimedNames, accessToken: string, ms: number): void {
  const now = Date.now();
  marks.put(accessToken, now + ms, now);
}

function isMarked(marks: TimedNames, accessToken: string, remainingMs = 0): boolean {
  return marks.has(accessToken, Date.now() + remainingMs);
}
