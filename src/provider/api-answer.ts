import { ConnectError } from '../errors';
import type { WireAnswer } from './attempt';
import { SIGN_KEYS, findErrorSigns, type ErrorSigns } from './error-sign';
import {
  errorForApiCode,
  errorForHttpStatus,
  errorForOAuthName,
  errorForUnusableAnswer,
  type ErrorCircumstances,
} from './error-table';
import { isFields, own } from '../own';
import { parseBody, type ParsedBody } from './parse-body';
import { readRetryAfter } from './retry-after';

/** How the caller wants the data of an answer. */
export type ApiDataType = 'json' | 'text' | 'arraybuffer';

/** What the reader has to know besides the answer. */
export interface ApiReadingContext {
  readonly method: string;
  readonly dataType: ApiDataType;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
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
  const about: ErrorCircumstances = {
    stage: 'api',
    statusByApiCode: {},
    httpStatus: answer.status,
    retryAfterSeconds: readRetryAfter(own(answer.headers, 'retry-after'), context.nowMs),
  };
  const { value, isJson, isMarkup } = isJudged(answer, context) ? parseBody(answer.body) : UNREAD;
  const judged = answer.status >= 400 ? value : besideData(value);
  const error = signalledError(answer, judged, about);
  // A page is of somebody in between, who knows nothing of an account.
  const refusesAccount = error?.code === 'ERR_CONNECT_EXPIRED' || error?.code === 'ERR_CONNECT_FORBIDDEN';
  if (isMarkup && refusesAccount) return { kind: 'error', error: errorForUnusableAnswer('html', about) };
  if (error !== undefined) return { kind: error.code === 'ERR_CONNECT_EXPIRED' ? 'refused' : 'error', error };
  if (answer.unacceptable !== undefined)
    return { kind: 'error', error: errorForUnusableAnswer(answer.unacceptable, about) };
  if (context.dataType === 'arraybuffer') return { kind: 'data', data: answer.bytes };
  if (context.dataType === 'text' || answer.bytes.byteLength === 0) return { kind: 'data', data: answer.body };
  if (isJson && typeof value === 'object' && value !== null) return { kind: 'data', data: value };
  return { kind: 'error', error: errorForUnusableAnswer('not_json', about) };
}

const UNREAD: ParsedBody = { value: undefined, isJson: false, isMarkup: false };

function isJudged({ status, headers }: WireAnswer, { dataType, method }: ApiReadingContext): boolean {
  if (method === 'HEAD') return false;
  const type = own(headers, 'content-type');
  return dataType === 'json' || status >= 400 || (typeof type === 'string' && /[/+]json\b/i.test(type));
}

/** A longer list is no list of errors, but costs as if it were one. */
const MOST_ERRORS = 200;
/** Of each of them: all together must not cost more than parsing them did. */
const MOST_VALUES_OF_ONE = 10;
const BESIDE_DATA = SIGN_KEYS.filter((name) => name !== 'data');

/** The part of a 2xx body in which a sign is an error. */
function besideData(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.length > 0 && value.length <= MOST_ERRORS && value.every(saysError) ? value : undefined;
  }
  if (!isFields(value) || findErrorSigns({ success: own(value, 'success') }).failed) return value;
  return Object.fromEntries(BESIDE_DATA.map((name) => [name, own(value, name)]));
}

function saysError(element: unknown): boolean {
  const signs = findErrorSigns(isFields(element) ? besideData(element) : undefined, MOST_VALUES_OF_ONE);
  return signs.failed || [signs.accountCode, signs.oauthName, signs.statusCode].some((sign) => sign !== undefined);
}

function signalledError(answer: WireAnswer, judged: unknown, about: ErrorCircumstances): ConnectError | undefined {
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
function challengesScope({ headers }: WireAnswer): boolean {
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
