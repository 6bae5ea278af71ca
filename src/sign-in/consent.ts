import type { Request } from 'express';
import { ConnectError, isConnectError } from '../errors/connect-error';
import {
  destroyStored,
  readStored,
  type SessionConfig,
  type SessionRecord,
  type StoredSession,
} from '../session/store';
import type { SessionWatch } from '../session/gone-sessions';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import { watchAppChanges, type AppChanges } from './app-changes';
import { stateError } from './state-error';

/** What asking the app needs. */
export interface ConsentConfig extends SessionConfig {
  readonly onConnect?: ((req: Request, token: ConnectToken) => void | Promise<void>) | undefined;
  /** A token set as the app gets it. */
  readonly shownToken: (set: TokenSet) => ConnectToken;
}

/** What the app did to the session. */
export interface Consent {
  readonly changes: AppChanges;
  /** Undefined unless the app has regenerated the session. */
  readonly regenerated: Regenerated | undefined;
}

/** A session that the app has made in place of the old one. */
export interface Regenerated {
  /** It is in no store yet. */
  readonly session: StoredSession;
  /** What the store held of the old one. */
  readonly before: StoredSession;
}

const UNCHANGED: Consent = { changes: { set: {}, removed: [] }, regenerated: undefined };

/**
 * Asks the app. What it throws may hold anything, so only a ConnectError of its own goes on.
 * @throws ConnectError `ERR_CONNECT_STATE` when the session has ended: whatever the app saved in it is removed
 */
export async function consent(
  req: Request,
  set: TokenSet,
  watch: SessionWatch,
  config: ConsentConfig,
): Promise<Consent> {
  if (config.onConnect === undefined) return UNCHANGED;
  const { sessionID } = req;
  // The app may save the session, and nobody could tell afterwards that another process had ended it before.
  const before = await readStored(req, sessionID, 'callback', config);
  if (before === undefined) throw stateError('no_session');
  const changesSince = watchAppChanges(req.session as SessionRecord);
  try {
    // A copy: what the session gets is what the provider answered.
    await config.onConnect(req, config.shownToken(set));
  } catch (thrown) {
    throw isConnectError(thrown)
      ? atCallback(thrown)
      : new ConnectError('ERR_CONNECT_DENIED', {
          stage: 'callback',
          reason: 'on_connect',
          message: "The app's onConnect refused this sign-in.",
        });
  }
  // `destroy()` in onConnect: the visitor has no session any more that could be connected.
  if ((req as { session?: unknown }).session == null) throw stateError('no_session');
  const isRegenerated = req.sessionID !== sessionID;
  if (watch.ends() > (isRegenerated ? 1 : 0)) {
    await destroyStored(req, req.sessionID, 'callback', config).catch(() => undefined);
    throw stateError('no_session');
  }
  if (!isRegenerated) return { changes: changesSince(req.session as SessionRecord), regenerated: undefined };
  return { ...UNCHANGED, regenerated: { session: Object.fromEntries(Object.entries(req.session)), before } };
}

/** An error that the app made itself says nothing of where it arose. */
function atCallback(error: ConnectError): ConnectError {
  return Object.isExtensible(error) ? Object.assign(error, { stage: 'callback' }) : error;
}
