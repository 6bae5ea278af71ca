import type { TokenSet } from '../../src/session/connect-token';

/** A token set of no user, whose lifetime is not known; whatever is given counts instead. */
export function tokenSet(given: Pick<TokenSet, 'token' | 'connectionId' | 'generation'> & Partial<TokenSet>): TokenSet {
  return { lifetimeSeconds: undefined, owner: undefined, ownerTag: undefined, ...given };
}
