import { only, readTable, type Row } from '../checks/table';
import { KEY_RING_HINT, readKeyRing, type EncryptionKey } from '../session/seal';
import type { RefreshLedger } from './ledger';
import { ledgerBySteps } from './ledger-by-steps';
import { sealedBoxes } from './sealed-box';
import type { UpdateRecord } from './update';

/** What an app passes to `recordLedger()`. */
export interface RecordLedgerOptions {
  /** The one operation that the database offers. */
  readonly update: UpdateRecord;
  /**
   * 1–10 keys: the first one seals token sets, any of them opens them. To rotate, deploy twice: add the new key at the
   * end in every process, then move it to the front. Keep the old one for as long as records sealed with it live.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
}

const TABLE = {
  update: {
    read: only((value): value is UpdateRecord => typeof value === 'function'),
    expected: 'a function (key, step) that replaces one record atomically and gives the answer of step',
    isRequired: true,
  },
  encryptionKeys: { read: readKeyRing, expected: KEY_RING_HINT, isRequired: true },
} as const satisfies Readonly<Record<keyof RecordLedgerOptions, Row>>;

/**
 * Coordinates the refreshes of all processes that share a database of any kind: it only has to offer an atomic
 * read-modify-write of one text. Token sets are sealed with AES-256-GCM before `update` sees them. An operation rejects
 * with `ERR_CONNECT_LEDGER` when `update` rejects, resolves with anything but the answer of its last step, or passes
 * `step` a text that this package did not write or a time that is not a number. An operation that would have to return
 * a token set that no key opens rejects as well; `revoke` leaves it out. docs/ledgers.md has an example for SQLite.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function recordLedger(options: RecordLedgerOptions): RefreshLedger {
  const { update, encryptionKeys } = readTable('recordLedger', TABLE, options);
  return ledgerBySteps(update, sealedBoxes(encryptionKeys));
}
