import type { Request } from 'express';
import type { Store } from 'express-session';
import type { ConnectStage } from '../errors/connect-error';
import { saveIfLiving, type LivingConfig } from '../session/living-session';
import { saveSession, type SessionRecord, type StoredSession } from '../session/store';

/** Names of our session properties. */
export interface OurKeys {
  readonly sessionKey: string;
  readonly oldLabelKey: string;
  readonly pendingKey: string;
}

/** Whether a document of the session store holds anything of ours. */
export function holdsOurs(stored: StoredSession, keys: OurKeys): boolean {
  return namesOf(keys).some((key) => Object.hasOwn(stored, key));
}

/**
 * Takes what is ours out of a stored session that is not this request's; its id and the app's data stay, and one that
 * ends meanwhile is not brought back. Call it under the lock of that session.
 * @param place - stands for the session, seen (`noteSeen`) before it was read
 * @throws ConnectError `ERR_CONNECT_STORE`
 */
export async function stripStored(
  req: Request,
  place: { readonly id: string },
  stored: StoredSession,
  stage: ConnectStage,
  config: OurKeys & LivingConfig,
): Promise<void> {
  const session = inflate(req.sessionStore, place.id, stored);
  for (const key of namesOf(config)) Reflect.deleteProperty(session, key);
  await saveIfLiving(req, place, stage, config, (onLate) => saveSession(req, session, stage, config, onLate));
}

/** As `Store.load` of express-session makes a session; the request keeps its own. */
function inflate(sessionStore: Store, sessionID: string, stored: StoredSession): SessionRecord {
  const bare = { sessionStore, sessionID };
  return (sessionStore as unknown as { createSession(req: object, data: unknown): SessionRecord }).createSession(bare, {
    ...stored,
  });
}

function namesOf({ sessionKey, oldLabelKey, pendingKey }: OurKeys): readonly string[] {
  return [sessionKey, oldLabelKey, pendingKey];
}
