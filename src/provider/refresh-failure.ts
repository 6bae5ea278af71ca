import type { ConnectError, ConnectErrorCode } from '../errors';
import type { RefreshFailureKind } from '../events';

/** How to go on after a failed refresh. */
export interface RefreshFailure {
  readonly kind: RefreshFailureKind;
  /** Only with `transient`: seconds to wait, 1–120, after HTTP 429 up to 3600; absent where the provider named none. */
  readonly retryAfterSeconds?: number;
}

const RATE_LIMIT_SECONDS = 30;
/** A maintenance page may name hours; a token that is still valid then would run out unrefreshed. */
const LONGEST_OUTAGE_SECONDS = 120;

const AMBIGUOUS: RefreshFailure = { kind: 'ambiguous' };
const SUSPECT: RefreshFailure = { kind: 'suspect' };

const BY_CODE: Readonly<Partial<Record<ConnectErrorCode, (error: ConnectError) => RefreshFailure>>> = {
  ERR_CONNECT_TIMEOUT: () => AMBIGUOUS,
  ERR_CONNECT_UNAVAILABLE: unavailable,
  ERR_CONNECT_RATE_LIMITED: rateLimited,
  ERR_CONNECT_EXPIRED: (error) => (error.provider?.oauthError === 'invalid_grant' ? { kind: 'terminal' } : SUSPECT),
  ERR_CONNECT_CONFIG: () => ({ kind: 'configuration' }),
  // Without a reason it is a refusal by number; with one, an answer that looks like success and is none.
  ERR_CONNECT_RESPONSE: ({ reason }) => (reason === undefined || reason === 'redirect' ? SUSPECT : AMBIGUOUS),
};

/**
 * Classifies an error of `TokenEndpoint.refresh`. Only `invalid_grant` (RFC 6749 §5.2) is terminal: 400, 401 and 403
 * without an OAuth name say nothing about the grant. Pure. Which sign of the answer counts is settled by `readAnswer`.
 */
export function refreshFailure(error: ConnectError): RefreshFailure {
  const decide = Object.hasOwn(BY_CODE, error.code) ? BY_CODE[error.code] : undefined;
  return decide === undefined ? SUSPECT : decide(error);
}

function unavailable(error: ConnectError): RefreshFailure {
  const { reason, provider = {}, retryAfterSeconds } = error;
  if (reason !== undefined) return reason === 'unreachable' ? { kind: 'not_sent' } : AMBIGUOUS;
  // Code 400 at a refresh; every other refusal by a 4xx number has an error code of its own.
  if (provider.apiCode === 400) return SUSPECT;
  if (provider.status === 429) return rateLimited(error);
  const named = provider.oauthError !== undefined || provider.apiCode !== undefined;
  // 502: a gateway without word of the server behind it. Below 300: a number that nobody documents, in a success.
  if (!named && (provider.status === 502 || (provider.status ?? 0) < 300)) return AMBIGUOUS;
  return retryAfterSeconds === undefined
    ? { kind: 'transient' }
    : { kind: 'transient', retryAfterSeconds: Math.min(Math.max(retryAfterSeconds, 1), LONGEST_OUTAGE_SECONDS) };
}

function rateLimited({ retryAfterSeconds }: ConnectError): RefreshFailure {
  return { kind: 'transient', retryAfterSeconds: Math.max(retryAfterSeconds ?? RATE_LIMIT_SECONDS, 1) };
}
