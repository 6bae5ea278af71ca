import { isConnectError } from '../errors/connect-error';
import { ENDED_REASONS } from '../errors/events';
import { MOST_RECORD_MS } from '../ledger/retention';
import type { OwnerConnections } from '../connections/owner-connections';
import { isHardExpired } from '../refresh/due';
import type { EndedConnections } from '../refresh/ended';
import { endingOf, type Endings } from '../refresh/endings';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { Copy, Place } from './copy';
import type { NoToken } from './no-token';
import type { SessionCopy } from './session-copy';

/** What a copy of a user's connection needs. */
export interface OwnerCopyConfig extends Pick<Endings, 'endConnection'> {
  readonly connections: OwnerConnections;
  readonly ended: EndedConnections;
  readonly noToken: NoToken;
}

/**
 * The token set of a user of the app: the one that is recorded for them. If the caller is a request, the session has a
 * copy of it, which is used for a minute without reading the record.
 * @param session - of the request; undefined: there is none
 */
export function ownerCopy(
  owner: Owner,
  session: SessionCopy | undefined,
  config: OwnerCopyConfig,
): Copy & Pick<Place, 'read'> {
  const { connections, ended, noToken } = config;

  /** The copy in the session, if it is this user's. */
  function inSession(): TokenSet | undefined {
    const found = session?.held();
    return found?.kind === 'held' && found.set.ownerTag === owner.tag ? { ...found.set, owner: owner.name } : undefined;
  }

  function isLiving(set: TokenSet | undefined): set is TokenSet {
    return set !== undefined && !ended.has(set.connectionId);
  }

  /** A valid token can be used while the store cannot be reached. */
  function isAllThereIs(mine: TokenSet): boolean {
    return connections.isAway() && !isHardExpired(mine, Date.now());
  }

  /** The connection that was made in this session while nobody was signed in. */
  function nobodys(): TokenSet | undefined {
    const found = session?.held();
    return found?.kind === 'held' && found.set.ownerTag === undefined ? found.set : undefined;
  }

  /** Ends that connection, as a sign-in would. */
  function endNobodys(theirs: TokenSet): void {
    const set = nobodys();
    if (set !== undefined && set.connectionId !== theirs.connectionId)
      void config.endConnection(endingOf(set), 'replaced').catch(() => undefined);
  }

  async function load(mine: TokenSet | undefined): Promise<TokenSet> {
    let record;
    try {
      record = await connections.load(owner, 'refresh');
    } catch (error) {
      // A valid token can be used without the store.
      const isAway = isConnectError(error) && error.code === 'ERR_CONNECT_STORE';
      if (isAway && isLiving(mine) && !isHardExpired(mine, Date.now())) return mine;
      throw error;
    }
    if (record?.kind !== 'connected' || !isLiving(record.set)) {
      if (mine !== undefined) await session?.clear(mine, '');
      if (record?.kind === 'connected') throw noToken.ended('revoked');
      throw nobodys() === undefined ? noToken.recorded(record) : noToken.madeByNobody();
    }
    const { set } = record;
    if (isLiving(mine) && mine.connectionId === set.connectionId && mine.generation >= set.generation) {
      if (mine.generation > set.generation) void connections.renew(owner, mine);
      session?.show(mine);
      return mine;
    }
    endNobodys(set);
    session?.hold(set);
    await session?.put(set);
    return set;
  }

  return {
    read(): TokenSet | Promise<TokenSet> {
      const mine = inSession();
      if (isLiving(mine) && (connections.isCurrent(owner, mine) || isAllThereIs(mine))) {
        session?.show(mine);
        return mine;
      }
      session?.begin();
      return load(mine);
    },
    begin: () => session?.begin(),
    beforeRefresh: () => session?.beforeRefresh(),
    async newer(set): Promise<TokenSet | undefined> {
      const record = await connections.load(owner, 'refresh');
      const found = record?.kind === 'connected' ? record.set : undefined;
      const isNewer = found?.connectionId !== set.connectionId || found.generation > set.generation;
      return isNewer && isLiving(found) ? found : undefined;
    },
    hold: (set) => session?.hold(set),
    async persist(set, isRefreshed): Promise<void> {
      await Promise.all([session?.persist(set, isRefreshed), connections.renew(owner, set)]);
    },
    record: (set) => void connections.renew(owner, set),
    async clear(set, word): Promise<void> {
      // A revocation is recorded by its cause: a disconnect, or a failed sign-in that restores what it replaced.
      const reason = ENDED_REASONS.find((known) => known === word);
      const noted = reason === undefined ? undefined : connections.noteEnd(owner, set, reason);
      await Promise.all([session?.clear(set, word), noted]);
    },
    retentionMs: () => MOST_RECORD_MS,
  };
}
