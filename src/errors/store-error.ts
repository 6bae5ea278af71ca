import { COME_AGAIN_SECONDS, ConnectError, type ConnectErrorReason, type ConnectStage } from './connect-error';

/** An `ERR_CONNECT_STORE`; the store's own error is left out, because it may hold its address or password. */
export function storeError(
  stage: ConnectStage,
  reason: ConnectErrorReason<'ERR_CONNECT_STORE'>,
  message?: string,
): ConnectError {
  return new ConnectError('ERR_CONNECT_STORE', {
    stage,
    reason,
    retryAfterSeconds: COME_AGAIN_SECONDS,
    ...(message === undefined ? {} : { message }),
  });
}
