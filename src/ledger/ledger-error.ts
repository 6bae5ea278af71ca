import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';

/**
 * What an operation of a ledger rejects with: never "free", and never "held".
 * @param reason - `timeout`, `refused`, `setup`, `answer` or `key`
 */
export function ledgerError(reason: string, message: string): ConnectError {
  const retryAfterSeconds = COME_AGAIN_SECONDS;
  return new ConnectError('ERR_CONNECT_LEDGER', { stage: 'refresh', reason, retryAfterSeconds, message });
}
