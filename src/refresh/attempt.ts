import { durationOf, emit, saidOf } from '../errors/emit';
import { ConnectError, isConnectError } from '../errors/connect-error';
import { aboutConnection, type ConnectEventListener, type RefreshFailureKind } from '../errors/events';
import { overriddenStatus } from '../provider/errors/error-table';
import { refreshFailure } from '../provider/token/refresh-failure';
import { ownOnly } from '../base/own';
import type { TokenEndpoint } from '../provider/token/token-endpoint';
import { newToken, type TokenSet } from '../session/connect-token';
import type { Ask } from './ask';
import { backOff } from './back-off';
import { lifetimeSeconds } from './due';
import { type RefreshOutcome, writeWord } from './outcome';
import type { Acquired, RefreshLedger } from '../ledger/ledger';
import type { Pauses } from './pauses';
import type { Settler } from './settle';

/** What presenting a refresh token needs. */
export interface AttemptParts {
  readonly ledger: RefreshLedger;
  readonly endpoint: Pick<TokenEndpoint, 'refresh'>;
  readonly onEvent?: ConnectEventListener | undefined;
  /** Nonce of this process and instance. */
  readonly claimant: string;
  /** Milliseconds; renewed every third. */
  readonly leaseMs: number;
  readonly ask: Ask;
  readonly settler: Settler;
  readonly pauses: Pauses;
  /** HTTP status per API code, instead of what the kind of the failure says. */
  readonly statusByApiCode?: Readonly<Record<string, number>> | undefined;
}

/** A claim that the ledger has given to this process. */
export interface WonClaim {
  readonly key: string;
  readonly set: TokenSet;
  readonly won: Extract<Acquired, { kind: 'won' }>;
  /** Milliseconds. */
  readonly retentionMs: number;
}

/**
 * HTTP status for visitors without a valid token, by kind of failure; 503 for the others, which may pass by themselves.
 */
const VISITOR_STATUS: Readonly<Partial<Record<RefreshFailureKind, number>>> = {
  terminal: 401,
  refused: 401,
  configuration: 500,
};
/** Milliseconds in which this process makes no claim after an `invalid_grant` that the ledger did not record. */
const UNRECORDED_PAUSE_MS = 2000;
/** Renewals per lease, so that one of them may fail. */
const RENEWALS = 3;

/**
 * Presents the refresh token of a claim once and records the result.
 * @returns undefined when the failure decides nothing and the ledger has to be asked again: this process has lost the
 * claim, or this was the probe of a connection that had ended before
 */
export async function attemptRefresh(claim: WonClaim, parts: AttemptParts): Promise<RefreshOutcome | undefined> {
  const { key, set, won, retentionMs } = claim;
  const startedMs = performance.now();
  let status: number | undefined;
  const renewal = setInterval(() => {
    void parts.ask('renew', set, () => parts.ledger.renew(key, parts.claimant, parts.leaseMs));
  }, parts.leaseMs / RENEWALS);
  try {
    const token = await parts.endpoint.refresh(set.token.refresh_token ?? '', {
      onAnswer: (httpStatus) => {
        status = httpStatus;
      },
    });
    clearInterval(renewal);
    parts.pauses.succeeded();
    const took = durationOf({ startedMs });
    const next = successor(set, token, Date.now());
    const outcome = await parts.settler.settle(key, next, { fence: won.fence, retentionMs });
    // If it was revoked meanwhile, or superseded, nobody uses this token set.
    if (outcome.kind === 'token' && outcome.set === next) {
      emit(parts.onEvent, {
        type: 'refreshed',
        ...aboutConnection(set),
        generation: next.generation,
        ...took,
        ...(status === undefined ? {} : { status }),
      });
    }
    return outcome;
  } catch (thrown) {
    clearInterval(renewal);
    const error = isConnectError(thrown) ? thrown : new ConnectError('ERR_CONNECT_UNAVAILABLE', { stage: 'refresh' });
    return recordFailure(claim, { error, ...durationOf({ startedMs }) }, parts);
  }
}

interface FailedCall {
  readonly error: ConnectError;
  readonly durationMs: number;
}

async function recordFailure(
  claim: WonClaim,
  { error, durationMs }: FailedCall,
  parts: AttemptParts,
): Promise<RefreshOutcome | undefined> {
  const { key, set, won, retentionMs } = claim;
  const { kind, retryAfterSeconds } = ownOnly(refreshFailure(error));
  const apiCode = error.provider?.apiCode;
  const status = overriddenStatus(apiCode, parts);
  announce(set, { kind, error, durationMs, status: status ?? VISITOR_STATUS[kind] ?? 503 }, parts.onEvent);
  const ambiguous = won.ambiguous || kind === 'ambiguous';
  // The status counts too: an OAuth error name in a 429 decides the code, and none of these names means "rate limited".
  const rateLimited = error.code === 'ERR_CONNECT_RATE_LIMITED' || error.provider?.status === 429;
  // The reason to report if this failure ends the connection.
  const endReason = kind !== 'terminal' ? 'refused' : ambiguous ? 'lost_response' : 'invalid_grant';
  const pause =
    kind === 'terminal'
      ? { ms: UNRECORDED_PAUSE_MS, word: endReason }
      : backOff(kind, { ...won, rateLimited, retryAfterSeconds }, Math.random());
  // Later claimants get only this word, so it includes an API code for which the app has a status.
  const recorded = (word: string): string => writeWord({ word, apiCode: status === undefined ? undefined : apiCode });
  const failed = await parts.ask('fail', { ...set, reference: error.reference }, () =>
    parts.ledger.fail(key, {
      claimant: parts.claimant,
      kind: kind === 'terminal' || kind === 'refused' ? kind : 'transient',
      backoffMs: Math.round(pause.ms),
      error: recorded(pause.word),
      ambiguous,
      retentionMs,
    }),
  );
  if (failed === 'ended') {
    // This was only a probe. Asked again, the ledger says why the connection had ended.
    if (won.ended) return undefined;
    emit(parts.onEvent, { type: 'ended', ...aboutConnection(set), reason: endReason });
    return { kind: 'dead', word: endReason, reference: error.reference };
  }
  // Terminal but not recorded: another process may have a newer token set by now, so this ends no connection.
  const word = recorded(kind === 'terminal' ? 'unavailable' : pause.word);
  const paused =
    kind === 'configuration'
      ? parts.pauses.refusedUs(key, set, word)
      : { kind: 'backoff' as const, ms: pause.ms, word };
  if (kind !== 'configuration') parts.pauses.keep(key, set, paused);
  // Lost: another process has the claim, or the record is gone. Ask the ledger again; the pause prevents another
  // attempt.
  return failed === 'lost' ? undefined : { ...paused, reference: error.reference };
}

interface Announcement {
  readonly kind: RefreshFailureKind;
  /** The HTTP status for visitors without a valid token. */
  readonly status: number;
}

function announce(
  set: TokenSet,
  { kind, error, durationMs, status }: FailedCall & Announcement,
  onEvent: ConnectEventListener | undefined,
): void {
  const { status: providerStatus } = error.provider ?? {};
  emit(onEvent, {
    type: 'refresh_failed',
    stage: 'refresh',
    ...aboutConnection(set),
    kind,
    code: error.code,
    status,
    ...(providerStatus === undefined ? {} : { providerStatus }),
    durationMs,
    ...saidOf(error),
  });
}

/**
 * The token set that a refresh brought. An omitted scope means the same scope (RFC 6749 §5.1); an omitted refresh token
 * has been filled in by {@link TokenEndpoint.refresh}.
 */
function successor(set: TokenSet, token: TokenSet['token'], nowMs: number): TokenSet {
  const { access_token, refresh_token, expires_at, scope = set.token.scope } = ownOnly(token);
  return {
    ...set,
    token: newToken({ access_token, refresh_token, expires_at, scope }),
    generation: set.generation + 1,
    lifetimeSeconds: lifetimeSeconds(token, nowMs),
  };
}
