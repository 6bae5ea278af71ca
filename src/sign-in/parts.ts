import { own } from '../base/own';
import type { OwnerConnections } from '../connections/owner-connections';
import { sessionLifeMs, type Ending } from '../ledger/retention';
import type { Config } from '../options/read';
import { knownExpiry } from '../refresh/due';
import type { Owner, Owners } from '../session/owners';
import type { SessionTokens } from '../session/session-token';
import type { StoredSession } from '../session/store';
import type { RedirectUriOf } from '../web/redirect-uri';
import type { WithVisitorSession } from './visitor-session';

/** What the routes work with besides the options. */
export interface SignInParts {
  readonly owners: Owners;
  /** Undefined: no connection belongs to a user. */
  readonly connections: OwnerConnections | undefined;
  readonly withSession: WithVisitorSession;
  /** Session property of the pending sign-ins. */
  readonly pendingKey: string;
  /** Binds states to this instance. */
  readonly instance: string;
  /** What it was called before the list of redirect URIs changed. */
  readonly formerInstances: readonly string[];
  readonly redirectUriOf: RedirectUriOf;
}

/** How the routes see the token in a session, or in its document. */
export interface SessionToken {
  /** Writes a token set into a session, in the form in which the store is to keep it. */
  readonly putToken: SessionTokens['write'];
  /** A token set as the app gets it. */
  readonly shownToken: SessionTokens['shown'];
  /** The label of the token that it holds. */
  readonly labelIn: SessionTokens['labelIn'];
  /**
   * The connection that it holds, with what decides how long copies of it can live; only one that `owner` may end, or
   * without an owner anybody who has the session. A connection of another user is not theirs, even in their session.
   */
  readonly endingIn: (document: StoredSession, owner: Owner | undefined) => Ending | undefined;
}

/** How sign-in and disconnect see the token in a session. */
export function sessionToken(
  tokens: SessionTokens,
  { sessionTtlMs, owner: ownerOf }: Pick<Config, 'sessionTtlMs' | 'owner'>,
): SessionToken {
  const isOfUsers = ownerOf !== undefined;
  return {
    putToken: tokens.write,
    shownToken: tokens.shown,
    labelIn: tokens.labelIn,
    endingIn(document, owner) {
      const { connectionId, ownerTag } = tokens.labelIn(document) ?? {};
      if (connectionId === undefined || (isOfUsers && ownerTag !== undefined && ownerTag !== owner?.tag))
        return undefined;
      const found = tokens.readDocument(document);
      const expiresAt = found.kind === 'held' ? knownExpiry(found.set) : undefined;
      const lifeMs = sessionLifeMs(own(document, 'cookie'), sessionTtlMs);
      return { connectionId, owner: ownerTag === undefined ? undefined : owner?.name, expiresAt, lifeMs };
    },
  };
}
