import { within } from '../base/within';
import { isConnectError, type ConnectStage } from '../errors/connect-error';
import { storeError } from '../session/store';
import type { ConnectionStore, StoredConnection } from './connection-store';

/** How an operation is asked for. */
export interface How {
  readonly stage: ConnectStage;
  /** Called when the store answers after the time was up: it may have carried the operation out. */
  readonly onLate?: () => void;
}

/** The operations of a store within a time, their answers checked. Each throws ConnectError `ERR_CONNECT_STORE`. */
export interface StoreCalls {
  readonly load: (key: string, how: How) => Promise<StoredConnection | undefined>;
  /** @returns the new version, undefined when the key has another one than `ifVersion` */
  readonly save: (key: string, record: string, ifVersion: string | undefined, how: How) => Promise<string | undefined>;
  readonly remove: (key: string, ifVersion: string, how: How) => Promise<boolean>;
}

/** @param timeoutMs - milliseconds for one operation */
export function storeCalls(store: ConnectionStore, timeoutMs: number): StoreCalls {
  function call<Answer>({ stage, onLate }: How, operation: () => Promise<Answer>): Promise<Answer> {
    let isLate = false;
    const work = Promise.resolve()
      .then(operation)
      .finally(() => {
        if (isLate) onLate?.();
      })
      .catch((error: unknown) => {
        // What is wrong with the set-up of a database says a store of ours.
        if (isConnectError(error) && error.code === 'ERR_CONNECT_STORE' && error.reason === 'setup') throw error;
        // Whatever it throws may hold addresses and passwords: only a word of ours is kept.
        throw storeError(stage, ...faultOf(error));
      });
    return within(timeoutMs, work, () => {
      isLate = true;
      throw storeError(stage, 'timeout', AWAY);
    });
  }

  return Object.freeze({
    async load(key: string, how: How): Promise<StoredConnection | undefined> {
      const stored = await call<StoredConnection | null | undefined>(how, () => store.load(key));
      if (stored == null) return undefined;
      const isWhole = typeof stored.record === 'string' && typeof stored.version === 'string';
      if (!isWhole) throw storeError(how.stage, 'answer', NO_RECORD);
      return stored;
    },
    async save(key: string, record: string, ifVersion: string | undefined, how: How): Promise<string | undefined> {
      const version = await call<string | null | undefined>(how, () => store.save(key, record, ifVersion));
      if (version != null && typeof version !== 'string') throw storeError(how.stage, 'answer', NO_RECORD);
      return version ?? undefined;
    },
    remove: (key: string, ifVersion: string, how: How) => call(how, () => store.remove(key, ifVersion)),
  });
}

/** Reason and message for what a store has thrown. */
function faultOf(error: unknown): readonly ['failed' | 'timeout' | 'answer', string] {
  const reason = isConnectError(error) && error.code === 'ERR_CONNECT_STORE' ? error.reason : undefined;
  if (reason === 'timeout') return [reason, AWAY];
  return reason === 'answer' ? [reason, NO_RECORD] : ['failed', AWAY];
}

const AWAY =
  'The connection store did not carry out an operation: look at the errors of its database, and whether it may write.';
const NO_RECORD =
  'The connection store must resolve load() with { record, version } or undefined, and save() with the new version or ' +
  'undefined; sendCommand of redisConnections() must resolve with the reply as it is.';
