import type { ConnectError } from '../../errors/connect-error';
import type { ConnectToken } from '../../session/connect-token';
import type { WireAnswer } from '../http/wire';
import { clockSkewMs } from '../http/clock-skew';
import { findErrorSigns, type ErrorSigns } from '../errors/error-sign';
import {
  errorForApiCode,
  errorForHttpStatus,
  errorForOAuthName,
  errorForUnusableAnswer,
  type ErrorCircumstances,
} from '../errors/error-table';
import { parseBody, type ParsedBody } from '../http/parse-body';
import { readToken, tokenFault } from './read-token';
import { readRetryAfter } from '../http/retry-after';

/** An answer of the provider, read completely or until it became unacceptable. */
export interface ProviderAnswer {
  /** HTTP status. */
  readonly status: number;
  /** The `Retry-After` header as received. */
  readonly retryAfter?: unknown;
  /** The `Date` header as received. */
  readonly date?: unknown;
  /** The body as text; empty if it was not accepted. */
  readonly body: string;
  /** Why the body was not accepted; the HTTP status still counts. */
  readonly unacceptable?: WireAnswer['unacceptable'];
}

/** What the reader needs to know besides the answer. */
export interface ReadingContext {
  readonly stage: 'exchange' | 'refresh';
  readonly statusByApiCode: Readonly<Record<string, number>>;
  /** When the answer had been read, in milliseconds since 1970. */
  readonly nowMs: number;
  /** When the request was sent, in milliseconds since 1970. @defaultValue nowMs */
  readonly sentMs?: number | undefined;
}

/** A token set, or the error that the answer means. */
export type Reading =
  | { readonly token: ConnectToken; readonly error: undefined }
  | { readonly token: undefined; readonly error: ConnectError };

/**
 * Judges an answer of the token endpoint. A token counts only from 200 or 201 (RFC 6749 §5.1 says 200), and only
 * without any error sign beside it. Signs count in this order: a 20xx code anywhere, an OAuth error name, a documented
 * number (unless the HTTP status is ≥ 500 and the number below), the HTTP status, another number of 400–599, anything
 * else that says failure. Pure, and never throws, whatever the body.
 */
export function readAnswer(answer: ProviderAnswer, context: ReadingContext): Reading {
  return readParsed(answer, parseBody(answer.body), context);
}

/** As {@link readAnswer}, for a body that has been parsed. */
export function readParsed(
  answer: Omit<ProviderAnswer, 'body'>,
  { value, isJson, isMarkup }: ParsedBody,
  context: ReadingContext,
): Reading {
  const about: ErrorCircumstances = {
    stage: context.stage,
    statusByApiCode: context.statusByApiCode,
    httpStatus: answer.status,
    retryAfterSeconds: readRetryAfter(answer.retryAfter, context.nowMs),
  };
  const unread = answer.unacceptable ?? (isMarkup ? 'html' : undefined);
  const error = signalledError(answer.status, findErrorSigns(value), unread, about);
  if (error !== undefined) return { token: undefined, error };
  const { nowMs, sentMs = nowMs } = context;
  const token = isJson ? readToken(value, nowMs, clockSkewMs(answer.date, { sentMs, nowMs })) : undefined;
  if (token !== undefined) return { token, error: undefined };
  return { token, error: errorForUnusableAnswer(answer.unacceptable ?? 'no_token', about, tokenFault(value)) };
}

function signalledError(
  status: number,
  signs: ErrorSigns,
  unread: 'html' | WireAnswer['unacceptable'],
  about: ErrorCircumstances,
): ConnectError | undefined {
  if (signs.accountCode !== undefined) return errorForApiCode(signs.accountCode, about);
  if (signs.oauthName !== undefined) return errorForOAuthName(signs.oauthName, about);
  if (signs.statusCode !== undefined && !(status >= 500 && signs.statusCode < 500)) {
    return errorForApiCode(signs.statusCode, about);
  }
  if (status >= 300 && status <= 399) return errorForUnusableAnswer('redirect', about);
  // A proxy in between may have sent it: it must not refuse an account or make a visitor connect again.
  if (status >= 400 && status <= 499 && status !== 429 && unread !== undefined) {
    return errorForUnusableAnswer(unread, about);
  }
  if (status >= 400) return errorForHttpStatus(status, about);
  if (signs.otherStatus !== undefined) return errorForHttpStatus(signs.otherStatus, about);
  if (signs.failed) return errorForUnusableAnswer('unknown_error', about);
  return status === 200 || status === 201 ? undefined : errorForUnusableAnswer('http_status', about);
}
