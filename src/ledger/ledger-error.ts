import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';
import type { LedgerErrorReason } from '../errors/events';

/** What an operation of a ledger rejects with; never to be read as "free" or as "held". */
export function ledgerError(reason: LedgerErrorReason, message: string): ConnectError {
  const retryAfterSeconds = COME_AGAIN_SECONDS;
  return new ConnectError('ERR_CONNECT_LEDGER', { stage: 'refresh', reason, retryAfterSeconds, message });
}
