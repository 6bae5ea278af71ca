import { createHash } from 'node:crypto';
import { boundedMap } from '../base/bounded-map';
import type { Offers } from '../base/offers';
import { within } from '../base/within';
import { debug } from '../errors/debug';
import { ownOnly } from '../base/own';
import { isConnectError, type ConnectStage } from '../errors/connect-error';
import type { EndedReason } from '../errors/events';
import type { TokenSet } from '../session/connect-token';
import type { Owner } from '../session/owners';
import type { KeyRing } from '../session/seal';
import { storeError } from '../session/store';
import type { ConnectionStore, StoredConnection } from './connection-store';
import { ownerRecords, type OwnerRecord, type RecordScope } from './owner-record';

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
}

/** For so long a copy in a session is used without a look into the store: so late may it learn of an end elsewhere. */
const CURRENT_MS = 60_000;
/** One that is forgotten costs a look. */
const MOST_CURRENT = 20_000;
/** For so long a store that could not be read is left alone by whoever has a valid token. */
const AWAY_MS = 5000;
/** Each has lost against somebody who has won. */
const MOST_RETRIES = 5;

/** What was last seen of a record. */
interface Seen {
  readonly connectionId: string;
  readonly generation: number;
  /** Hash of its access token, by which two of one generation differ. */
  readonly tokenHash: string;
  readonly since: number;
  readonly version: string;
}

interface Found {
  readonly record: OwnerRecord;
  readonly version: string;
}

/** A write that goes on until it is done: its first try, and the whole. Neither rejects. */
interface Insisted {
  readonly first: Promise<void>;
  readonly whole: Promise<void>;
}

/** Of a change. */
interface How {
  readonly stage: ConnectStage;
  /** Called when the store answers a write after the time was up. */
  readonly onLate?: () => void;
}

/** What is to become of a record; without `record` it stays. */
interface Change<Result> {
  readonly record?: OwnerRecord | 'none' | undefined;
  readonly result: Result;
}

/** Keeps the connections of users. */
export function ownerConnections(config: OwnerConnectionsConfig): OwnerConnections {
  const { store, offers } = config;
  const records = ownerRecords(config, config.keys);
  const seen = boundedMap<Seen>({ most: MOST_CURRENT });
  const loads = new Map<string, Promise<Found | undefined>>();
  /** Writes that go on until they are done, by what they are for: one for all who want the same. */
  const insisted = new Map<string, Insisted>();
  let awayUntilMs = 0;

  /** @param onLate - called when the store answers after the time was up: it may have carried the operation out */
  async function call<Answer>(
    stage: ConnectStage,
    operation: () => Promise<Answer>,
    onLate?: () => void,
  ): Promise<Answer> {
    let isLate = false;
    const work = Promise.resolve()
      .then(operation)
      .then(
        (answer) => {
          if (isLate) onLate?.();
          return answer;
        },
        (error: unknown) => {
          if (isLate) onLate?.();
          // Whatever it throws may hold addresses and passwords: only a word of ours is kept.
          throw storeError(stage, ...faultOf(error));
        },
      );
    return within(config.storeTimeoutMs, work, () => {
      isLate = true;
      throw storeError(stage, 'timeout', AWAY);
    });
  }

  async function read(owner: Owner, stage: ConnectStage): Promise<Found | undefined> {
    const stored = await call<StoredConnection | null | undefined>(stage, () => store.load(owner.name));
    if (stored == null) return undefined;
    if (typeof stored.record !== 'string' || typeof stored.version !== 'string')
      throw storeError(stage, 'answer', NO_RECORD);
    const { record, isOldKey } = records.open(stored.record, owner, stage);
    const version = isOldKey ? await sealAnew(owner, record, stored.version, stage) : stored.version;
    return { record, version };
  }

  /** So that an old key can go. */
  async function sealAnew(owner: Owner, record: OwnerRecord, version: string, stage: ConnectStage): Promise<string> {
    const saved = await write(owner, record, version, { stage }).catch(() => undefined);
    return saved ?? version;
  }

  /** @param atMs - when the store was asked, in milliseconds since 1970 */
  function note(owner: Owner, found: Found | undefined, atMs: number): void {
    if (found?.record.kind !== 'connected') {
      seen.delete(owner.name);
      return;
    }
    const { record, version } = found;
    const { connectionId, generation } = record.set;
    const { since } = record;
    seen.put(
      owner.name,
      { connectionId, generation, tokenHash: hashOf(record.set), since, version },
      { now: atMs, keepMs: CURRENT_MS },
    );
  }

  async function write(
    owner: Owner,
    record: OwnerRecord,
    ifVersion: string | undefined,
    { stage, onLate }: How,
  ): Promise<string | undefined> {
    const text = records.seal(record, owner);
    const startedMs = Date.now();
    const save = (): Promise<string | null | undefined> => store.save(owner.name, text, ifVersion);
    const version = await call(stage, save, onLate);
    if (version == null) return undefined;
    if (typeof version !== 'string') throw storeError(stage, 'answer', NO_RECORD);
    note(owner, { record, version }, startedMs);
    // Who asks from now on must not get what was read before.
    loads.delete(owner.name);
    return version;
  }

  async function replace(
    owner: Owner,
    record: OwnerRecord | 'none',
    ifVersion: string | undefined,
    how: How,
  ): Promise<boolean> {
    if (record !== 'none') return (await write(owner, record, ifVersion, how)) !== undefined;
    const isGone =
      ifVersion === undefined || (await call(how.stage, () => store.remove(owner.name, ifVersion), how.onLate));
    note(owner, undefined, 0);
    loads.delete(owner.name);
    return isGone;
  }

  /** Decides by what is recorded, again whenever somebody else was faster. */
  async function change<Result>(
    owner: Owner,
    how: How,
    decide: (record: OwnerRecord | undefined) => Change<Result> | Promise<Change<Result>>,
  ): Promise<Result> {
    for (let tries = 0; tries <= MOST_RETRIES; tries += 1) {
      const startedMs = Date.now();
      const found = await read(owner, how.stage);
      const { record, result } = ownOnly(await decide(found?.record));
      if (record === undefined) {
        note(owner, found, startedMs);
        return result;
      }
      if (await replace(owner, record, found?.version, how)) return result;
    }
    throw storeError(how.stage, 'conflict', BUSY);
  }

  /** Over an older token set of the same connection; at the first try also over another one of the same generation. */
  async function renewOnce(owner: Owner, set: TokenSet, isFirstTry: boolean): Promise<void> {
    const last = seen.get(owner.name, Date.now());
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

  /**
   * Tries at once, and then in the background until the store has taken it.
   * @param name - what it is for; whoever wants the same meanwhile shares it
   */
  function insist(name: string, work: (isFirstTry: boolean) => Promise<void>): Insisted {
    const running = insisted.get(name);
    if (running !== undefined) return running;
    const isDone = async (isFirstTry: boolean): Promise<boolean> => {
      try {
        await work(isFirstTry);
        return true;
      } catch (error) {
        debug('refresh', 'connection not recorded');
        // What nobody can read today is not read by trying again.
        return !isConnectError(error) || error.code !== 'ERR_CONNECT_STORE';
      }
    };
    const first = isDone(true);
    const whole = offers.track(
      first.then(async (done) => {
        if (!done) await offers.keep(() => isDone(false));
        insisted.delete(name);
      }),
    );
    const both = { first: first.then(() => undefined), whole };
    insisted.set(name, both);
    return both;
  }

  function undo(
    owner: Owner,
    { connectionId }: TokenSet,
    before: OwnerRecord | undefined,
    onEnded?: () => void,
  ): Promise<void> {
    const name = JSON.stringify(['undo', owner.name, connectionId]);
    return insist(name, () =>
      change(owner, { stage: 'callback' }, (record) => {
        if (record?.kind === 'ended' && record.connectionId === connectionId) onEnded?.();
        return { record: isOf(record, connectionId) ? (before ?? 'none') : undefined, result: undefined };
      }),
    ).whole;
  }

  function recording(owner: Owner, set: TokenSet): Recording {
    let before: OwnerRecord | undefined;
    let mayBeWritten = false;
    const takeBack = (onEnded?: () => void): Promise<void> =>
      mayBeWritten ? undo(owner, set, before, onEnded) : Promise.resolve();
    const onLate = (): void => void takeBack();
    return {
      before: () => before,
      undo: takeBack,
      save: (isWanted) =>
        // An import may be repeated, and is the same connection then: nothing of it is taken back.
        change(owner, isWanted === undefined ? { stage: 'callback', onLate } : { stage: 'callback' }, (record) => {
          // Recorded already, by an import before.
          if (isOf(record, set.connectionId)) return { result: isWanted?.(record) ?? true };
          before = record;
          if (isWanted?.(record) === false) return { result: false };
          mayBeWritten = true;
          return { record: { kind: 'connected', set, since: Date.now() }, result: true };
        }),
    };
  }

  function startLoad(owner: Owner, stage: ConnectStage): Promise<Found | undefined> {
    const startedMs = Date.now();
    const isLatest = (): boolean => loads.get(owner.name) === load;
    const load = read(owner, stage)
      .then(
        (found) => {
          awayUntilMs = 0;
          if (isLatest()) note(owner, found, startedMs);
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
      const last = seen.get(owner.name, Date.now());
      return last?.connectionId === connectionId && last.generation <= generation;
    },
    recording,
    async renew(owner: Owner, set: TokenSet): Promise<void> {
      const { connectionId, generation } = set;
      const last = seen.get(owner.name, Date.now());
      if (last?.connectionId === connectionId && last.tokenHash === hashOf(set)) return;
      const name = JSON.stringify(['renew', owner.name, connectionId, generation, hashOf(set)]);
      await insist(name, (isFirstTry) => renewOnce(owner, set, isFirstTry)).first;
    },
    end: (owner: Owner, revoke: (set: TokenSet) => Promise<void>) =>
      change<TokenSet | undefined>(owner, { stage: 'disconnect' }, async (record) => {
        if (record?.kind !== 'connected') return { result: undefined };
        const { set } = record;
        await revoke(set);
        return { record: ended(set, 'disconnected'), result: set };
      }),
    noteEnd: (owner: Owner, set: TokenSet, reason: EndedReason) =>
      insist(JSON.stringify(['end', owner.name, set.connectionId]), () =>
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

/** A token is not kept for a comparison. */
function hashOf({ token }: TokenSet): string {
  return createHash('sha256').update(token.access_token).digest('base64url');
}

function ended({ connectionId }: TokenSet, reason: EndedReason): OwnerRecord {
  return { kind: 'ended', connectionId, reason, since: Date.now() };
}

/** Reason and message for what a store has thrown. */
function faultOf(error: unknown): readonly [string, string] {
  const reason = isConnectError(error) && error.code === 'ERR_CONNECT_STORE' ? error.reason : undefined;
  if (reason === 'timeout') return [reason, AWAY];
  return reason === 'answer' ? [reason, NO_RECORD] : ['failed', AWAY];
}

const AWAY =
  'The connection store did not carry out an operation: look at the errors of its database, and whether it may write.';
const NO_RECORD =
  'The connection store must resolve load() with { record, version } or undefined, and save() with the new version or ' +
  'undefined; sendCommand of redisConnections() must resolve with the reply as it is.';
const BUSY = 'Others were changing the connection of this user all the time. Nothing is lost: try again.';
