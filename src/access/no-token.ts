import { ownOnly } from '../base/own';
import { ConnectError } from '../errors/connect-error';
import type { OwnerRecord } from '../connections/owner-record';

/** What an error says about an ended connection, besides the reason. */
export interface EndDetails {
  readonly reference?: string | undefined;
  /** The app's own status, instead of the code's. */
  readonly status?: number | undefined;
}

/** Errors for a caller without a usable connection. */
export interface NoToken {
  readonly notConnected: (reason?: string) => ConnectError;
  readonly ended: (reason?: string, details?: EndDetails) => ConnectError;
  /** The error for the record of a user who is not connected. */
  readonly recorded: (record: Exclude<OwnerRecord, { kind: 'connected' }> | undefined) => ConnectError;
  /** The session holds a connection that was made while nobody was signed in: it does not belong to this user. */
  readonly madeByNobody: () => ConnectError;
  /** No key opens the token of the session. */
  readonly unreadable: () => ConnectError;
}

const MADE_BY_NOBODY =
  'The connection in this session was made while nobody was signed in, so it does not belong to the user who is signed in ' +
  'now. If the user was signed in all the time, mount connectAuth() after your login (passport.session()), not before it.';
const NO_CONNECTION = 'This user has no connected account: let them connect it in a browser.';
const UNREADABLE =
  'No key of encryptionKeys opens the token of this session: add the key that sealed it to the end of the list. ' +
  'The sealed token is kept.';

/** @param loginUrl - where the visitor can connect again */
export function noToken(loginUrl: string | undefined): NoToken {
  const restart = loginUrl === undefined ? {} : { loginUrl };
  const because = (reason: string | undefined): { readonly reason?: string } =>
    reason === undefined ? {} : { reason };

  function notConnected(reason?: string, message?: string): ConnectError {
    const said = message === undefined ? {} : { message };
    return new ConnectError('ERR_CONNECT_REQUIRED', { stage: 'refresh', ...restart, ...because(reason), ...said });
  }

  function ended(reason?: string, details: EndDetails = {}): ConnectError {
    const { reference, status } = ownOnly(details);
    return new ConnectError('ERR_CONNECT_EXPIRED', {
      stage: 'refresh',
      ...restart,
      ...because(reason),
      ...(reference === undefined ? {} : { reference }),
      ...(status === undefined ? {} : { status }),
    });
  }

  return Object.freeze({
    notConnected,
    ended,
    recorded(record: Exclude<OwnerRecord, { kind: 'connected' }> | undefined): ConnectError {
      // A user who has disconnected has no connection, as before the first one; any other end is news to them.
      const isTheirWish = record === undefined || record.reason === 'disconnected';
      return isTheirWish ? notConnected(record?.reason, NO_CONNECTION) : ended(record.reason);
    },
    madeByNobody: () => notConnected('nobody', MADE_BY_NOBODY),
    unreadable: () => new ConnectError('ERR_CONNECT_CONFIG', { stage: 'refresh', reason: 'key', message: UNREADABLE }),
  });
}
