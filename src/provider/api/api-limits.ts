import { CanceledError, type InternalAxiosRequestConfig } from 'axios';
import { ConnectError } from '../../errors/connect-error';
import { apiCallRefused } from './api-refusal';

/** The longest wait of a timer; a longer one would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What can end a call early: its own `timeout`, or the caller's signal. */
export interface CallLimits {
  /** Aborts the request; undefined if nothing can end the call early. */
  readonly signal: AbortSignal | undefined;
  /** The error of an ended call: `ERR_CONNECT_TIMEOUT`, or axios's CanceledError without contents. */
  readonly error: () => Error;
  /** The result of `work`, unless the call ends first; then that of `work` is ignored. */
  readonly within: <Value>(work: Value | Promise<Value>) => Value | Promise<Value>;
  /** To be called when the call is over. */
  readonly dispose: () => void;
}

/** Of most calls: nothing can end them early, so they need no AbortController and no races. */
const UNLIMITED: CallLimits = {
  signal: undefined,
  error: () => new CanceledError(),
  within: (work) => work,
  dispose: () => undefined,
};

/**
 * Reads the limits of one call. A `timeout` applies to the whole call, a refresh and a repeat included.
 * @throws ConnectError `ERR_CONNECT_CONFIG` with reason `timeout` or `cancel_token`
 */
export function callLimits({
  signal,
  timeout,
  cancelToken,
}: Pick<InternalAxiosRequestConfig, 'signal' | 'timeout' | 'cancelToken'>): CallLimits {
  if (cancelToken !== undefined) throw apiCallRefused('cancel_token');
  if (timeout !== undefined && !(Number.isFinite(timeout) && timeout >= 0)) throw apiCallRefused('timeout');
  if (signal === undefined && (timeout === undefined || timeout === 0)) return UNLIMITED;
  const ending = new AbortController();
  let timedOut = false;
  const timer =
    timeout !== undefined && timeout > 0 ? setTimeout(endInTime, Math.min(timeout, LONGEST_TIMER_MS)) : undefined;
  signal?.addEventListener?.('abort', cancel);
  if (signal?.aborted === true) cancel();

  function endInTime(): void {
    timedOut = true;
    ending.abort();
  }

  function cancel(): void {
    ending.abort();
  }

  function error(): Error {
    // Recognised by axios.isCancel(), but without the settings of the call that axios would add.
    return timedOut ? new ConnectError('ERR_CONNECT_TIMEOUT', { stage: 'api' }) : new CanceledError();
  }

  return {
    signal: ending.signal,
    error,
    async within(work) {
      let end = cancel;
      const ended = new Promise<never>((_resolve, reject) => {
        end = () => {
          reject(error());
        };
        ending.signal.addEventListener('abort', end);
        if (ending.signal.aborted) end();
      });
      try {
        return await Promise.race([work, ended]);
      } finally {
        ending.signal.removeEventListener('abort', end);
      }
    },
    dispose() {
      clearTimeout(timer);
      signal?.removeEventListener?.('abort', cancel);
    },
  };
}
