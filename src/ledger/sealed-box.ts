import { sealer, type KeyRing } from '../session/seal';
import { ledgerError } from './ledger-error';

/** How a ledger keeps the token set of a connection. */
export interface Boxes {
  readonly seal: (box: string, key: string) => string;
  /** @returns undefined if no key opens it, or it belongs to another connection */
  readonly open: (kept: string, key: string) => string | undefined;
}

/** Boxes of a ledger outside this process: each sealed for its own connection. */
export function sealedBoxes(keys: KeyRing): Boxes {
  const { seal, open } = sealer(keys, 'ledger');
  return { seal: (box, key) => seal(box, [key]), open: (kept, key) => open(kept, [key]) };
}

/**
 * Opens the box of an answer.
 * @throws ConnectError `ERR_CONNECT_LEDGER` with `key`: "absent" would mean "refresh again", but the refresh token is
 * spent
 */
export function openBox({ open }: Boxes, kept: string, key: string): string {
  const box = open(kept, key);
  if (box === undefined) {
    throw ledgerError(
      'key',
      'No key of encryptionKeys opens this token set: give every process the same keys, the old ' +
        'ones included, for as long as records live.',
    );
  }
  return box;
}
