import type { EncryptionKey } from '../session/seal';

/**
 * Keeps one record for each user of the app: the key is the app's name of the user, the record is text that this
 * package has sealed. No operation may be carried out twice, or only in part. An operation that cannot be carried out
 * must reject: a rejection is never read as "not connected".
 *
 * `connectionStoreConformance` of `express-connect-auth/testing` shows whether an implementation keeps this contract.
 */
export interface ConnectionStore {
  /** Reads the record of a key, unchanged. @returns undefined only if there is none */
  readonly load: (key: string) => Promise<StoredConnection | undefined>;
  /**
   * Writes a record if the key still has the version that was loaded, in one atomic step.
   * @param record - ASCII text, as long as tokens may be
   * @param ifVersion - of the record to replace; undefined: write only if there is none
   * @returns the new version, or undefined if the key has another version and nothing was written
   */
  readonly save: (key: string, record: string, ifVersion: string | undefined) => Promise<string | undefined>;
  /**
   * Removes a record if the key still has this version, in one atomic step.
   * @returns whether it was removed
   */
  readonly remove: (key: string, ifVersion: string) => Promise<boolean>;
  /**
   * Keys that seal the records of this store. A store without them uses `encryptionKeys` of `connectAuth()`. Do not
   * make this enumerable: a store may be logged.
   */
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined;
}

/** A record as the store keeps it. */
export interface StoredConnection {
  /** Text as it was saved. */
  readonly record: string;
  /** Opaque. Never reused for this key, not even after `remove`: a writer with an old version must lose. */
  readonly version: string;
}
