import { randomBytes } from 'node:crypto';
import type { ConnectionStore, StoredConnection } from './connection-store';
import { sealedStore } from './sealed-store';
import { newVersion } from '../base/version';

const KEY_BYTES = 32;
const made = new WeakSet<ConnectionStore>();

/**
 * Keeps the connections of users in the memory of one process: the default of `connectAuth()` with `owner`. It loses
 * all of them when the process ends, and does not know other processes: for several, or to keep users connected across
 * restarts, use `redisConnections` of `express-connect-auth/redis` or another store. Until then nothing is dropped: it
 * grows with the number of users who have ever connected. Records are sealed here as in any store, with a random key.
 */
export function memoryConnections(): ConnectionStore {
  const records = new Map<string, StoredConnection>();
  const hasVersion = (key: string, version: string | undefined): boolean => records.get(key)?.version === version;

  // Synchronous steps cannot be interleaved with anything else in this process.
  const store = sealedStore([{ id: 'memory', secret: randomBytes(KEY_BYTES).toString('base64') }], {
    load: (key) => Promise.resolve(records.get(key)),
    save(key, record, ifVersion) {
      if (!hasVersion(key, ifVersion)) return Promise.resolve(undefined);
      const version = newVersion();
      records.set(key, Object.freeze({ record, version }));
      return Promise.resolve(version);
    },
    remove: (key, ifVersion) => Promise.resolve(hasVersion(key, ifVersion) && records.delete(key)),
  });
  made.add(store);
  return store;
}

/** Whether a store comes from {@link memoryConnections}, and so ends with this process. */
export function isMemoryConnections(store: ConnectionStore): boolean {
  return made.has(store);
}
