import { ConnectError } from '../../errors/connect-error';
import type { WireAnswer } from '../http/send-once';
import { SIGN_KEYS, findErrorSigns, lengthOf, type ErrorSigns } from '../errors/error-sign';
import {
  errorForApiCode,
  errorForHttpStatus,
  errorForOAuthName,
  errorForUnusableAnswer,
  type ErrorCircumstances,
} from '../errors/error-table';
import { isFields, own, ownData } from '../../base/own';
import { parseBody, type ParsedBody } from '../http/parse-body';
import { readRetryAfter } from '../http/retry-after';

/** How the caller wants the data of an answer. */
export type ApiDataType = 'json' | 'text' | 'arraybuffer';

/** What the reader has to know besides the answer. */
export interface ApiReadingContext {
  readonly method: string;
  readonly dataType: ApiDataType;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Our HTTP status per API code, instead of the table's. @defaultValue none */
  readonly statusByApiCode?: Readonly<Record<string, number>> | undefined;
}

/** The data of an answer, or the error that it means; `refused` where another token may help. */
export type ApiReading =
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'refused' | 'error'; readonly error: ConnectError };

/**
 * Judges an answer of the Connect API. Documented is `{"success":true,"data":{…}}` (page "get-profile") and no body of
 * an error, so an error sign is looked for as follows:
 *
 * - With an HTTP status of 400 or more, and where `success` is false: anywhere in the body.
 * - In any other answer: beside `data`, never in it. A profile may hold `status`, `code`, `message` and `errors` of its
 *   own. A filled `error` or `errors`, a documented code or its text, and a registered OAuth name at the top level are
 *   errors, `success: true` or not. A list is an error only if every element of it is one, and there are 200 at most.
 * - Asked for as text or bytes: only where the Content-Type says JSON. Anything else may say what it likes.
 *
 * Signs count in the order of the token endpoint's: a 20xx code, an OAuth name, a documented number (unless the HTTP
 * status is ≥ 500 and the number below), the HTTP status, another number of 400–599, anything else that says failure.
 * `refused`: the outcome is 401, or the word `invalid_token` (RFC 6750 §3.1), but not `insufficient_scope`, which is 403.
 * An empty body of a 2xx answer is `''`, as in axios; one that is not a JSON object or list is an error where JSON was
 * asked for. An HTML page never refuses an account. Pure, and never throws on any body.
 */
export function readApiAnswer(answer: WireAnswer, context: ApiReadingContext): ApiReading {
  const { status, headers, unacceptable } = answer;
  const isEmpty = answer.bytes.byteLength === 0;
  const parsed = isJudged(answer, context) ? parseBody(answer.body) : UNREAD;
  const error = apiError({ status, headers, unacceptable, isEmpty, parsed }, context);
  if (error !== undefined) return { kind: error.code === 'ERR_CONNECT_EXPIRED' ? 'refused' : 'error', error };
  if (context.dataType === 'arraybuffer') return { kind: 'data', data: answer.bytes };
  if (context.dataType === 'text' || isEmpty) return { kind: 'data', data: answer.body };
  return { kind: 'data', data: parsed.value };
}

/** An answer as far as it counts, whoever has fetched and parsed it. */
export interface JudgedAnswer extends AnswerHead {
  /** Why the body was not accepted, in a word of ours. */
  readonly unacceptable?: string | undefined;
  readonly isEmpty: boolean;
  /** {@link UNREAD} unless {@link isJudged}. */
  readonly parsed: ParsedBody;
}

interface AnswerHead {
  /** HTTP status. */
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
}

/** The error that an answer means, by the rules of {@link readApiAnswer}; undefined where nothing failed. */
export function apiError(answer: JudgedAnswer, context: Omit<ApiReadingContext, 'method'>): ConnectError | undefined {
  const { status, headers, unacceptable, isEmpty, parsed } = answer;
  const { value, isJson, isMarkup } = parsed;
  const about: ErrorCircumstances = {
    stage: 'api',
    statusByApiCode: context.statusByApiCode ?? {},
    httpStatus: status,
    retryAfterSeconds: readRetryAfter(own(headers, 'retry-after'), context.nowMs),
  };
  const error = signalledError(answer, status >= 400 ? value : besideData(value), about);
  // A page is of somebody in between, who knows nothing of an account.
  const refusesAccount = error?.code === 'ERR_CONNECT_EXPIRED' || error?.code === 'ERR_CONNECT_FORBIDDEN';
  if (isMarkup && refusesAccount) return errorForUnusableAnswer('html', about);
  if (error !== undefined) return error;
  if (unacceptable !== undefined) return errorForUnusableAnswer(unacceptable, about);
  const isWanted = context.dataType !== 'json' || isEmpty || (isJson && typeof value === 'object' && value !== null);
  return isWanted ? undefined : errorForUnusableAnswer('not_json', about);
}

/** A body that nobody has looked into. */
export const UNREAD: ParsedBody = { value: undefined, isJson: false, isMarkup: false };

/** Whether the body of an answer is to be looked into. */
export function isJudged(
  { status, headers }: AnswerHead,
  { dataType, method }: Pick<ApiReadingContext, 'dataType' | 'method'>,
): boolean {
  if (method === 'HEAD') return false;
  const type = own(headers, 'content-type');
  return dataType === 'json' || status >= 400 || (typeof type === 'string' && /[/+]json\b/i.test(type));
}

/** A longer list is not read as errors: it would cost as much as if it were some. */
const MOST_ERRORS = 200;
/** Of each of them: all together must not cost more than parsing them did. */
const MOST_VALUES_OF_ONE = 10;
const BESIDE_DATA = SIGN_KEYS.filter((name) => name !== 'data');

/** The part of a 2xx body in which a sign is an error. */
function besideData(value: unknown): unknown {
  if (Array.isArray(value)) {
    const length = lengthOf(value);
    if (length === 0 || length > MOST_ERRORS) return undefined;
    for (let index = 0; index < length; index += 1) if (!saysError(ownData(value, String(index)))) return undefined;
    return value;
  }
  if (!isFields(value) || findErrorSigns({ success: ownData(value, 'success') }).failed) return value;
  return Object.fromEntries(BESIDE_DATA.map((name) => [name, ownData(value, name)]));
}

function saysError(element: unknown): boolean {
  const signs = findErrorSigns(isFields(element) ? besideData(element) : undefined, MOST_VALUES_OF_ONE);
  return signs.failed || [signs.accountCode, signs.oauthName, signs.statusCode].some((sign) => sign !== undefined);
}

function signalledError(answer: AnswerHead, judged: unknown, about: ErrorCircumstances): ConnectError | undefined {
  const { status } = answer;
  const signs: ErrorSigns = findErrorSigns(judged);
  if (signs.accountCode !== undefined) return errorForApiCode(signs.accountCode, about);
  if (signs.insufficientScope || (status >= 400 && challengesScope(answer))) return insufficientScope(status);
  if (signs.invalidToken) return invalidToken(status);
  // The status says the same as the name, and more precisely.
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

/** Not in the table: only a resource server says it (RFC 6750 §3.1), and a token endpoint must not end a connection by it. */
function invalidToken(status: number): ConnectError {
  return new ConnectError('ERR_CONNECT_EXPIRED', { stage: 'api', provider: { status, oauthError: 'invalid_token' } });
}

/** RFC 6750 §3: the word may stand in the challenge only. */
function challengesScope({ headers }: AnswerHead): boolean {
  const challenge = own(headers, 'www-authenticate');
  return typeof challenge === 'string' && /\berror\s*=\s*"?insufficient_scope\b/i.test(challenge);
}

/** As above. Another token of the same connection has the same scope: a refresh helps nobody. */
function insufficientScope(status: number): ConnectError {
  return new ConnectError('ERR_CONNECT_FORBIDDEN', {
    stage: 'api',
    reason: 'insufficient_scope',
    message:
      'The token does not cover this call: ask for more with option scope; visitors have to connect again for it.',
    provider: { status, oauthError: 'insufficient_scope' },
  });
}

/** The error of a refused token, with what helps then, and where to connect again. */
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
 * The data of an answer whose status the caller has accepted, whatever it says: JSON where it was asked for and is there.
 * Of a body that was not accepted there is nothing to give.
 */
export function acceptedData(answer: WireAnswer, { dataType }: Pick<ApiReadingContext, 'dataType'>): ApiReading {
  if (answer.unacceptable !== undefined) {
    const about = { stage: 'api', statusByApiCode: {}, httpStatus: answer.status } as const;
    return { kind: 'error', error: errorForUnusableAnswer(answer.unacceptable, about) };
  }
  if (dataType === 'arraybuffer') return { kind: 'data', data: answer.bytes };
  const { value, isJson } = dataType === 'json' ? parseBody(answer.body) : UNREAD;
  return { kind: 'data', data: isJson ? value : answer.body };
}
