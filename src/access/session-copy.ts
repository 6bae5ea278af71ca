import type { Request } from 'express';
import { within } from '../base/within';
import { debug } from '../errors/debug';
import type { ConnectStage } from '../errors/connect-error';
import { recordRetentionMs, sessionLifeMs } from '../ledger/retention';
import type { EndedConnections } from '../refresh/ended';
import { cameWithSession } from '../session/cookie';
import { mayHaveGone } from '../session/gone-sessions';
import { saveIfLiving, type LivingConfig } from '../session/living-session';
import { lockPatience, readStored, saveDocument, type SessionRecord, type StoredSession } from '../session/store';
import { withSessionLock } from '../session/lock';
import type { SessionTokens } from '../session/session-token';
import type { Held } from '../session/token-document';
import type { TokenSet } from '../session/connect-token';
import type { Copy } from './copy';
import type { NoToken } from './no-token';

/** What a copy in a session needs. */
export interface SessionCopyConfig extends LivingConfig {
  readonly session: (req: Request, stage: Extract<ConnectStage, 'refresh'>) => SessionRecord;
  readonly tokens: SessionTokens;
  readonly ended: EndedConnections;
  readonly noToken: NoToken;
  /** Milliseconds; the option of that name. */
  readonly sessionTtlMs?: number | undefined;
}

/**
 * The token set that a session holds.
 * @param isTheirs - whether a token set belongs to whoever makes the request; others are ignored
 * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`; `ERR_CONNECT_CONFIG` if no key opens it
 */
export function tokenSetIn(
  session: SessionRecord,
  isTheirs: (set: TokenSet) => boolean,
  { tokens, ended, noToken }: Pick<SessionCopyConfig, 'tokens' | 'ended' | 'noToken'>,
): TokenSet {
  const found = tokens.read(session);
  if (found.kind === 'unreadable') throw noToken.unreadable();
  if (found.kind !== 'held' || !isTheirs(found.set)) throw noToken.notConnected();
  if (ended.has(found.set.connectionId)) throw noToken.ended();
  return found.set;
}

/** The copy in a request's session. */
export interface SessionCopy extends Copy {
  /** What the session holds, whoever it belongs to. */
  readonly held: () => Held;
  /** Shows this token set, which the session holds, to the app. */
  readonly show: (set: TokenSet) => void;
  /** Replaces what is there, if anything, with a token set of another connection. Never fails. */
  readonly put: (set: TokenSet) => Promise<void>;
}

/**
 * The token set in the session of a request.
 * @param session - of the request, as it is now
 * @param isTheirs - as for {@link tokenSetIn}
 */
export function sessionCopy(
  req: Request,
  session: SessionRecord,
  isTheirs: (set: TokenSet) => boolean,
  config: SessionCopyConfig,
): SessionCopy {
  const { tokens, ended } = config;
  const { sessionID: sessionId } = req;
  /** The app's part of `session` before the first wait. */
  let appPart: string | undefined;
  /** The app's part of the store's document when this call began a refresh. */
  let storedBefore: Promise<string | undefined> | undefined;

  /** A newer token set that another request has put into this session, if any. */
  async function newer(set: TokenSet): Promise<TokenSet | undefined> {
    // If `genid` repeats itself, the store holds another visitor's session under the id of a new one.
    if (!cameWithSession(req)) return undefined;
    const document = await readStored(req, sessionId, 'refresh', config).catch(() => undefined);
    const found = document === undefined ? undefined : tokens.readDocument(document);
    if (found?.kind !== 'held' || !isTheirs(found.set) || ended.has(found.set.connectionId)) return undefined;
    const isNewer = found.set.connectionId !== set.connectionId || found.set.generation > set.generation;
    return isNewer ? found.set : undefined;
  }

  /**
   * Puts a token set that the session already holds into the store. Only the token changes there: writes of other
   * requests stay. Afterwards the session looks unmodified, so that express-session does not overwrite the store's
   * document with this request's older copy, unless the app has changed something itself.
   * @param before - the app's part of the store's document when the request began; undefined: as it is now
   */
  async function put(set: TokenSet, mayReplace: (found: Held) => boolean, before?: string): Promise<void> {
    await write((stored) => {
      const unmodified = (before ?? tokens.appPart(stored)) === appPart && isAsLoaded();
      if (!mayReplace(tokens.readDocument(stored))) return undefined;
      const document: Record<string, unknown> = { ...stored };
      tokens.write(document, set);
      if (unmodified) tokens.markStored(session, set);
      return { document, unmodified };
    });
  }

  /** Whether the app has changed nothing while the token was being fetched: its changes must be saved at the end. */
  function isAsLoaded(): boolean {
    return tokens.appPart(session) === appPart;
  }

  /**
   * Changes the store's document under the session's lock. A failure does not fail the request.
   * @param decide - gives undefined when there is nothing to write
   */
  async function write(decide: (stored: StoredSession) => Change | undefined): Promise<void> {
    try {
      await withSessionLock(req.sessionStore, sessionId, lockPatience('refresh', config), async () => {
        const stored = await readStored(req, sessionId, 'refresh', config);
        // It is gone if the visitor has logged out meanwhile; writing would bring the session back.
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

  return {
    held: () => tokens.read(session),
    show(set): void {
      if (tokens.isHidden(session)) tokens.hold(session, set);
    },
    begin(): void {
      appPart ??= tokens.appPart(session);
    },
    beforeRefresh(): void {
      storedBefore ??= readStored(req, sessionId, 'refresh', config)
        .then((document) => (document === undefined ? undefined : tokens.appPart(document)))
        .catch(() => undefined);
    },
    newer,
    hold: (set) => tokens.hold(session, set),
    async persist(set, isRefreshed): Promise<void> {
      const before = isRefreshed ? await storedBefore : undefined;
      await put(set, (found) => found.kind === 'held' && isOlder(found.set, set), before);
    },
    async put(set): Promise<void> {
      // A session that was made for this request is not stored yet; any save of it saves the token, too.
      if (!cameWithSession(req)) return;
      const work = put(set, (found) => found.kind !== 'held' || !isNewerOf(found.set, set));
      // A slow store does not hold up a request that has a token: the write continues.
      await within(config.storeTimeoutMs, work, () => undefined);
    },
    record: () => undefined,
    /** Removes an ended connection from the session and the store, unless another one has replaced it. */
    async clear(set): Promise<void> {
      await write((stored) => {
        const found = tokens.readDocument(stored);
        const isThisOne =
          found.kind === 'held' &&
          found.set.connectionId === set.connectionId &&
          found.set.generation <= set.generation;
        if (!isThisOne) return undefined;
        const document: Record<string, unknown> = { ...stored };
        tokens.clear(document);
        tokens.clear(session);
        return { document, unmodified: tokens.appPart(stored) === appPart && isAsLoaded() };
      });
    },
    retentionMs: () => recordRetentionMs(sessionLifeMs(session.cookie, config.sessionTtlMs)),
  };
}

/** A document to write; `unmodified`: this request has no changes to the app's part left to save. */
interface Change {
  readonly document: Record<string, unknown>;
  readonly unmodified: boolean;
}

/** Whether `set`, of the same connection, is to replace `found`. */
function isOlder(found: TokenSet, set: TokenSet): boolean {
  if (found.connectionId !== set.connectionId) return false;
  if (found.generation !== set.generation) return found.generation < set.generation;
  return found.token.access_token !== set.token.access_token;
}

/** Whether `found` has the same connection and owner as `set`, and is at least as new. */
function isNewerOf(found: TokenSet, set: TokenSet): boolean {
  const isSame = found.connectionId === set.connectionId && found.ownerTag === set.ownerTag;
  return isSame && found.generation >= set.generation;
}
