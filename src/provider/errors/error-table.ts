import { own, ownOnly } from '../../base/own';
import {
  ConnectError,
  type ConnectErrorCode,
  type ConnectStage,
  type ProviderSign,
  type ConnectErrorReason,
} from '../../errors/connect-error';

/** The parts of the journey in which the provider can answer with an error. */
export type ProviderStage = Extract<ConnectStage, 'exchange' | 'refresh' | 'callback' | 'api'>;

/** The answer to one sign of the provider: HTTP status and code. */
type Answer = readonly [status: number, code: ConnectErrorCode];

interface ApiCodeRow {
  readonly apiCode: number;
  /** As documented (api.appypie.com); the texts of the 20xx codes are recognised in messages. */
  readonly meaning: string;
  /** At the callback, the exchange and the refresh. */
  readonly signIn: Answer;
  /** At the refresh, if that differs: the provider refuses this connection, and its visitor can connect again. */
  readonly refresh?: Answer;
  readonly apiCall: Answer;
}

/** Answers that several signs share. */
const EXPIRED: Answer = [401, 'ERR_CONNECT_EXPIRED'];
const CONFIG: Answer = [500, 'ERR_CONNECT_CONFIG'];
const FORBIDDEN: Answer = [403, 'ERR_CONNECT_FORBIDDEN'];
const UNUSABLE: Answer = [502, 'ERR_CONNECT_RESPONSE'];
const UNAVAILABLE: Answer = [502, 'ERR_CONNECT_UNAVAILABLE'];
const MAINTENANCE: Answer = [503, 'ERR_CONNECT_UNAVAILABLE'];
const ACCOUNT_FAULT: Answer = [422, 'ERR_CONNECT_ACCOUNT'];
const ACCOUNT_TAKEN: Answer = [409, 'ERR_CONNECT_ACCOUNT'];
const DENIED: Answer = [403, 'ERR_CONNECT_DENIED'];
const GRANT: Answer = [400, 'ERR_CONNECT_GRANT'];

/**
 * Every documented API code, one row per code. The status says who can act: 4xx, the visitor; 500, this deployment,
 * which is misconfigured; 502, 503 and 504, the provider.
 */
const API_CODE_TABLE: readonly ApiCodeRow[] = [
  { apiCode: 400, meaning: 'request invalid', signIn: GRANT, refresh: EXPIRED, apiCall: [400, 'ERR_CONNECT_API'] },
  { apiCode: 401, meaning: 'API key is wrong', signIn: CONFIG, refresh: EXPIRED, apiCall: EXPIRED },
  { apiCode: 403, meaning: 'administrators only', signIn: FORBIDDEN, refresh: EXPIRED, apiCall: FORBIDDEN },
  { apiCode: 404, meaning: 'not found', signIn: UNUSABLE, apiCall: [404, 'ERR_CONNECT_API'] },
  { apiCode: 405, meaning: 'method not allowed', signIn: UNUSABLE, apiCall: [405, 'ERR_CONNECT_API'] },
  { apiCode: 406, meaning: 'format is not json', signIn: UNUSABLE, apiCall: [406, 'ERR_CONNECT_API'] },
  { apiCode: 410, meaning: 'gone', signIn: UNUSABLE, apiCall: [410, 'ERR_CONNECT_API'] },
  {
    apiCode: 429,
    meaning: 'too many requests',
    signIn: [503, 'ERR_CONNECT_RATE_LIMITED'],
    apiCall: [429, 'ERR_CONNECT_RATE_LIMITED'],
  },
  { apiCode: 500, meaning: 'failure of their server', signIn: UNAVAILABLE, apiCall: UNAVAILABLE },
  { apiCode: 503, meaning: 'maintenance', signIn: MAINTENANCE, apiCall: MAINTENANCE },
  { apiCode: 2032, meaning: 'API Key is required', signIn: CONFIG, apiCall: CONFIG },
  { apiCode: 2034, meaning: 'Email is required', signIn: ACCOUNT_FAULT, refresh: EXPIRED, apiCall: ACCOUNT_FAULT },
  { apiCode: 2036, meaning: 'Invalid API Key', signIn: CONFIG, apiCall: CONFIG },
  { apiCode: 2038, meaning: 'Provide valid API Key', signIn: CONFIG, apiCall: CONFIG },
  { apiCode: 2039, meaning: 'Email already exists', signIn: ACCOUNT_TAKEN, refresh: EXPIRED, apiCall: ACCOUNT_TAKEN },
  { apiCode: 2040, meaning: 'Phone already exists', signIn: ACCOUNT_TAKEN, refresh: EXPIRED, apiCall: ACCOUNT_TAKEN },
  { apiCode: 2041, meaning: 'Email Invalid', signIn: ACCOUNT_FAULT, refresh: EXPIRED, apiCall: ACCOUNT_FAULT },
];

interface OAuthRow {
  readonly name: string;
  readonly answer: Answer;
  /** At the refresh, if that differs. */
  readonly refresh?: Answer;
  /** On an API call, if that differs. */
  readonly apiCall?: Answer;
}

/** Registered error names: RFC 6749 §4.1.2.1 (authorization) and §5.2 (token request). */
const OAUTH_TABLE: readonly OAuthRow[] = [
  { name: 'invalid_grant', answer: GRANT, refresh: EXPIRED, apiCall: EXPIRED },
  { name: 'invalid_client', answer: CONFIG },
  { name: 'unauthorized_client', answer: CONFIG },
  { name: 'unsupported_grant_type', answer: CONFIG, refresh: EXPIRED },
  { name: 'unsupported_response_type', answer: CONFIG, refresh: EXPIRED },
  { name: 'invalid_scope', answer: CONFIG, refresh: EXPIRED },
  // RFC 6750 §3.1: this call was malformed.
  { name: 'invalid_request', answer: CONFIG, refresh: EXPIRED, apiCall: [400, 'ERR_CONNECT_API'] },
  { name: 'access_denied', answer: DENIED, refresh: EXPIRED },
  { name: 'server_error', answer: UNAVAILABLE },
  { name: 'temporarily_unavailable', answer: MAINTENANCE },
];

// Maps, not objects: a name from outside must not find members of a prototype.
const rowByApiCode = new Map(API_CODE_TABLE.map((row) => [row.apiCode, row]));
const rowByOAuthName = new Map(OAUTH_TABLE.map((row) => [row.name, row]));

/** The provider's documented API codes, ascending: ten HTTP-like ones and seven of its own (20xx). */
export const DOCUMENTED_API_CODES: readonly number[] = Object.freeze(API_CODE_TABLE.map((row) => row.apiCode));

/** Every documented code with its documented meaning, ascending. */
export const API_CODE_MEANINGS: readonly (readonly [apiCode: number, meaning: string])[] = Object.freeze(
  API_CODE_TABLE.map(({ apiCode, meaning }) => [apiCode, meaning] as const),
);

/** The documented texts of the seven 20xx codes, the only texts by which a message is recognised. */
export const DOCUMENTED_MESSAGES: readonly (readonly [text: string, apiCode: number])[] = Object.freeze(
  API_CODE_TABLE.filter((row) => isAccountCode(row.apiCode)).map((row) => [row.meaning, row.apiCode] as const),
);

/** Whether the provider documents this number as an error code. */
export function isDocumentedApiCode(value: number): boolean {
  return rowByApiCode.has(value);
}

/** Whether this is one of the seven codes beyond HTTP's range, which mean the same in any context. */
export function isAccountCode(apiCode: number): boolean {
  return apiCode >= 2000;
}

/** Whether this is an error name registered for the code grant (RFC 6749 §4.1.2.1, §5.2). */
export function isOAuthErrorName(value: string): boolean {
  return rowByOAuthName.has(value);
}

/** Everything besides the sign itself that shapes the answer to an error of the provider. */
export interface ErrorCircumstances {
  readonly stage: ProviderStage;
  /** HTTP status, 400–599, per API code, that replaces the table's; the error code stays. */
  readonly statusByApiCode: Readonly<Record<string, number>>;
  /** HTTP status of the provider's answer; absent at the callback. */
  readonly httpStatus?: number | undefined;
  /** Seconds, 0–3600, as the provider asked; kept if trying again later helps. */
  readonly retryAfterSeconds?: number | undefined;
}

/** The error for one of the {@link DOCUMENTED_API_CODES}; undefined for any other number. */
export function errorForApiCode(apiCode: number, about: ErrorCircumstances): ConnectError | undefined {
  const row = rowByApiCode.get(apiCode);
  if (row === undefined) return undefined;
  const [status, code] = answerAt(row, about.stage);
  return build([overriddenStatus(apiCode, about) ?? status, code], about, { apiCode });
}

/** The error for a registered OAuth error name; undefined for any other word. */
export function errorForOAuthName(name: string, about: ErrorCircumstances): ConnectError | undefined {
  const row = rowByOAuthName.get(name);
  if (row === undefined) return undefined;
  const { answer, refresh, apiCall } = ownOnly(row);
  const special = about.stage === 'refresh' ? refresh : about.stage === 'api' ? apiCall : undefined;
  return build(special ?? answer, about, { oauthError: name });
}

/**
 * The error for an answer of which only the HTTP status counts: the table's row, or for a status without a row: 504 →
 * timeout, 500–599 → unavailable, 400–499 on an API call → the same status, anything else → unusable answer.
 */
export function errorForHttpStatus(status: number, about: ErrorCircumstances): ConnectError {
  return errorForApiCode(status, about) ?? build(answerWithoutRow(status, about.stage), about, {});
}

/**
 * The error for an answer that looks like success, or like nothing known, but cannot be used.
 * @param message - a more precise message; no value of the answer
 */
export function errorForUnusableAnswer(
  reason: ConnectErrorReason<'ERR_CONNECT_RESPONSE'>,
  about: ErrorCircumstances,
  message?: string,
): ConnectError {
  return build(UNUSABLE, about, {}, { reason, message });
}

/** The error for a callback with a refusal that is not in the tables. */
export function errorForDenial(about: ErrorCircumstances): ConnectError {
  return build(DENIED, about, {});
}

function answerAt(row: ApiCodeRow, stage: ProviderStage): Answer {
  if (stage === 'api') return row.apiCall;
  return (stage === 'refresh' ? ownOnly(row).refresh : undefined) ?? row.signIn;
}

/** The app's own status, 400–599, for an API code; undefined if it gives none. */
export function overriddenStatus(
  apiCode: number | undefined,
  { statusByApiCode = {} }: { readonly statusByApiCode?: ErrorCircumstances['statusByApiCode'] | undefined },
): number | undefined {
  const status = own(statusByApiCode, String(apiCode));
  const isAnError = typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599;
  return isAnError ? status : undefined;
}

function answerWithoutRow(status: number, stage: ProviderStage): Answer {
  if (status === 504) return [504, 'ERR_CONNECT_TIMEOUT'];
  if (status >= 500 && status <= 599) return UNAVAILABLE;
  if (stage === 'api' && status >= 400 && status <= 499) return [status, 'ERR_CONNECT_API'];
  return UNUSABLE;
}

/** Reason and message of this package. */
interface Why {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

function build(answer: Answer, about: ErrorCircumstances, sign: ProviderSign, why: Why = {}): ConnectError {
  const [status, code] = answer;
  const { stage, httpStatus, retryAfterSeconds } = ownOnly(about);
  const { reason, message } = ownOnly(why);
  const waitingHelps = code === 'ERR_CONNECT_RATE_LIMITED' || code === 'ERR_CONNECT_UNAVAILABLE';
  return new ConnectError(code, {
    status,
    stage,
    provider: httpStatus === undefined ? sign : { status: httpStatus, ...sign },
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(waitingHelps && retryAfterSeconds !== undefined ? { retryAfterSeconds } : {}),
  });
}
