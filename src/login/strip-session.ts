import type { Request } from 'express';
import type { Store } from 'express-session';
import type { ConnectStage } from '../errors';
import { saveSession, type SessionConfig, type SessionRecord, type StoredSession } from '../session';

/** Names of our session properties. */
export interface OurKeys {
  readonly sessionKey: string;
  readonly lineageKey: string;
  readonly pendingKey: string;
}

/** Whether a document of the session store holds anything of ours. */
export function holdsOurs(stored: StoredSession, keys: OurKeys): boolean {
  return namesOf(keys).some((key) => Object.hasOwn(stored, key));
}

/**
 * Takes what is ours out of a stored session; its id and the app's data stay. Call it under the lock of that session.
 * @throws ConnectError `ERR_CONNECT_STORE`
 */
export async function stripStored(
  req: Request,
  sessionId: string,
  stored: StoredSession,
  stage: ConnectStage,
  config: OurKeys & SessionConfig,
): Promise<void> {
  const session = inflate(req.sessionStore, sessionId, stored);
  for (const key of namesOf(config)) Reflect.deleteProperty(session, key);
  await saveSession(req, session, stage, config);
}

/** As `Store.load` of express-session makes a session; the request keeps its own. */
function inflate(sessionStore: Store, sessionID: string, stored: StoredSession): SessionRecord {
  const bare = { sessionStore, sessionID };
  return (sessionStore as unknown as { createSession(req: object, data: unknown): SessionRecord }).createSession(bare, {
    ...stored,
  });
}

function namesOf({ sessionKey, lineageKey, pendingKey }: OurKeys): readonly string[] {
  return [sessionKey, lineageKey, pendingKey];
}
