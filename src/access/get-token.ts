import type { Request } from 'express';
import type { Owners } from '../session/owners';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import type { Copy } from './copy';
import { ownerCopy, type OwnerCopyConfig } from './owner-copy';
import { sessionCopy, type SessionCopyConfig } from './session-copy';
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

/** Makes `getToken`. */
export function requestTokens(config: RequestTokensConfig, tokenOf: TokenOf): GetToken {
  const { connections } = config;
  const ofOwners = connections === undefined ? undefined : { ...config, connections };

  return async function getToken(req: Request, ask?: TokenRequest): Promise<ConnectToken> {
    return tokenOf(copyFor(req), ask);
  };

  function copyFor(req: Request): Copy {
    if (!config.owners.areGiven || ofOwners === undefined) return sessionCopy(req, () => true, config);
    // The session first: if there is none, its error is clearer than that of the app's function.
    const session = sessionCopy(req, (set: TokenSet) => set.ownerTag === owner?.tag, config);
    const owner = config.owners.of(req);
    return owner === undefined ? session : ownerCopy(owner, session, ofOwners);
  }
}
