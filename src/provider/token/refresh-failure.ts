import type { ConnectError, ConnectErrorCode, ProviderSign } from '../../errors/connect-error';
import type { RefreshFailureKind } from '../../errors/events';
import { ownOnly } from '../../base/own';

/** How to continue after a failed refresh. */
export interface RefreshFailure {
  readonly kind: RefreshFailureKind;
  /** Only with `transient`: seconds to wait, 1–120, after HTTP 429 up to 3600; absent if the provider named none. */
  readonly retryAfterSeconds?: number;
}

const RATE_LIMIT_SECONDS = 30;
/** A maintenance page may name hours; in that time a valid token would expire without a refresh. */
const LONGEST_OUTAGE_SECONDS = 120;

const AMBIGUOUS: RefreshFailure = { kind: 'ambiguous' };
const REFUSED: RefreshFailure = { kind: 'refused' };
const OUTAGE: RefreshFailure = { kind: 'transient' };

/** What counts in an error, besides its code. */
interface Said {
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Undefined if the provider has not answered. */
  readonly provider: ProviderSign | undefined;
}

const BY_CODE: Readonly<Partial<Record<ConnectErrorCode, (said: Said) => RefreshFailure>>> = {
  ERR_CONNECT_TIMEOUT: () => AMBIGUOUS,
  ERR_CONNECT_UNAVAILABLE: unavailable,
  ERR_CONNECT_RATE_LIMITED: rateLimited,
  ERR_CONNECT_EXPIRED: ({ provider }) => (provider?.oauthError === 'invalid_grant' ? { kind: 'terminal' } : REFUSED),
  // Without an answer of the provider nothing was refused: the request could not be made.
  ERR_CONNECT_CONFIG: ({ provider }) => ({ kind: provider === undefined ? 'not_sent' : 'configuration' }),
  // With a reason, an answer that looks like success but is not usable.
  ERR_CONNECT_RESPONSE: ({ reason, provider }) =>
    reason !== undefined && (provider?.status ?? 0) < 300 ? AMBIGUOUS : OUTAGE,
};

/**
 * Classifies an error of `TokenEndpoint.refresh`. Only `invalid_grant` (RFC 6749 §5.2) is terminal.
 * `ERR_CONNECT_EXPIRED` of the error table without that name is a refusal: 400, 401 and 403 by status or number, a name
 * that is neither about the app's credentials nor about trouble of the server, and the codes about an account.
 * Everything else is an outage. Pure. `readAnswer` decides which sign of the answer counts.
 */
export function refreshFailure(error: ConnectError): RefreshFailure {
  const decide = Object.hasOwn(BY_CODE, error.code) ? BY_CODE[error.code] : undefined;
  if (decide === undefined) return OUTAGE;
  const { reason, retryAfterSeconds, provider } = ownOnly(error);
  return decide({ reason, retryAfterSeconds, provider: provider === undefined ? undefined : ownOnly(provider) });
}

function unavailable(said: Said): RefreshFailure {
  const { reason, provider = {}, retryAfterSeconds } = said;
  if (reason !== undefined) return reason === 'unreachable' ? { kind: 'not_sent' } : AMBIGUOUS;
  if (provider.status === 429) return rateLimited(said);
  const named = provider.oauthError !== undefined || provider.apiCode !== undefined;
  // 502: a gateway without an answer of the server behind it. Below 300: an undocumented number in a success.
  if (!named && (provider.status === 502 || (provider.status ?? 0) < 300)) return AMBIGUOUS;
  return retryAfterSeconds === undefined
    ? { kind: 'transient' }
    : { kind: 'transient', retryAfterSeconds: Math.min(Math.max(retryAfterSeconds, 1), LONGEST_OUTAGE_SECONDS) };
}

function rateLimited({ retryAfterSeconds }: Said): RefreshFailure {
  return { kind: 'transient', retryAfterSeconds: Math.max(retryAfterSeconds ?? RATE_LIMIT_SECONDS, 1) };
}
