import { sha256 } from '../base/sha256';
import { boundedMap } from '../base/bounded-map';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { OwnerRecord } from './owner-record';

/** A record as it was read or written, with its version. */
export interface Found {
  readonly record: OwnerRecord;
  readonly version: string;
}

/** A record as it was last seen. */
export interface Seen {
  readonly connectionId: string;
  readonly generation: number;
  /** Hash of its access token, to distinguish two token sets of one generation. */
  readonly tokenHash: string;
  /** When the user connected, in milliseconds since 1970. */
  readonly since: number;
  readonly version: string;
  /** When the store was asked, in milliseconds since 1970. */
  readonly atMs: number;
}

/** The records that this process has seen in the last minute. */
export interface SeenRecords {
  /** Notes what was found. @param atMs - when the store was asked, in milliseconds since 1970 */
  readonly note: (owner: Owner, found: Found | undefined, atMs: number) => void;
  /** Also undefined for a connection that has ended. */
  readonly last: (owner: Owner) => Seen | undefined;
}

/** How long a copy in a session is used without reading the store, and so how late an end elsewhere may be noticed. */
const CURRENT_MS = 60_000;
/** A forgotten one costs a read. */
const MOST_CURRENT = 20_000;

/** Starts with no records. */
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
      // If the clock was set back, it would be kept for longer than a minute.
      return found !== undefined && found.atMs <= now ? found : undefined;
    },
  });
}

/** Distinguishes token sets of one generation, without keeping the token itself. */
export function hashOf({ token }: TokenSet): string {
  return sha256(token.access_token);
}
