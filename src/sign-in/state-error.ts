import { ConnectError } from '../errors/connect-error';

const STATE_MESSAGES = {
  missing:
    'The callback came without state. The provider may not return it; if that is so, and after reading the ' +
    'security notes, set allowMissingState.',
  no_session:
    'The session that started this sign-in is not here. Likely causes: the cookie was not sent (sameSite, secure ' +
    'behind a proxy) or had run out (maxAge counts milliseconds), the visitor came by another host than that of redirectUri (localhost is not 127.0.0.1), or a ' +
    'MemoryStore lost its sessions at a restart.',
  overwritten:
    'This session has started the sign-in, but no longer knows of it: a request that began before the sign-in has saved ' +
    'its older copy of the session over it, in another process. Let requests of your app that take long neither change ' +
    'the session nor run with resave: true.',
  unknown:
    'This session has started no sign-in with this state: it belongs to another browser or instance, or was forged.',
  expired: 'The sign-in took longer than pendingTtlMs, or the clocks of this deployment disagree.',
  owner:
    'Another user of your app is signed in than at the start of this sign-in, or none. Likely causes: the visitor has logged in ' +
    "or out in between, or the login cookie has sameSite: 'strict', which browsers leave out when they come from the " +
    "provider: 'lax' is what it takes. Nothing was exchanged.",
  used: 'This state has been used before: a reload, a back button, or a replay.',
};

/**
 * A callback whose state does not finish a sign-in of this session.
 * @param message - where there is more to say than of the reason
 */
export function stateError(
  reason: keyof typeof STATE_MESSAGES,
  message: string = STATE_MESSAGES[reason],
): ConnectError {
  return new ConnectError('ERR_CONNECT_STATE', { stage: 'callback', reason, message });
}
