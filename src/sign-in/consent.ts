import type { Request } from 'express';
import { debug } from '../errors/debug';
import { ConnectError, isConnectError } from '../errors/connect-error';
import { placeOf } from '../errors/place';
import type { Config } from '../options/read';
import type { TokenSet } from '../session/connect-token';
import type { SessionToken } from './parts';
import { stateError } from './state-error';
import { UNCHANGED, type AppWork, type VisitorSession } from './visitor-session';

/** What asking the app for consent needs. */
export type ConsentConfig = Pick<Config, 'onConnect'> & Pick<SessionToken, 'shownToken'>;

/**
 * Asks the app for consent, by its `onConnect`.
 * @returns what it has done to the session meanwhile
 * @throws ConnectError `ERR_CONNECT_STATE` when the session has ended: whatever the app saved in it is removed
 */
export async function consent(
  req: Request,
  session: VisitorSession,
  set: TokenSet,
  { onConnect, shownToken }: ConsentConfig,
): Promise<AppWork> {
  if (onConnect === undefined) return UNCHANGED;
  return session.runAppHook(
    // A copy: the session gets what the provider answered.
    () => ask(async () => onConnect(req, shownToken(set))),
    () => stateError('no_session'),
  );
}

/** An error of the app may hold anything, so only a ConnectError is passed on. */
async function ask(app: () => Promise<unknown>): Promise<void> {
  try {
    await app();
  } catch (thrown) {
    if (isConnectError(thrown)) throw atCallback(thrown);
    const isFault = FAULTS.some((kind) => thrown instanceof kind);
    const reason = isFault ? 'fault' : 'on_connect';
    if (isFault) debug('onConnect', 'failed at', placeOf(thrown as Error));
    throw new ConnectError('ERR_CONNECT_DENIED', { stage: 'callback', reason, message: MESSAGES[reason] });
  }
}

/** What code throws by mistake. */
const FAULTS = [TypeError, ReferenceError, RangeError, SyntaxError];
const MESSAGES = {
  on_connect: "The app's onConnect refused this sign-in.",
  fault:
    'onConnect failed with an error that is a mistake in code, such as a TypeError; nobody was connected. ' +
    'NODE_DEBUG=connect-auth shows where.',
};

/** An error that the app made itself does not say where it arose. */
function atCallback(error: ConnectError): ConnectError {
  return Object.isExtensible(error) ? Object.assign(error, { stage: 'callback' }) : error;
}
