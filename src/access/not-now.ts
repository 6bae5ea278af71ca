import { COME_AGAIN_SECONDS, ConnectError, type ConnectErrorCode } from '../errors/connect-error';
import type { RefreshOutcome } from '../refresh/outcome';

/** How a refresh ended that gave no token although the connection is alive. */
export type NotNow = Extract<RefreshOutcome, { kind: 'wait' | 'backoff' | 'away' }>;

const CODES: Readonly<Record<string, ConnectErrorCode>> = {
  rate_limited: 'ERR_CONNECT_RATE_LIMITED',
  configuration: 'ERR_CONNECT_CONFIG',
};

const MESSAGES: Readonly<Record<string, string>> = {
  ambiguous: "The provider's answer to a refresh was lost. The refresh is repeated in a moment: try again.",
  not_sent: 'The token endpoint cannot be reached: check tokenUrl, name resolution, firewall, proxy and certificate.',
};

const LONGEST_PAUSE_SECONDS = 3600;

/**
 * The error for a visitor whose token has expired and cannot be renewed right now: nothing is lost, so no 401.
 * @param how - `status`: the app's own status for what the provider said
 */
export function notNow(outcome: NotNow, how: { readonly loginUrl?: string; readonly status?: number }): ConnectError {
  const { status = 503, ...login } = how;
  if (outcome.kind !== 'backoff') {
    return new ConnectError('ERR_CONNECT_LEDGER', {
      stage: 'refresh',
      reason: outcome.kind === 'away' ? 'away' : 'busy',
      ...(outcome.kind === 'wait' || outcome.reference === undefined ? {} : { reference: outcome.reference }),
      retryAfterSeconds: COME_AGAIN_SECONDS,
    });
  }
  const code = Object.hasOwn(CODES, outcome.word) ? CODES[outcome.word] : undefined;
  const message = Object.hasOwn(MESSAGES, outcome.word) ? MESSAGES[outcome.word] : undefined;
  return new ConnectError(code ?? 'ERR_CONNECT_UNAVAILABLE', {
    stage: 'refresh',
    ...(code === undefined ? { status, ...login } : how.status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
    ...(outcome.reference === undefined ? {} : { reference: outcome.reference }),
    retryAfterSeconds: Math.min(LONGEST_PAUSE_SECONDS, Math.max(1, Math.ceil(outcome.ms / 1000))),
  });
}
