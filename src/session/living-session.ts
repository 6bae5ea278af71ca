import type { Request } from 'express';
import type { Session } from 'express-session';
import { debug } from '../errors/debug';
import type { ConnectStage } from '../errors/connect-error';
import { hasGone, mayHaveGone } from './gone-sessions';
import { destroyStored, type SessionConfig } from './store';

/** What saving a session that may have ended needs. */
export interface LivingConfig extends SessionConfig {
  /** Whether another process has moved this session to another id; false also if that cannot be known. */
  readonly hasMoved: (sessionId: string) => Promise<boolean>;
}

/**
 * Saves a session that was read under its lock. Stores have no "write if it still exists", so this checks again after
 * writing: a session that ended between the read and the write exists again, with the visitor's login, and is removed.
 * @param save - calls `onLate` when the store answers after the time was up
 * @returns false when the session has ended; then it is not in the store
 * @throws ConnectError `ERR_CONNECT_STORE`
 */
export async function saveIfLiving(
  req: Request,
  session: Pick<Session, 'id'>,
  stage: ConnectStage,
  config: LivingConfig,
  save: (onLate: () => void) => Promise<void>,
): Promise<boolean> {
  const { id } = session;
  const hasEndedHere = (): boolean => hasGone(req.sessionStore, session);
  if (mayHaveGone(req.sessionStore, session)) return false;
  let lives = true;
  const takeBack = async (): Promise<void> => {
    if (!hasEndedHere() && !(await config.hasMoved(id))) return;
    lives = false;
    await destroyStored(req, id, stage, config);
  };
  // A store may have written despite its error, or may write after its time is up.
  const late = (): void => void takeBack().catch(() => debug(stage, 'session not taken back'));
  try {
    await save(late);
  } finally {
    await takeBack();
  }
  return lives;
}
