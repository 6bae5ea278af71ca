import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';

/**
 * What an operation of a store of connections rejects with: never "not connected".
 * @param reason - no answer in time, not carried out, or an answer that none of ours would get
 * @param message - free of addresses, keys and values
 */
export function connectionStoreError(reason: 'timeout' | 'failed' | 'answer', message: string): ConnectError {
  const retryAfterSeconds = COME_AGAIN_SECONDS;
  return new ConnectError('ERR_CONNECT_STORE', { stage: 'refresh', reason, retryAfterSeconds, message });
}
