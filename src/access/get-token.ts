import type { Request } from 'express';
import type { Owners } from '../session/owners';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import type { SessionRecord } from '../session/store';
import type { Copy, Place } from './copy';
import { ownerCopy, type OwnerCopyConfig } from './owner-copy';
import { sessionCopy, tokenSetIn, type SessionCopyConfig } from './session-copy';
import type { TokenOf, TokenRequest } from './token-source';

/**
 * Gives the visitor's usable token.
 * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`, or, when no valid token is left and none can be
 * obtained right now, `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_RATE_LIMITED`, `ERR_CONNECT_LEDGER`,
 * `ERR_CONNECT_CONFIG`; `ERR_CONNECT_CONFIG` also if no encryption key opens the stored token;
 * `ERR_CONNECT_NO_SESSION`, or `ERR_CONNECT_STORE` if the session store or the connection store is not available;
 * `ERR_CONNECT_OPTIONS` if option `owner` gives an unusable value
 */
export type GetToken = (req: Request, ask?: TokenRequest) => Promise<ConnectToken>;

/** What finding the token of a request needs. */
export interface RequestTokensConfig extends SessionCopyConfig, Omit<OwnerCopyConfig, 'connections'> {
  readonly owners: Owners;
  /** Undefined: no connection belongs to a user, and a session's token belongs to whoever has the session. */
  readonly connections: OwnerCopyConfig['connections'] | undefined;
}

/** As {@link GetToken}; gives a promise only where there is something to wait for, and throws what fails before. */
export type RequestToken = (...request: Parameters<GetToken>) => ReturnType<TokenOf>;

/** Makes a {@link RequestToken}. */
export function requestTokens(config: RequestTokensConfig, tokenOf: TokenOf): RequestToken {
  const { connections, owners } = config;
  const ofOwners = owners.areGiven && connections !== undefined ? { ...config, connections } : undefined;
  const placeFor =
    ofOwners === undefined
      ? (req: Request) => inSession(req, config)
      : (req: Request) => ofOwnerOf(req, owners, ofOwners);
  return (req, ask) => tokenOf(placeFor(req), ask);
}

const anybodys = (): boolean => true;

/** The token belongs to whoever has the session. */
function inSession(req: Request, config: RequestTokensConfig): Place {
  let session: SessionRecord;
  return {
    read: () => tokenSetIn((session = config.session(req, 'refresh')), anybodys, config),
    copy: () => sessionCopy(req, session, anybodys, config),
  };
}

/** The token belongs to the user who is signed in; while nobody is, to the session. */
function ofOwnerOf(req: Request, owners: Owners, config: SessionCopyConfig & OwnerCopyConfig): Place {
  let copy: Copy;
  return {
    read() {
      // The session first: if there is none, its error is clearer than that of the app's function.
      const session = config.session(req, 'refresh');
      const owner = owners.of(req);
      const isTheirs = (set: TokenSet): boolean => set.ownerTag === owner?.tag;
      const held = sessionCopy(req, session, isTheirs, config);
      if (owner === undefined) {
        copy = held;
        return tokenSetIn(session, isTheirs, config);
      }
      const recorded = ownerCopy(owner, held, config);
      copy = recorded;
      return recorded.read();
    },
    copy: () => copy,
  };
}
