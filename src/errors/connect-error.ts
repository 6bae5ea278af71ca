import {
  CODES,
  startAgainHelps,
  withDocs,
  type CodeRow,
  type ConnectErrorCode,
  type ConnectErrorReason,
} from './codes';
import { own, ownOnly } from '../base/own';
import { newReference } from './reference';

export type { ConnectErrorCode, ConnectErrorReason } from './codes';

/** A reason that an app has made up. A plain string would hide the documented ones from an editor's list. */
type OwnReason = string & NonNullable<unknown>;

/** `Retry-After` for trouble that passes by itself within moments. */
export const COME_AGAIN_SECONDS = 2;
/** `Retry-After` for a request that works as soon as it is sent again. */
export const AT_ONCE_SECONDS = 1;

/** The part of the journey in which an error arose. */
export type ConnectStage = 'options' | 'authorize' | 'callback' | 'exchange' | 'refresh' | 'api' | 'disconnect';

/** What the provider said, as numbers and registered names only; never its texts. */
export interface ProviderSign {
  /** HTTP status of the provider's answer. */
  readonly status?: number;
  /** One of the provider's documented API codes, for example 2036. */
  readonly apiCode?: number;
  /** A registered OAuth error name (RFC 6749 §4.1.2.1, §5.2), for example `invalid_grant`. */
  readonly oauthError?: string;
}

/** Everything about a {@link ConnectError} that does not follow from its code. */
export interface ConnectErrorDetails {
  /** For the developer: the next step. Must hold no value that a visitor or the provider sent. */
  readonly message?: string;
  /** The part of the journey in which it arose. @defaultValue `'api'` */
  readonly stage?: ConnectStage;
  /** HTTP status of the answer, 400–599. @defaultValue the code's own status */
  readonly status?: number;
  /** Tells variants of one code apart, for example `expired` under `ERR_CONNECT_STATE`; or a word of your own. */
  readonly reason?: ConnectErrorReason | OwnReason;
  /** What the provider said, in numbers and registered names. */
  readonly provider?: ProviderSign;
  /** Seconds, 0–3600; sent as `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Where this visitor can start again: a path of this site. */
  readonly loginUrl?: string;
  /** Further response headers, for example `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Reference under which the failure behind this error has been reported already. @defaultValue a new one */
  readonly reference?: string;
}

const BRAND = Symbol.for('express-connect-auth.ConnectError');

/** Sent with every answer of this package: nothing about a sign-in belongs in a cache or a Referer header. */
export const PRIVATE_HEADERS: Readonly<Record<string, string>> = Object.freeze(
  // Express sets every header that `for` … `in` finds.
  ownOnly({
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  }),
);

/**
 * Every failure of this package. `title` and `detail` may be shown to a visitor, `message` tells the developer the next
 * step. `status`, `statusCode`, `expose` and `headers` follow the http-errors convention, so the error handlers of
 * Express and NestJS answer with the right status too. No request, response, body, header, configuration or token is
 * reachable from it: it is safe to log whole.
 */
export class ConnectError extends Error {
  /** For logs, and for code that cannot import the class. */
  override readonly name = 'ConnectError';
  /** What went wrong, as one of the codes that docs/errors.md explains. Stable. */
  readonly code: ConnectErrorCode;
  /** HTTP status of the answer, 400–599. */
  readonly status: number;
  /** Same as `status`; NestJS, for example, reads only this one. */
  readonly statusCode: number;
  /** A short headline for the visitor. */
  readonly title: string;
  /** A sentence for the visitor: what to do now. */
  readonly detail: string;
  /** The part of the journey in which it arose. */
  readonly stage: ConnectStage;
  /**
   * 8 random characters that name this failure wherever it is reported: on the error page, in problem+json (the end of
   * `instance`), in events and under `NODE_DEBUG=connect-auth`. Each new error has its own. It is not a secret and is
   * not derived from one.
   */
  readonly reference: string;
  /** Whether the same action may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Whether `message` may be shown by error handlers that follow http-errors: not for 500 and above. */
  readonly expose: boolean;
  /** Response headers that belong to the answer, `Retry-After` for example. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Tells variants of one `code` apart, for example `expired` under `ERR_CONNECT_STATE`. After {@link isConnectError}
   * your editor knows the reasons of each code; an error that your app has made may have a word of its own.
   */
  readonly reason?: ConnectErrorReason | OwnReason;
  /** Seconds, 0–3600. */
  readonly retryAfterSeconds?: number;
  /** What the provider said, in numbers and registered names. */
  readonly provider?: ProviderSign;
  /** Where this visitor can connect again: a path of this site. */
  readonly loginUrl?: string;

  constructor(code: ConnectErrorCode, given: ConnectErrorDetails = {}) {
    const details = ownOnly(given);
    if (!Object.hasOwn(CODES, code)) {
      throw new TypeError(`A ConnectError takes one of these codes: ${Object.keys(CODES).join(', ')}.`);
    }
    const row = CODES[code];
    super(withDocs(code, details.message));
    this.code = code;
    this.status = details.status ?? row.status;
    this.statusCode = this.status;
    this.title = row.title;
    this.detail = detailFor(row, details.reason) ?? row.detail;
    this.stage = details.stage ?? 'api';
    this.reference = details.reference ?? newReference();
    this.retryable = row.retryable;
    this.expose = this.status < 500;
    this.headers = Object.freeze(
      ownOnly({
        ...PRIVATE_HEADERS,
        // RFC 9110 §11.6.1 asks for a challenge with every 401; the scheme is that of RFC 6750 §3.
        ...(this.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
        ...details.headers,
        ...(details.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(details.retryAfterSeconds) }),
      }),
    );
    if (details.reason !== undefined) this.reason = details.reason;
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds;
    if (details.provider !== undefined) this.provider = Object.freeze(ownOnly({ ...details.provider }));
    if (details.loginUrl !== undefined) this.loginUrl = details.loginUrl;
  }
}

/** The more precise `detail` of a reason, which may be any word that the app has made up. */
function detailFor(row: CodeRow, reason: string | undefined): string | undefined {
  const details = own(row, 'detailByReason') as CodeRow['detailByReason'];
  const detail = details === undefined || reason === undefined ? undefined : own(details, reason);
  return typeof detail === 'string' ? detail : undefined;
}

Object.defineProperty(ConnectError.prototype, BRAND, { value: true });

/** A {@link ConnectError} of this package: each `code` with the reasons that it can have. */
export type KnownConnectError = {
  readonly [Code in ConnectErrorCode]: Omit<ConnectError, 'code' | 'reason'> & {
    readonly code: Code;
    readonly reason?: ConnectErrorReason<Code> | OwnReason;
  };
}[ConnectErrorCode];

/**
 * Tells a {@link ConnectError} from anything else, also across two installed copies of this package.
 * @example if (isConnectError(error) && error.code === 'ERR_CONNECT_STATE' && error.reason === 'expired') { … }
 */
export function isConnectError(value: unknown): value is KnownConnectError {
  return value instanceof Error && BRAND in value;
}

/** Adds the address of the sign-in to an error where another sign-in may help. */
export function connectsAgain({ code }: ConnectError): boolean {
  return code === 'ERR_CONNECT_REQUIRED' || code === 'ERR_CONNECT_EXPIRED';
}

export function withLoginUrl(error: ConnectError, loginUrl: string | undefined): ConnectError {
  if (loginUrl === undefined || error.loginUrl !== undefined || !startAgainHelps(error.code)) return error;
  // A visitor who wants to disconnect is not helped by another sign-in.
  if (error.stage === 'disconnect') return error;
  // The app's onConnect may throw one error object again and again, frozen.
  if (!Object.isExtensible(error)) return error;
  return Object.assign(error, { loginUrl });
}

/** The reference of an error; one that an older copy of this package has made has none. */
export function referenceOf(error: ConnectError): string | undefined {
  const reference = own(error, 'reference');
  return typeof reference === 'string' ? reference : undefined;
}
