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
   * 1–10 keys: the first seals the token sets, all open them. To rotate, put a new one in front and keep the old one for
   * as long as its records live. Every process needs all of them.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
}

const TABLE = {
  update: {
    read: only((value): value is UpdateRecord => typeof value === 'function'),
    expected: 'a function (key, step) that replaces one record in one atomic step and gives the answer of that step',
    isRequired: true,
  },
  encryptionKeys: { read: readKeyRing, expected: KEY_RING_HINT, isRequired: true },
} as const satisfies Readonly<Record<keyof RecordLedgerOptions, Row>>;

/**
 * Coordinates the refreshes of all processes that share a database, whichever it is: all that it must offer is one atomic
 * read-modify-write of one text. Token sets are sealed with AES-256-GCM before `update` sees them. An operation rejects
 * with `ERR_CONNECT_LEDGER` when `update` rejects, gives another answer than its step's, or gives `step` a text that is
 * not what was stored; so does one that meets a token set that no key opens. docs/ledgers.md has an example for SQLite.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function recordLedger(options: RecordLedgerOptions): RefreshLedger {
  const { update, encryptionKeys } = readTable('recordLedger', TABLE, options);
  return ledgerBySteps(update, sealedBoxes(encryptionKeys));
}
