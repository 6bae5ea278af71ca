import { ownOnly } from '../base/own';
import type { EncryptionKey } from '../session/seal';
import type { ConnectionStore } from './connection-store';

/** A store with the keys that seal its records: frozen, and with the keys where no log shows them. */
export function sealedStore(
  encryptionKeys: readonly EncryptionKey[],
  operations: Omit<ConnectionStore, 'encryptionKeys'>,
): ConnectionStore {
  const value = Object.freeze(encryptionKeys.map((key) => Object.freeze({ ...key })));
  // Descriptors inherit, too: with a polluted prototype this one would be an accessor, or enumerable.
  return Object.freeze(Object.defineProperty<ConnectionStore>({ ...operations }, 'encryptionKeys', ownOnly({ value })));
}
