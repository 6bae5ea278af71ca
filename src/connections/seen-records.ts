import { createHash } from 'node:crypto';
import { boundedMap } from '../base/bounded-map';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { OwnerRecord } from './owner-record';

/** A record as it was read or written, with its version. */
export interface Found {
  readonly record: OwnerRecord;
  readonly version: string;
}

/** What was last seen of a record. */
export interface Seen {
  readonly connectionId: string;
  readonly generation: number;
  /** Hash of its access token, by which two of one generation differ. */
  readonly tokenHash: string;
  /** When the user connected, in milliseconds since 1970. */
  readonly since: number;
  readonly version: string;
  /** When the store was asked, in milliseconds since 1970. */
  readonly atMs: number;
}

/** What this process has seen of records in the last minute. */
export interface SeenRecords {
  /** Notes what was found. @param atMs - when the store was asked, in milliseconds since 1970 */
  readonly note: (owner: Owner, found: Found | undefined, atMs: number) => void;
  /** Undefined also for a connection that has ended. */
  readonly last: (owner: Owner) => Seen | undefined;
}

/** For so long a copy in a session is used without a look into the store: so late may it learn of an end elsewhere. */
const CURRENT_MS = 60_000;
/** One that is forgotten costs a look. */
const MOST_CURRENT = 20_000;

/** Nothing was seen yet. */
export function seenRecords(): SeenRecords {
  const seen = boundedMap<Seen>({ most: MOST_CURRENT });

  return Object.freeze({
    note(owner: Owner, found: Found | undefined, atMs: number): void {
      if (found?.record.kind !== 'connected') {
        seen.delete(owner.name);
        return;
      }
      const { set, since } = found.record;
      const { connectionId, generation } = set;
      const entry = { connectionId, generation, tokenHash: hashOf(set), since, version: found.version, atMs };
      seen.put(owner.name, entry, { now: atMs, keepMs: CURRENT_MS });
    },
    last(owner: Owner): Seen | undefined {
      const now = Date.now();
      const found = seen.get(owner.name, now);
      // A clock that was set back would keep it for longer than a minute.
      return found !== undefined && found.atMs <= now ? found : undefined;
    },
  });
}

/** What tells token sets of one generation apart: the token itself is not kept for a comparison. */
export function hashOf({ token }: TokenSet): string {
  return createHash('sha256').update(token.access_token).digest('base64url');
}
