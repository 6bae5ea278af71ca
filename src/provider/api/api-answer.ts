import { ConnectError } from '../../errors/connect-error';
import type { WireAnswer } from '../http/wire';
import { SIGN_KEYS, findErrorSigns, isUnsuccessful, lengthOf, type ErrorSigns } from '../errors/error-sign';
import {
  errorForApiCode,
  errorForHttpStatus,
  errorForOAuthName,
  errorForUnusableAnswer,
  type ErrorCircumstances,
} from '../errors/error-table';
import { bare, isFields, own, ownData } from '../../base/own';
import { parseBody, type ParsedBody } from '../http/parse-body';
import { readRetryAfter } from '../http/retry-after';

/** How the caller wants the data of an answer. */
export type ApiDataType = 'json' | 'text' | 'arraybuffer';

/** What the reader needs to know besides the answer. */
export interface ApiReadingContext {
  readonly method: string;
  readonly dataType: ApiDataType;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** HTTP status per API code that replaces the table's. @defaultValue none */
  readonly statusByApiCode?: Readonly<Record<string, number>> | undefined;
}

/** The data of an answer, or the error that it means; `refused` if another token may help. */
export type ApiReading =
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'refused' | 'error'; readonly error: ConnectError };

/**
 * Judges an answer of the Connect API. The documentation shows `{"success":true,"data":{…}}` (page "get-profile") but
 * no error body, so error signs are searched for as follows:
 *
 * - With an HTTP status of 400 or more, or if `success` is `false`, `0`, `'false'` or `'0'`: anywhere.
 * - In any other answer: beside `data`, never in it, because a profile may have its own `status`, `code`, `message` and
 *   `errors`. A non-empty `error` or `errors`, a documented code or its text, and a registered OAuth name are errors, even
 *   with `success: true`; `error`, `errors` and `message` are searched, six levels deep in all. A list is an error only if
 *   every element is one and there are at most 200.
 * - The body of a 2xx/3xx that was requested as text or bytes is read only if the Content-Type says JSON. With a status
 *   of 400 or more the body is always read, with HEAD never.
 *
 * Signs count in this order: a 20xx code, `insufficient_scope` (403), `invalid_token` (RFC 6750 §3.1), an OAuth name, a
 * documented number (unless the HTTP status is ≥ 500 and the number below), the HTTP status, another number of 400–599,
 * anything else that says failure. `refused`: the error is `ERR_CONNECT_EXPIRED`, whatever status the app gives it. An
 * empty body of a 2xx answer is `''`, as in axios; if JSON was requested, a body that is not a JSON object or list is
 * an error. An HTML page never counts as the refusal of an account. Pure, and never throws, whatever the body.
 */
export function readApiAnswer(answer: WireAnswer, context: ApiReadingContext): ApiReading {
  const { status, headers, unacceptable } = answer;
  const isEmpty = answer.bytes.byteLength === 0;
  const parsed = readsBody(answer, context) ? parseBody(answer.body) : UNPARSED_BODY;
  const error = apiError({ status, headers, unacceptable, isEmpty, parsed }, context);
  if (error !== undefined) return { kind: error.code === 'ERR_CONNECT_EXPIRED' ? 'refused' : 'error', error };
  if (context.dataType === 'arraybuffer') return { kind: 'data', data: answer.bytes };
  if (context.dataType === 'text' || isEmpty) return { kind: 'data', data: answer.body };
  return { kind: 'data', data: parsed.value };
}

/** The relevant parts of an answer, whoever has fetched and parsed it. */
export interface ParsedAnswer extends AnswerHead {
  /** Why the body was not accepted. */
  readonly unacceptable?: WireAnswer['unacceptable'];
  readonly isEmpty: boolean;
  /** {@link UNPARSED_BODY} unless {@link readsBody}. */
  readonly parsed: ParsedBody;
}

interface AnswerHead {
  /** HTTP status. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The error that an answer means, by the rules of {@link readApiAnswer}; undefined if nothing failed. */
export function apiError(answer: ParsedAnswer, context: Omit<ApiReadingContext, 'method'>): ConnectError | undefined {
  const { status, headers, unacceptable, isEmpty, parsed } = answer;
  const { value, isJson, isMarkup } = parsed;
  const about: ErrorCircumstances = {
    stage: 'api',
    statusByApiCode: context.statusByApiCode ?? {},
    httpStatus: status,
    retryAfterSeconds: readRetryAfter(own(headers, 'retry-after'), context.nowMs),
  };
  const error = errorFromSigns(answer, status >= 400 ? value : withoutData(value), about);
  // An HTML page comes from a proxy, not from the API: it must not end a connection.
  const refusesAccount = error?.code === 'ERR_CONNECT_EXPIRED' || error?.code === 'ERR_CONNECT_FORBIDDEN';
  if (isMarkup && refusesAccount) return errorForUnusableAnswer('html', about);
  if (error !== undefined) return error;
  if (unacceptable !== undefined) return errorForUnusableAnswer(unacceptable, about);
  const isWanted = context.dataType !== 'json' || isEmpty || (isJson && typeof value === 'object' && value !== null);
  return isWanted ? undefined : errorForUnusableAnswer('not_json', about);
}

/** A body that was not examined. */
export const UNPARSED_BODY: ParsedBody = { value: undefined, isJson: false, isMarkup: false };

/** Whether the body of an answer is to be examined. */
export function readsBody(
  { status, headers }: AnswerHead,
  { dataType, method }: Pick<ApiReadingContext, 'dataType' | 'method'>,
): boolean {
  if (method === 'HEAD') return false;
  const type = own(headers, 'content-type');
  return dataType === 'json' || status >= 400 || (typeof type === 'string' && /[/+]json\b/i.test(type));
}

/** Longer lists are returned as data: checking each element would cost too much. */
const MOST_ERRORS = 200;
/** Values examined per list element. */
const MOST_VALUES_OF_ONE = 10;
const BESIDE_DATA = SIGN_KEYS.filter((name) => name !== 'data');

/** The part of a 2xx body in which a sign means an error. */
function withoutData(value: unknown): unknown {
  if (Array.isArray(value)) {
    const length = lengthOf(value);
    if (length === 0 || length > MOST_ERRORS) return undefined;
    for (let index = 0; index < length; index += 1) {
      if (!isErrorElement(ownData(value, String(index)))) return undefined;
    }
    return value;
  }
  if (!isFields(value) || isUnsuccessful(value)) return value;
  const beside = bare<Record<string, unknown>>();
  for (const name of BESIDE_DATA) if (Object.hasOwn(value, name)) beside[name] = ownData(value, name);
  return beside;
}

function isErrorElement(element: unknown): boolean {
  const signs = findErrorSigns(isFields(element) ? withoutData(element) : undefined, MOST_VALUES_OF_ONE);
  return signs.failed || [signs.accountCode, signs.oauthName, signs.statusCode].some((sign) => sign !== undefined);
}

function errorFromSigns(answer: AnswerHead, judged: unknown, about: ErrorCircumstances): ConnectError | undefined {
  const { status } = answer;
  const signs: ErrorSigns = findErrorSigns(judged);
  if (signs.accountCode !== undefined) return errorForApiCode(signs.accountCode, about);
  if (signs.insufficientScope || (status >= 400 && challengesScope(answer))) return insufficientScope(status);
  if (signs.invalidToken) return invalidToken(status);
  // The status says the same as the name, but more precisely.
  if (status === 429 && signs.oauthName === 'temporarily_unavailable') return errorForHttpStatus(status, about);
  if (signs.oauthName !== undefined) return errorForOAuthName(signs.oauthName, about);
  if (signs.statusCode !== undefined && !(status >= 500 && signs.statusCode < 500)) {
    return errorForApiCode(signs.statusCode, about);
  }
  if (status >= 300 && status <= 399) return errorForUnusableAnswer('redirect', about);
  if (status >= 400) return errorForHttpStatus(status, about);
  if (signs.otherStatus !== undefined) return errorForHttpStatus(signs.otherStatus, about);
  if (signs.failed) return errorForUnusableAnswer('unknown_error', about);
  return status >= 200 && status <= 299 ? undefined : errorForUnusableAnswer('http_status', about);
}

/**
 * Not in the table: only a resource server says it (RFC 6750 §3.1), so from a token endpoint it must not end a
 * connection.
 */
function invalidToken(status: number): ConnectError {
  return new ConnectError('ERR_CONNECT_EXPIRED', { stage: 'api', provider: { status, oauthError: 'invalid_token' } });
}

/** RFC 6750 §3: the word may be in the challenge only. */
function challengesScope({ headers }: AnswerHead): boolean {
  const challenge = own(headers, 'www-authenticate');
  return typeof challenge === 'string' && /\berror\s*=\s*"?insufficient_scope\b/i.test(challenge);
}

/** Not in the error table, like invalid_token. A refresh would not help: the new token has the same scope. */
function insufficientScope(status: number): ConnectError {
  return new ConnectError('ERR_CONNECT_FORBIDDEN', {
    stage: 'api',
    reason: 'insufficient_scope',
    message:
      'The scope of the token does not cover this call: request more with option scope; visitors have to connect again.',
    provider: { status, oauthError: 'insufficient_scope' },
  });
}

/** The error of a refused token, with the next step and where to connect again. */
export function expiredError(
  { stage, status, provider }: ConnectError,
  why: { readonly message?: string; readonly loginUrl: string | undefined },
): ConnectError {
  const { message, loginUrl } = why;
  return new ConnectError('ERR_CONNECT_EXPIRED', {
    stage,
    status,
    ...(message === undefined ? {} : { message }),
    ...(provider === undefined ? {} : { provider }),
    ...(loginUrl === undefined ? {} : { loginUrl }),
  });
}

/**
 * The data of an answer whose status the caller accepts, whatever it says: JSON if it was requested and is valid. A
 * body that was not accepted is an error.
 */
export function dataOfAcceptedStatus(
  answer: WireAnswer,
  { dataType }: Pick<ApiReadingContext, 'dataType'>,
): ApiReading {
  if (answer.unacceptable !== undefined) {
    const about = { stage: 'api', statusByApiCode: {}, httpStatus: answer.status } as const;
    return { kind: 'error', error: errorForUnusableAnswer(answer.unacceptable, about) };
  }
  if (dataType === 'arraybuffer') return { kind: 'data', data: answer.bytes };
  const { value, isJson } = dataType === 'json' ? parseBody(answer.body) : UNPARSED_BODY;
  return { kind: 'data', data: isJson ? value : answer.body };
}
