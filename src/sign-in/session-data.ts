import { asLoaded } from '../session/hooks';
import type { StoredSession } from '../session/store';

/** Names of the session properties of this package. */
export interface OurKeys {
  readonly sessionKey: string;
  readonly oldLabelKey: string;
  readonly pendingKey: string;
}

/** The names for a `sessionKey`. */
export function ourKeys({ sessionKey }: Pick<OurKeys, 'sessionKey'>): OurKeys {
  // By default connectPending, and connectLineage of 0.1.0; otherwise the names begin with the whole key.
  const stem = sessionKey === 'connectToken' ? 'connect' : sessionKey;
  return { sessionKey, oldLabelKey: `${stem}Lineage`, pendingKey: `${stem}Pending` };
}

/** All of them. */
export function ourProperties({ sessionKey, oldLabelKey, pendingKey }: OurKeys): readonly string[] {
  return [sessionKey, oldLabelKey, pendingKey];
}

/** Whether a session, or a document of the session store, holds anything of this package. */
export function holdsOurs(stored: StoredSession, keys: OurKeys): boolean {
  return ourProperties(keys).some((key) => Object.hasOwn(stored, key));
}

/** What the app did to its own part of a session: values to set, and keys to remove. */
export interface AppChanges {
  readonly set: Readonly<Record<string, unknown>>;
  readonly removed: readonly string[];
}

/**
 * Watches a session from now on. `onConnect` is the natural place for `req.session.userId = …`; those changes are not
 * in the store yet, from which the new session is copied, so they are carried over.
 * @returns a function that gives what has changed since; it takes the current session, because `reload()` makes another
 * object
 */
export function watchAppChanges(
  before: Readonly<Record<string, unknown>>,
): (session: Readonly<Record<string, unknown>>) => AppChanges {
  // Not as it is read: the token of another instance may be hidden.
  const old = snapshot(asLoaded(before));
  return function changesSince(current): AppChanges {
    const session = asLoaded(current);
    const after = snapshot(session);
    const changed = Object.keys(session).filter((key) => after.get(key) !== old.get(key));
    return {
      set: Object.fromEntries(changed.map((key) => [key, session[key]])),
      removed: [...old.keys()].filter((key) => !after.has(key)),
    };
  };
}

/** By JSON, the form in which stores keep a session. */
function snapshot(session: Readonly<Record<string, unknown>>): ReadonlyMap<string, string | undefined> {
  return new Map(Object.entries(session).map(([key, value]) => [key, JSON.stringify(value) as string | undefined]));
}
