import type { Request } from 'express';
import { debug } from '../errors/debug';
import { mayHaveGone } from '../session/gone-sessions';
import { saveIfLiving, type LivingConfig } from '../session/living-session';
import { lockPatience, readStored, saveDocument, type SessionRecord, type StoredSession } from '../session/store';
import { withSessionLock } from '../session/lock';
import type { SessionTokens } from '../session/session-token';
import type { TokenSet } from '../session/connect-token';

/** The request that writes, and the session as it was when it began. */
export interface Holder {
  readonly req: Request;
  readonly session: SessionRecord;
  readonly sessionId: string;
  /** The app's part of `session` before anything was waited for. */
  readonly appPart: string;
}

interface WritesConfig extends LivingConfig {
  readonly tokens: SessionTokens;
}

/**
 * Puts a newer token set, which the session holds already, into the store, where only the token changes: what
 * other requests have written there meanwhile stays. A failure is not the request's: the ledger has the token set.
 *
 * Afterwards the session looks unmodified, so that express-session does not write this request's older copy over the
 * store's at the end; unless the app has changed something, and saves it anyway.
 * @param storedBefore - the app's part of the store's document when the request began; undefined: as it is now
 */
export async function persist(
  holder: Holder,
  set: TokenSet,
  storedBefore: string | undefined,
  config: WritesConfig,
): Promise<void> {
  const { tokens } = config;
  await write(holder, config, (stored) => {
    const before = storedBefore ?? tokens.appPart(stored);
    const unmodified = before === holder.appPart && isAsLoaded(holder, config);
    const found = tokens.readDocument(stored);
    const isOlder =
      found.kind === 'held' &&
      found.set.connectionId === set.connectionId &&
      (found.set.generation < set.generation ||
        (found.set.generation === set.generation && found.set.token.access_token !== set.token.access_token));
    if (!isOlder) return undefined;
    const document: Record<string, unknown> = { ...stored };
    tokens.write(document, set);
    if (unmodified) tokens.markStored(holder.session, set);
    return { document, unmodified };
  });
}

/** Takes an ended connection out of the session and the store, if it is still the one that is there. */
export async function clearStored(holder: Holder, set: TokenSet, config: WritesConfig): Promise<void> {
  const { tokens } = config;
  await write(holder, config, (stored) => {
    const found = tokens.readDocument(stored);
    const isThisOne =
      found.kind === 'held' && found.set.connectionId === set.connectionId && found.set.generation <= set.generation;
    if (!isThisOne) return undefined;
    const document: Record<string, unknown> = { ...stored };
    tokens.clear(document);
    tokens.clear(holder.session);
    return { document, unmodified: tokens.appPart(stored) === holder.appPart && isAsLoaded(holder, config) };
  });
}

/** Whether the app has changed nothing while the token was being fetched: that is still to be saved at the end. */
function isAsLoaded({ session, appPart }: Holder, { tokens }: WritesConfig): boolean {
  return tokens.appPart(session) === appPart;
}

/** A document to write; `unmodified`: the request has changed nothing of the app's part that is still to be saved. */
interface Change {
  readonly document: Record<string, unknown>;
  readonly unmodified: boolean;
}

/**
 * Changes the store's document under the session's lock.
 * @param decide - gives undefined when there is nothing to write
 */
async function write(
  { req, session, sessionId }: Holder,
  config: WritesConfig,
  decide: (stored: StoredSession) => Change | undefined,
): Promise<void> {
  try {
    await withSessionLock(req.sessionStore, sessionId, lockPatience('refresh', config), async () => {
      const stored = await readStored(req, sessionId, 'refresh', config);
      // Gone: the visitor has logged out meanwhile, and writing would bring the session back.
      if (stored === undefined || (req as { session?: unknown }).session !== session) return;
      if (mayHaveGone(req.sessionStore, session)) return;
      const change = decide(stored);
      if (change === undefined) return;
      await saveIfLiving(req, session, 'refresh', config, (onLate) =>
        saveDocument(req, { session, ...change }, 'refresh', config, onLate),
      );
    });
  } catch {
    debug('refresh', 'session not saved');
  }
}
