import { createHash } from 'node:crypto';
import { isConnectError, type ConnectError, type ConnectErrorCode, type ConnectStage } from './connect-error';
import { own } from '../base/own';

/** What events have in common. Each event says itself whether it has a connection or a reference. */
interface EventBase {
  /** Milliseconds since 1970. */
  readonly time: number;
  /**
   * 16 hex digits of a hash that tells connections apart, and reveals no token. Absent: the connection is not known.
   */
  readonly connection?: string;
  /** The user whom it is about, as option `owner` or `connect.of()` names them. Absent: nobody is signed in. */
  readonly owner?: string;
  /** `reference` of the ConnectError, which visitors see on the error page. Absent: nothing has failed. */
  readonly reference?: string;
}

/** A call to the provider is over. */
interface ProviderCall extends EventBase {
  /** Whole milliseconds that the provider took, up to the last byte of its answer. */
  readonly durationMs: number;
}

/** What is known of a failure. */
export interface Failure extends EventBase {
  /** `reference` of the ConnectError, which visitors see on the error page. */
  readonly reference?: string;
  /** Tells variants of one `code` apart. */
  readonly reason?: ConnectError['reason'];
  /** For the operator: cause, next step and a link to the docs; no value that a visitor or the provider sent. */
  readonly message?: string;
  /** One of the provider's documented codes, where it sent one. */
  readonly apiCode?: number;
  /** A registered OAuth error name, where the provider sent one. */
  readonly oauthError?: string;
}

/** The provider has answered the exchange of a code, or failed to. */
export interface ExchangeEvent extends ProviderCall, Failure {
  /** Which event this is. */
  readonly type: 'exchange';
  /** HTTP status of the provider's answer; absent where there was none. */
  readonly status?: number;
  /** Absent: a token came. */
  readonly code?: ConnectErrorCode;
}

/**
 * One request of `client(req)` has been answered, or has failed; the repeat after a 401 is another event. A call that
 * the app itself aborts is not reported.
 */
export interface ApiCallEvent extends ProviderCall, Failure {
  /** Which event this is. */
  readonly type: 'api_call';
  /** Hash of the connection whose token was sent; absent where it was not known. */
  readonly connection?: string;
  /** In capitals. */
  readonly method: string;
  /** HTTP status of the API's answer; absent where there was none. */
  readonly status?: number;
  /** Absent: the answer is a success, or one that the call's `validateStatus` accepts. */
  readonly code?: ConnectErrorCode;
}

/** A visitor has completed a sign-in, or a token set was imported, and the token is stored. */
export interface ConnectedEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'connected';
  /** Hash that tells this connection from others. */
  readonly connection: string;
}

/** A new token set has replaced the one of this connection; the provider was asked once for all processes. */
export interface RefreshedEvent extends ProviderCall {
  /** Which event this is. */
  readonly type: 'refreshed';
  /** Hash that tells this connection from others. */
  readonly connection: string;
  /** Generation of the new token set: 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** HTTP status of the provider's answer. */
  readonly status?: number;
}

/** A request or job held an older token set of its connection and took over the newer one from the ledger. */
export interface AdoptedEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'adopted';
  /** Hash that tells this connection from others. */
  readonly connection: string;
  /** Generation of the token set that was taken over. */
  readonly generation: number;
}

/** The provider gave no new token set; the connection lives on unless event `ended` says so. */
export interface RefreshFailedEvent extends ProviderCall, Failure {
  /** Which event this is. */
  readonly type: 'refresh_failed';
  /** As in event `error`. */
  readonly stage: 'refresh';
  /** Hash that tells this connection from others. */
  readonly connection: string;
  /** What it means for the connection. */
  readonly kind: RefreshFailureKind;
  /** Code of the error that a visitor without a valid token gets. */
  readonly code: ConnectErrorCode;
  /** HTTP status that a visitor gets while no valid token is left. */
  readonly status: number;
  /** HTTP status of the provider's answer; absent where there was none. */
  readonly providerStatus?: number;
}

/** What a failed refresh means for the connection. */
export type RefreshFailureKind =
  /** The request may have been carried out, and its answer was lost. */
  | 'ambiguous'
  /** No request left this process. */
  | 'not_sent'
  /** The provider has trouble of its own, or limits the rate of requests. */
  | 'transient'
  /** The provider says that the grant is dead. */
  | 'terminal'
  /** The provider refuses your app's credentials. */
  | 'configuration'
  /** The provider refuses this connection without saying that it is dead: it is tried again, for at least 24 hours. */
  | 'refused';

/**
 * A visitor, or the app with `connect.of()`, has disconnected. No refresh or callback in flight brings the token back.
 */
export interface DisconnectedEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'disconnected';
  /** Hash that tells this connection from others. */
  readonly connection: string;
}

/** A connection has ended. Reported once for all processes that share a ledger, and not again after a probe. */
export interface EndedEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'ended';
  /** Hash that tells this connection from others. */
  readonly connection: string;
  /** Why it has ended. */
  readonly reason: EndedReason;
}

/** Why a connection has ended. */
export type EndedReason =
  /** The provider says so. */
  | 'invalid_grant'
  /** The provider says so, after its answer to an earlier refresh was lost: nobody received the tokens in it. */
  | 'lost_response'
  /** The provider has refused it for 24 hours, in at least 8 tries. */
  | 'refused'
  /** Its visitor has disconnected. */
  | 'disconnected'
  /** A newer sign-in in the same session, or of the same user, has taken its place. */
  | 'replaced';

/** The ledger did not carry out an operation. Valid tokens are still served. */
export interface LedgerErrorEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'ledger_error';
  /** Hash that tells this connection from others. */
  readonly connection: string;
  /** What was asked of the ledger. */
  readonly operation: 'acquire' | 'renew' | 'settle' | 'fail' | 'revoke' | 'once';
  /** Why it was not carried out. */
  readonly reason: LedgerErrorReason;
  /** What the operator can do about it; absent where the ledger does not come from this package. */
  readonly message?: string;
  /** `reference` of the error that a visitor gets for it; absent where nobody gets one. */
  readonly reference?: string;
}

/** Why a ledger did not carry an operation out. */
export type LedgerErrorReason =
  /** No key of `encryptionKeys` opens the record: another process has other keys. */
  | 'key'
  /** No answer in time. */
  | 'timeout'
  /** It cannot be reached, or it refuses: check its rights, its memory and what `sendCommand` passes on. */
  | 'refused'
  /** Its database is not set up for it: a table, a right or a writable server is missing. */
  | 'setup'
  /** The answer is not one that a ledger gives. */
  | 'answer';

/**
 * The ledger is full, and has forgotten something before its time. Reported at once for the first of each kind, and
 * after that as a sum, at most once a minute.
 */
export interface LedgerForgotEvent extends EventBase {
  /** Which event this is. */
  readonly type: 'ledger_forgot';
  /**
   * `record`: the newest token set of a connection, or that it is being refreshed; `tombstone`: that a connection has
   * ended; `claim`: that a sign-in is being completed or ended.
   */
  readonly what: 'record' | 'tombstone' | 'claim';
  /** How many since the last event of this kind. */
  readonly count: number;
}

/**
 * A route of connectAuth() or the guard answered with an error; or `getToken` or a call of `client(req)` rejected, even
 * if the app catches that; or `connect.errorHandler()` or `connectErrorHandler()` answered with an error that the app
 * itself has made; or the connection of a user was not recorded at the first try. Reported once: not again when the
 * error goes on to an error handler, and not in addition to an `api_call` with its `code`.
 */
export interface ErrorEvent extends Failure {
  /** Which event this is. */
  readonly type: 'error';
  /** Where it arose. */
  readonly stage: ConnectStage;
  /** Code of the error. */
  readonly code: ConnectErrorCode;
  /** HTTP status of the answer, or of the one that `connect.errorHandler()` would give. */
  readonly status: number;
}

/** What `onEvent` receives: distinguished by `type`, free of tokens. Further types may follow in minor versions. */
export type ConnectEvent =
  | ExchangeEvent
  | ApiCallEvent
  | ConnectedEvent
  | RefreshedEvent
  | AdoptedEvent
  | RefreshFailedEvent
  | DisconnectedEvent
  | EndedEvent
  | LedgerErrorEvent
  | LedgerForgotEvent
  | ErrorEvent;

/** An event without its time, which is set when it is reported. */
export type EventFacts = WithoutTime<ConnectEvent>;
type WithoutTime<Event> = Event extends ConnectEvent ? Omit<Event, 'time'> : never;

/** Receives each {@link ConnectEvent}; what it throws, or rejects with, changes nothing. */
export type ConnectEventListener = (event: ConnectEvent) => unknown;

/** What events say about a connection: a hash of its id, and its owner where there is one. */
export function aboutConnection({
  connectionId,
  owner,
}: {
  readonly connectionId: string;
  readonly owner?: string | undefined;
}): { readonly connection: string; readonly owner?: string } {
  return { connection: connectionHash(connectionId), ...aboutOwner(owner) };
}

/** What events say about an owner. */
export function aboutOwner(owner: string | undefined): { readonly owner?: string } {
  return owner === undefined ? {} : { owner };
}

/** Every {@link EndedReason}. */
export const ENDED_REASONS = [
  'invalid_grant',
  'lost_response',
  'refused',
  'disconnected',
  'replaced',
] as const satisfies readonly EndedReason[];

const LEDGER_ERROR_REASONS: readonly LedgerErrorReason[] = ['key', 'timeout', 'refused', 'setup', 'answer'];

/** Why a ledger failed, in one known word: anything else that it throws may hold addresses and passwords. */
function ledgerErrorReason(error: unknown): LedgerErrorReason {
  const reason = isConnectError(error) ? own(error, 'reason') : undefined;
  return LEDGER_ERROR_REASONS.find((word) => word === reason) ?? 'refused';
}

/** What events say about a ledger's failure. */
export function aboutLedgerError(error: unknown): Pick<LedgerErrorEvent, 'reason' | 'message'> {
  return { reason: ledgerErrorReason(error), ...(isConnectError(error) ? { message: error.message } : {}) };
}

/** 16 hex digits that tell connections apart. @param connectionId - the random id of a connection */
export function connectionHash(connectionId: string): string {
  return createHash('sha256').update(`connect-auth connection v1\0${connectionId}`).digest('hex').slice(0, 16);
}
