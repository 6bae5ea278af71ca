import type { Offers } from '../base/offers';
import { ownOnly } from '../base/own';
import { isConnectError, type ConnectStage } from '../errors/connect-error';
import { emitFailure } from '../errors/emit';
import type { ConnectEventListener, EndedReason } from '../errors/events';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { KeyRing } from '../session/seal';
import { storeError } from '../session/store';
import type { ConnectionStore } from './connection-store';
import { lastingWrites } from './lasting-writes';
import { ownerRecords, type OwnerRecord, type RecordScope } from './owner-record';
import { hashOf, seenRecords, type Found } from './seen-records';
import { storeCalls, type How } from './store-calls';

/** The connections of users, in the store that the app has given us. What it cannot do throws `ERR_CONNECT_STORE`. */
export interface OwnerConnections {
  /**
   * What is recorded for a user; one look into the store for all who ask at the same time.
   * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`
   */
  readonly load: (owner: Owner, stage: ConnectStage) => Promise<OwnerRecord | undefined>;
  /** Whether the store could not be read a moment ago: then asking again would only hold up whoever has a valid token. */
  readonly isAway: () => boolean;
  /** Whether a copy of a token set is what has been recorded, or newer, as far as this process has seen in the last minute. */
  readonly isCurrent: (owner: Owner, set: TokenSet) => boolean;
  /** Prepares to record a new connection in place of whatever there is. */
  readonly recording: (owner: Owner, set: TokenSet) => Recording;
  /**
   * Records a newer token set of a connection, unless that has ended or has a newer one. Never fails: it is offered again in
   * the background.
   */
  readonly renew: (owner: Owner, set: TokenSet) => Promise<void>;
  /**
   * Records that a connection has ended, whichever it is.
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
   * @param isWanted - whether it may take the place of what is recorded. @defaultValue it may
   * @returns whether it was recorded
   * @throws ConnectError `ERR_CONNECT_STORE`, `ERR_CONNECT_CONFIG`; it may be recorded all the same, so undo it
   */
  readonly save: (isWanted?: Wanted) => Promise<boolean>;
  /** What was recorded before. */
  readonly before: () => OwnerRecord | undefined;
  /**
   * Puts back what was there before, unless the record has changed since; nothing without `save`. Never fails.
   * @param onEnded - called when the user has disconnected since: then what was there before has ended, too
   * @returns resolves once it is done, for which the store may have to come back
   */
  readonly undo: (onEnded?: () => void) => Promise<void>;
}

/** What that needs. */
export interface OwnerConnectionsConfig extends RecordScope {
  readonly store: ConnectionStore;
  readonly keys: KeyRing;
  /** Milliseconds for one operation of the store. */
  readonly storeTimeoutMs: number;
  readonly offers: Offers;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** For so long a store that could not be read is left alone by whoever has a valid token. */
const AWAY_MS = 5000;
/** Each has lost against somebody who has won. */
const MOST_RETRIES = 5;

/** What is to become of a record; without `record` it stays. */
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

  /** So that an old key can go. */
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

  /** Who asks from now on must not get what was read before. */
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

  /** Decides by what is recorded, again whenever somebody else was faster. */
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

  /** Over an older token set of the same connection; at the first try also over another one of the same generation. */
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
      // The ledger has decided between the two. A later try may come after the next refresh.
      const isOther = generation === set.generation && token.access_token !== set.token.access_token;
      const isOlder = generation < set.generation || (isFirstTry && isOther);
      return { record: isOlder ? { ...record, set } : undefined, result: undefined };
    });
  }

  function recording(owner: Owner, set: TokenSet): Recording {
    const { connectionId } = set;
    let before: OwnerRecord | undefined;
    /** The write whose outcome is not known: it may come late, as long as the record has this version. */
    let attempt: { readonly ifVersion: string | undefined } | undefined;
    let mayBeWritten = false;

    function takeBack(onEnded?: () => void): Promise<void> {
      if (!mayBeWritten) return Promise.resolve();
      return startWrite(['undo', owner.name, connectionId], () =>
        change(owner, { stage: 'callback' }, (record, version) => {
          if (record?.kind === 'ended' && record.connectionId === connectionId) onEnded?.();
          if (isOf(record, connectionId)) return { record: before ?? 'none', result: undefined };
          const mayComeLate = attempt !== undefined && attempt.ifVersion === version;
          // Writing what is there once more gives it another version, and the late write loses. Where nothing is there, a
          // note has to stand.
          return { record: mayComeLate ? (record ?? ended(set, 'disconnected')) : undefined, result: undefined };
        }),
      ).whole;
    }

    async function save(isWanted?: Wanted): Promise<boolean> {
      // An import may be repeated, and is the same connection then: nothing of it is taken back.
      const onLate = (): void => void takeBack();
      const how: How = isWanted === undefined ? { stage: 'callback', onLate } : { stage: 'callback' };
      const isRecorded = await change(owner, how, (record, version) => {
        attempt = undefined;
        // Recorded already, by an import before.
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
      // A clock that was set back has not been waiting.
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

const BUSY = 'Others were changing the connection of this user all the time. Nothing is lost: try again.';
