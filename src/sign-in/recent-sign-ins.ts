import type { Request } from 'express';
import { hasEnded } from '../session/gone-sessions';
import { boundedMap } from '../base/bounded-map';
import { own } from '../base/own';
import { mergedSignIns, readSignIns, storedSignIns, type SignIns } from './pending-sign-ins';

type Properties = Readonly<Record<string, unknown>>;

/**
 * Sessions whose sign-ins are remembered; a few KB each at most. Of one that is forgotten an older copy can be saved: then
 * a sign-in is lost, and says so (403 `overwritten`), or a spent one is there again, which the claim in the ledger refuses.
 */
const MOST_SESSIONS = 5_000;

/**
 * What this process has last written of the sign-ins of each session. express-session writes whole snapshots: a request
 * of the app that loaded the session before a sign-in began, or ended, would save its older copy over it.
 */
export interface RecentSignIns {
  readonly note: (sessionId: string, signIns: SignIns) => void;
  /** What the store is to keep in place of an older copy, whoever saves. */
  readonly kept: (session: Properties) => Properties;
}

/** One for each instance: two of them never share a property of the session. */
export function recentSignIns({
  pendingKey,
  pendingTtlMs,
}: {
  readonly pendingKey: string;
  readonly pendingTtlMs: number;
}): RecentSignIns {
  const bySession = boundedMap<SignIns>({ most: MOST_SESSIONS });

  function note(sessionId: string, signIns: SignIns): void {
    bySession.put(sessionId, signIns, { now: Date.now(), keepMs: pendingTtlMs });
  }

  function kept(session: Properties): Properties {
    const { req, id } = session as { readonly req?: Request; readonly id?: unknown };
    const found = typeof id === 'string' ? bySession.get(id, Date.now()) : undefined;
    if (req === undefined || found === undefined) return {};
    // With a session its sign-ins have ended.
    if (hasEnded(req.sessionStore, String(id))) return {};
    return { [pendingKey]: storedSignIns(mergedSignIns(found, readSignIns(own(session, pendingKey)))) };
  }

  return Object.freeze({ note, kept });
}
