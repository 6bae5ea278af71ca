import type { Request } from 'express';
import type { Store } from 'express-session';
import { hasEnded } from '../session/gone-sessions';
import { boundedMap } from '../base/bounded-map';
import { own } from '../base/own';
import { mergedSignIns, readSignIns, storedSignIns, type StoredSignIns } from './pending-sign-ins';

type Properties = Readonly<Record<string, unknown>>;

/**
 * How many sessions have their sign-ins remembered; a few KB each at most. When one is forgotten, an older copy can be
 * saved: then a sign-in is lost (403 `overwritten`), or a spent one is back, which the claim in the ledger refuses.
 */
const MOST_SESSIONS = 5_000;

/**
 * The sign-ins of each session as this process last wrote them. express-session writes whole snapshots: a request of
 * the app that loaded the session before a sign-in began, or ended, would overwrite it with its older copy.
 */
export interface RecentSignIns {
  /** @param stored - as they stand in the session */
  readonly note: (sessionId: string, stored: StoredSignIns) => void;
  /** To be called when the session has moved: whoever writes it from now on is refused. */
  readonly forget: (sessionId: string) => void;
  /**
   * The sign-ins of a session, if it does not hold them all.
   * @param held - those that it holds, of any shape
   */
  readonly newer: (sessionId: string, held: unknown, store: Store) => StoredSignIns | undefined;
  /** What the store is to keep in place of an older copy, whoever saves it; undefined: what the session holds. */
  readonly kept: (session: Properties) => Properties | undefined;
}

/** One for each instance: two instances never share a property of the session. */
export function recentSignIns({
  pendingKey,
  pendingTtlMs,
}: {
  readonly pendingKey: string;
  readonly pendingTtlMs: number;
}): RecentSignIns {
  const bySession = boundedMap<StoredSignIns>({ most: MOST_SESSIONS });

  function note(sessionId: string, stored: StoredSignIns): void {
    bySession.put(sessionId, stored, { now: Date.now(), keepMs: pendingTtlMs });
  }

  function newer(sessionId: string, held: unknown, store: Store): StoredSignIns | undefined {
    const found = bySession.get(sessionId, Date.now());
    if (found === undefined || found === held) return undefined;
    // Nearly always: nobody else has changed them. Reading both takes several times as long.
    if (JSON.stringify(found) === JSON.stringify(held)) return undefined;
    // The sign-ins of a session end with it.
    if (hasEnded(store, sessionId)) return undefined;
    return storedSignIns(mergedSignIns(readSignIns(found), readSignIns(held)));
  }

  function kept(session: Properties): Properties | undefined {
    const { req, id } = session as { readonly req?: Request; readonly id?: unknown };
    if (req === undefined || typeof id !== 'string') return undefined;
    const found = newer(id, own(session, pendingKey), req.sessionStore);
    return found === undefined ? undefined : { [pendingKey]: found };
  }

  return Object.freeze({ note, forget: bySession.delete, newer, kept });
}
