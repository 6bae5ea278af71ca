import type { StoredSession } from '../session/store';

/** Names of our session properties. */
export interface OurKeys {
  readonly sessionKey: string;
  readonly oldLabelKey: string;
  readonly pendingKey: string;
}

/** All of them. */
export function ourProperties({ sessionKey, oldLabelKey, pendingKey }: OurKeys): readonly string[] {
  return [sessionKey, oldLabelKey, pendingKey];
}

/** Whether a session, or a document of the session store, holds anything of ours. */
export function holdsOurs(stored: StoredSession, keys: OurKeys): boolean {
  return ourProperties(keys).some((key) => Object.hasOwn(stored, key));
}
