import type { Offers } from '../base/offers';
import { ownOnly } from '../base/own';
import { isConnectError, type ConnectStage } from '../errors/connect-error';
import { emitFailure } from '../errors/emit';
import type { ConnectEventListener, EndedReason } from '../errors/events';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { KeyRing } from '../session/seal';
import { storeError } from '../errors/store-error';
import type { ConnectionStore } from './connection-store';
import { lastingWrites } from './lasting-writes';
import { ownerRecords, type OwnerRecord, type RecordScope } from './owner-record';
import { hashOf, seenRecords, type Found } from './seen-records';
import { storeCalls, type How } from './store-calls';

/** The connections of users, in the app's store. What the store cannot do throws `ERR_CONNECT_STORE`. */
export interface OwnerConnections {
  /**
   * What is recorded for a user; all who ask at the same time share one read of the store.
   * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`
   */
  readonly load: (owner: Owner, stage: ConnectStage) => Promise<OwnerRecord | undefined>;
  /**
   * Whether the store could not be read a moment ago: asking again would only hold up a caller that has a valid token.
   */
  readonly isAway: () => boolean;
  /** Whether a copy of a token set is at least as new as the record that this process has seen in the last minute. */
  readonly isCurrent: (owner: Owner, set: TokenSet) => boolean;
  /** Prepares to record a new connection in place of any other. */
  readonly recording: (owner: Owner, set: TokenSet) => Recording;
  /**
   * Records a newer token set of a connection, unless it has ended or has a newer one. Never fails: it is repeated in
   * the background.
   */
  readonly renew: (owner: Owner, set: TokenSet) => Promise<void>;
  /**
   * Records that the user's connection has ended, whichever it is.
   * @param revoke - ends it for all processes, before it is recorded
   * @returns the last token set of the connection, undefined when there was none
   * @throws ConnectError what `revoke` throws, `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`
   */
  readonly end: (owner: Owner, revoke: (set: TokenSet) => Promise<void>) => Promise<TokenSet | undefined>;
  /** Records that this connection has ended, if it is the one that is recorded. Never fails. */
  readonly noteEnd: (owner: Owner, set: TokenSet, reason: EndedReason) => Promise<void>;
}

type Wanted = (before: OwnerRecord | undefined) => boolean;

/** A connection that is being recorded. */
export interface Recording {
  /**
   * @param isWanted - whether it may replace what is recorded; if absent, it may
   * @returns whether it was recorded
   * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`; it may still have been recorded, so undo it
   */
  readonly save: (isWanted?: Wanted) => Promise<boolean>;
  /** The record before `save`. */
  readonly before: () => OwnerRecord | undefined;
  /**
   * Restores the earlier record, unless the record has changed since; does nothing without `save`. Never fails.
   * @param onEnded - called if the user has disconnected since: then the earlier connection has ended, too
   * @returns resolves once it is done; until then the store may have to recover
   */
  readonly undo: (onEnded?: () => void) => Promise<void>;
}

/** What keeping connections of users needs. */
export interface OwnerConnectionsConfig extends RecordScope {
  readonly store: ConnectionStore;
  readonly keys: KeyRing;
  /** Milliseconds for one operation of the store. */
  readonly storeTimeoutMs: number;
  readonly offers: Offers;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** How long a store that could not be read is not asked by callers that have a valid token. */
const AWAY_MS = 5000;
/** Each retry means that somebody else has won. */
const MOST_RETRIES = 5;

/** What a record is to become; without `record` it stays. */
interface Change<Result> {
  readonly record?: OwnerRecord | 'none' | undefined;
  readonly result: Result;
}

/** Keeps the connections of users. */
export function ownerConnections(config: OwnerConnectionsConfig): OwnerConnections {
  const store = storeCalls(config.store, config.storeTimeoutMs);
  const records = ownerRecords(config, config.keys);
  const seen = seenRecords();
  const startWrite = lastingWrites(config.offers, (error, [, owner]) =>
    emitFailure(config.onEvent, error, String(owner)),
  );
  const loads = new Map<string, Promise<Found | undefined>>();
  let awayUntilMs = 0;

  async function read(owner: Owner, how: How): Promise<Found | undefined> {
    const stored = await store.load(owner.name, how);
    if (stored === undefined) return undefined;
    const { record, isOldKey } = records.open(stored.record, owner, how.stage);
    const version = isOldKey ? await sealAnew(owner, { record, version: stored.version }, how) : stored.version;
    return { record, version };
  }

  /** Seals it with the first key, so that an old key can be removed. */
  async function sealAnew(owner: Owner, { record, version }: Found, { stage }: How): Promise<string> {
    const saved = await write(owner, record, version, { stage }).catch(() => undefined);
    return saved ?? version;
  }

  async function write(
    owner: Owner,
    record: OwnerRecord,
    ifVersion: string | undefined,
    how: How,
  ): Promise<string | undefined> {
    const startedMs = Date.now();
    const version = await store.save(owner.name, records.seal(record, owner), ifVersion, how);
    if (version !== undefined) noteChange(owner, { record, version }, startedMs);
    return version;
  }

  /** Later callers must not get what was read before the change. */
  function noteChange(owner: Owner, found: Found | undefined, atMs: number): void {
    seen.note(owner, found, atMs);
    loads.delete(owner.name);
  }

  async function replace(
    owner: Owner,
    record: OwnerRecord | 'none',
    ifVersion: string | undefined,
    how: How,
  ): Promise<boolean> {
    if (record !== 'none') return (await write(owner, record, ifVersion, how)) !== undefined;
    const isGone = ifVersion === undefined || (await store.remove(owner.name, ifVersion, how));
    noteChange(owner, undefined, Date.now());
    return isGone;
  }

  /** Decides by what is recorded, and again whenever somebody else was faster. */
  async function change<Result>(
    owner: Owner,
    how: How,
    decide: (record: OwnerRecord | undefined, version: string | undefined) => Change<Result> | Promise<Change<Result>>,
  ): Promise<Result> {
    for (let tries = 0; tries <= MOST_RETRIES; tries += 1) {
      const startedMs = Date.now();
      const found = await read(owner, how);
      const { record, result } = ownOnly(await decide(found?.record, found?.version));
      if (record === undefined) {
        seen.note(owner, found, startedMs);
        return result;
      }
      if (await replace(owner, record, found?.version, how)) return result;
    }
    throw storeError(how.stage, 'conflict', BUSY);
  }

  /**
   * Replaces an older token set of the same connection; the first try also replaces another one of the same generation.
   */
  async function renewOnce(owner: Owner, set: TokenSet, isFirstTry: boolean): Promise<void> {
    const last = seen.last(owner);
    if (last !== undefined && last.connectionId === set.connectionId && last.generation < set.generation) {
      const record: OwnerRecord = { kind: 'connected', set, since: last.since };
      if ((await write(owner, record, last.version, { stage: 'refresh' })) !== undefined) return;
    }
    await change(owner, { stage: 'refresh' }, (record) => {
      const isOurs = record?.kind === 'connected' && record.set.connectionId === set.connectionId;
      if (!isOurs) return { result: undefined };
      const { generation, token } = record.set;
      // The ledger has decided between the two. A later try may come after the next refresh, so only the first one
      // replaces.
      const isOther = generation === set.generation && token.access_token !== set.token.access_token;
      const isOlder = generation < set.generation || (isFirstTry && isOther);
      return { record: isOlder ? { ...record, set } : undefined, result: undefined };
    });
  }

  function recording(owner: Owner, set: TokenSet): Recording {
    const { connectionId } = set;
    let before: OwnerRecord | undefined;
    /** The write whose result is not known: it may arrive late, as long as the record has this version. */
    let attempt: { readonly ifVersion: string | undefined } | undefined;
    let mayBeWritten = false;

    function takeBack(onEnded?: () => void): Promise<void> {
      if (!mayBeWritten) return Promise.resolve();
      return startWrite(['undo', owner.name, connectionId], () =>
        change(owner, { stage: 'callback' }, (record, version) => {
          if (record?.kind === 'ended' && record.connectionId === connectionId) onEnded?.();
          if (isOf(record, connectionId)) return { record: before ?? 'none', result: undefined };
          const mayComeLate = attempt !== undefined && attempt.ifVersion === version;
          // Writing the same record again gives it another version, so the late write loses. If there is none, a note
          // takes its place.
          return { record: mayComeLate ? (record ?? ended(set, 'disconnected')) : undefined, result: undefined };
        }),
      ).whole;
    }

    async function save(isWanted?: Wanted): Promise<boolean> {
      // An import may be repeated, and is the same connection then: it is not taken back.
      const onLate = (): void => void takeBack();
      const how: How = isWanted === undefined ? { stage: 'callback', onLate } : { stage: 'callback' };
      const isRecorded = await change(owner, how, (record, version) => {
        attempt = undefined;
        // Already recorded, by an earlier import.
        if (isOf(record, connectionId)) return { result: isWanted?.(record) ?? true };
        before = record;
        if (isWanted?.(record) === false) return { result: false };
        mayBeWritten = true;
        attempt = { ifVersion: version };
        return { record: { kind: 'connected', set, since: Date.now() }, result: true };
      });
      attempt = undefined;
      return isRecorded;
    }

    return { before: () => before, undo: takeBack, save };
  }

  function startLoad(owner: Owner, stage: ConnectStage): Promise<Found | undefined> {
    const startedMs = Date.now();
    const isLatest = (): boolean => loads.get(owner.name) === load;
    const load = read(owner, { stage })
      .then(
        (found) => {
          awayUntilMs = 0;
          if (isLatest()) seen.note(owner, found, startedMs);
          return found;
        },
        (error: unknown) => {
          if (isConnectError(error) && error.code === 'ERR_CONNECT_STORE') awayUntilMs = Date.now() + AWAY_MS;
          throw error;
        },
      )
      .finally(() => {
        if (isLatest()) loads.delete(owner.name);
      });
    loads.set(owner.name, load);
    return load;
  }

  return Object.freeze({
    load: async (owner: Owner, stage: ConnectStage): Promise<OwnerRecord | undefined> =>
      (await (loads.get(owner.name) ?? startLoad(owner, stage)))?.record,
    isAway(): boolean {
      const leftMs = awayUntilMs - Date.now();
      // If the clock was set back, the time waited is not known.
      return leftMs > 0 && leftMs <= AWAY_MS;
    },
    isCurrent(owner: Owner, { connectionId, generation }: TokenSet): boolean {
      const last = seen.last(owner);
      return last?.connectionId === connectionId && last.generation <= generation;
    },
    recording,
    async renew(owner: Owner, set: TokenSet): Promise<void> {
      const { connectionId, generation } = set;
      const last = seen.last(owner);
      if (last?.connectionId === connectionId && last.generation >= generation && last.tokenHash === hashOf(set))
        return;
      const name = ['renew', owner.name, connectionId, generation, hashOf(set)];
      await startWrite(name, (isFirstTry) => renewOnce(owner, set, isFirstTry)).first;
    },
    end: (owner: Owner, revoke: (set: TokenSet) => Promise<void>) =>
      change<TokenSet | undefined>(owner, { stage: 'disconnect' }, async (record) => {
        if (record?.kind !== 'connected') return { result: undefined };
        const { set } = record;
        await revoke(set);
        return { record: ended(set, 'disconnected'), result: set };
      }),
    noteEnd: (owner: Owner, set: TokenSet, reason: EndedReason) =>
      startWrite(['end', owner.name, set.connectionId], () =>
        change(owner, { stage: 'refresh' }, (record) => {
          const isThisOne = isOf(record, set.connectionId) && record.set.generation <= set.generation;
          return { record: isThisOne ? ended(set, reason) : undefined, result: undefined };
        }),
      ).first,
  });
}

function isOf(
  record: OwnerRecord | undefined,
  connectionId: string,
): record is Extract<OwnerRecord, { kind: 'connected' }> {
  return record?.kind === 'connected' && record.set.connectionId === connectionId;
}

function ended({ connectionId }: TokenSet, reason: EndedReason): OwnerRecord {
  return { kind: 'ended', connectionId, reason, since: Date.now() };
}

const BUSY = 'Others changed the connection of this user during every attempt. Nothing is lost: try again.';
