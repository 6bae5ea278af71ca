import { ConnectError } from '../errors/connect-error';

const STATE_MESSAGES = {
  missing:
    'The callback came without state. If the provider really does not return it, read the security notes and set ' +
    'allowMissingState.',
  no_session:
    'This request is not in the session that started the sign-in. Likely causes: the cookie was not sent (sameSite; or ' +
    "secure behind a proxy without app.set('trust proxy', 1)) or had expired (maxAge counts milliseconds), the visitor " +
    'used another host than that of redirectUri (localhost is not 127.0.0.1), or a MemoryStore lost its sessions at a ' +
    'restart.',
  overwritten:
    'This session started the sign-in but no longer holds it: a request in another process that began before the sign-in ' +
    'has saved its older copy of the session. Make sure that slow requests of your app do not change the session, and ' +
    'set resave: false.',
  unknown: 'No sign-in of this session has this state: it belongs to another browser or instance, or was forged.',
  expired: 'The sign-in took longer than pendingTtlMs, or the clocks of this deployment disagree.',
  owner:
    'The user of your app who started this sign-in is not the one who is signed in now. Likely causes: the visitor has ' +
    "logged in or out in between, or the login cookie has sameSite: 'strict', so that browsers do not send it when they " +
    "come from the provider: set it to 'lax'. Nothing was exchanged.",
  used: 'This state has been used before: a reload, a back button, or a replay.',
};

/**
 * A callback whose state does not finish a sign-in of this session.
 * @param message - in place of the message of the reason
 */
export function stateError(
  reason: keyof typeof STATE_MESSAGES,
  message: string = STATE_MESSAGES[reason],
): ConnectError {
  return new ConnectError('ERR_CONNECT_STATE', { stage: 'callback', reason, message });
}
