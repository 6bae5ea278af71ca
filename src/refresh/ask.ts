import { emit } from '../errors/emit';
import { aboutConnection, aboutLedgerError, type ConnectEventListener, type LedgerErrorEvent } from '../errors/events';
import type { ConnectionName } from '../session/connect-token';

/**
 * Asks the ledger; if it fails, that is reported as an event and the answer is undefined. Its errors may hold addresses
 * and passwords: only a known word is kept.
 */
export type Ask = <T>(
  operation: LedgerErrorEvent['operation'],
  about: ConnectionName & Pick<LedgerErrorEvent, 'reference'>,
  question: () => Promise<T>,
) => Promise<T | undefined>;

/** Makes an {@link Ask} that reports failures to `onEvent`. */
export function asking(onEvent: ConnectEventListener | undefined): Ask {
  return async function ask(operation, { reference, ...connection }, question) {
    try {
      return await question();
    } catch (error) {
      emit(onEvent, {
        type: 'ledger_error',
        ...aboutConnection(connection),
        operation,
        ...aboutLedgerError(error),
        ...(reference === undefined ? {} : { reference }),
      });
      return undefined;
    }
  };
}
