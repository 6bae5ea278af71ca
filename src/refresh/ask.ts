import { emit } from '../errors/emit';
import { aboutConnection, aboutLedgerError, type ConnectEventListener, type LedgerErrorEvent } from '../errors/events';
import type { ConnectionName } from '../session/connect-token';

/**
 * Asks the ledger; its trouble is reported as an event, and answered with undefined.
 * What it throws may hold addresses and passwords: only a word of ours is kept.
 */
export type Ask = <T>(
  operation: LedgerErrorEvent['operation'],
  about: ConnectionName & Pick<LedgerErrorEvent, 'reference'>,
  question: () => Promise<T>,
) => Promise<T | undefined>;

/** Makes an {@link Ask} that reports trouble to `onEvent`. */
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
