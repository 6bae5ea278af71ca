import { sha256 } from '../base/sha256';
import { boundedMap, type BoundedMap } from '../base/bounded-map';

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

type Marks = BoundedMap<true>;

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
  const onProbation: Marks = boundedMap({ most: MOST_REMEMBERED });
  const incurable: Marks = boundedMap({ most: MOST_REMEMBERED });

  function mark(marks: Marks, name: string, ms: number): void {
    marks.put(name, true, { now: Date.now(), keepMs: ms });
  }

  const isMarked = (marks: Marks, name: string, remainingMs = 0): boolean =>
    (marks.expiresAt(name, Date.now()) ?? 0) > Date.now() + remainingMs;

  return {
    mayHelp({ access_token, expires_at }) {
      const name = nameOf(access_token);
      // Only a refusal shows that it has expired, which may happen at any time: it is never due.
      if (expires_at === undefined) return !isMarked(incurable, name, REMEMBERED_MS - PROBATION_MS);
      if (isMarked(onProbation, name)) mark(incurable, name, REMEMBERED_MS);
      return !isMarked(incurable, name);
    },
    brought: (accessToken) => mark(onProbation, nameOf(accessToken), PROBATION_MS),
    inVain: (accessToken) => mark(incurable, nameOf(accessToken), REMEMBERED_MS),
  };
}

/** Tokens are not kept in memory outside sessions. */
function nameOf(accessToken: string): string {
  return sha256(accessToken);
}
