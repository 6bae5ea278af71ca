import { within } from '../base/within';
import { isConnectError, type ConnectStage } from '../errors/connect-error';
import { storeError } from '../errors/store-error';
import type { ConnectionStore, StoredConnection } from './connection-store';

/** The circumstances of an operation. */
export interface How {
  readonly stage: ConnectStage;
  /** Called when the store answers after the time was up: it may have carried the operation out. */
  readonly onLate?: () => void;
}

/** The operations of a store, with a time limit and checked answers. Each throws ConnectError `ERR_CONNECT_STORE`. */
export interface StoreCalls {
  readonly load: (key: string, how: How) => Promise<StoredConnection | undefined>;
  /** @returns the new version; undefined if the key has another one than `ifVersion` */
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
        // The stores of this package report a database that is not set up.
        if (isConnectError(error) && error.code === 'ERR_CONNECT_STORE' && error.reason === 'setup') throw error;
        // Any other error may hold addresses and passwords: only a known word is kept.
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

/** Reason and message for an error of a store. */
function faultOf(error: unknown): readonly ['failed' | 'timeout' | 'answer', string] {
  const reason = isConnectError(error) && error.code === 'ERR_CONNECT_STORE' ? error.reason : undefined;
  if (reason === 'timeout') return ['timeout', AWAY];
  return reason === 'answer' ? ['answer', NO_RECORD] : ['failed', AWAY];
}

const AWAY =
  'The connection store did not carry out an operation: check the errors of its database, and whether it may write.';
const NO_RECORD =
  'The connection store must resolve load() with { record, version } or undefined, and save() with the new version or ' +
  'undefined; sendCommand of redisConnections() must resolve with the unchanged reply.';
