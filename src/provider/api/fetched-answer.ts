import { Stream } from 'node:stream';
import { isArrayBuffer, isArrayBufferView } from 'node:util/types';
import type { ConnectError } from '../../errors/connect-error';
import { own, ownData, ownOnly } from '../../base/own';
import { apiError, expiredError, readsBody, UNPARSED_BODY } from './api-answer';
import { errorForUnusableAnswer } from '../errors/error-table';
import { parseBody, type ParsedBody } from '../http/parse-body';
import { readParsed } from '../token/read-answer';

/** An answer of the provider, fetched by any HTTP client and read completely. */
export interface FetchedAnswer {
  /** HTTP status. */
  readonly status: number;
  /** A plain object with names in upper or lower case, a `Headers` of fetch, or the headers of axios. */
  readonly headers?: object | undefined;
  /** As text, as bytes, or parsed; undefined if empty. */
  readonly body?: unknown;
}

/** What {@link connectErrorFrom} can use besides the answer. */
export interface ConnectErrorFromOptions {
  /** What answered: the API, or the token endpoint for a code or a refresh. @defaultValue `'api'` */
  readonly stage?: 'api' | 'exchange' | 'refresh' | undefined;
  /**
   * As in axios, for stage `api`. With `'json'` a successful answer that is not JSON is an error; with the others only
   * refusals are.
   * @defaultValue `'json'`
   */
  readonly responseType?: 'json' | 'text' | 'arraybuffer' | undefined;
  /**
   * As option `statusByApiCode` of `connectAuth()`: HTTP status, 400–599, per API code, in place of the default one.
   */
  readonly statusByApiCode?: Readonly<Record<string | number, number>> | undefined;
  /** Where a visitor whose connection has ended can connect again: carried by `ERR_CONNECT_EXPIRED`. */
  readonly loginUrl?: string | undefined;
}

/**
 * Gives the error that an answer of the Connect API means, as `client(req)` would throw it, or undefined if it is not a
 * failure. The error contains only numbers and registered names of the answer. Never throws, whatever the answer holds,
 * and runs no code of a parsed body.
 */
export function connectErrorFrom(
  answer: FetchedAnswer,
  options: ConnectErrorFromOptions = {},
): ConnectError | undefined {
  const given = ownOnly(options);
  const member = (name: keyof FetchedAnswer): unknown => tried(() => own(answer, name));
  const status = member('status');
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 999) {
    const about = { stage: given.stage ?? 'api', statusByApiCode: {} } as const;
    return errorForUnusableAnswer('http_status', about, NO_STATUS);
  }
  const head = { status, headers: tried(() => knownHeaders(member('headers'))) ?? {} };
  const body = member('body');
  const text = tried(() => textOf(body));
  // If an object cannot be examined, like a revoked proxy, only the status counts.
  const parse = (): ParsedBody =>
    text === undefined ? (tried(() => givenParsed(body)) ?? UNPARSED_BODY) : parseBody(text);
  const isEmpty = text === '';
  const reading = tried(() => ({ means: judged(head, { isEmpty, parse }, given) })) ?? {
    means: judged(head, { isEmpty, parse: () => UNPARSED_BODY }, given),
  };
  const { means } = reading;
  if (means?.code !== 'ERR_CONNECT_EXPIRED') return means;
  const { loginUrl } = given;
  return expiredError(means, { loginUrl, ...(means.stage === 'api' ? { message: REFUSED } : {}) });
}

const NO_STATUS = 'This is not an answer: pass an object with status (an HTTP status as a number), headers and body.';
const REFUSED =
  'The Connect API refuses the access token: ask getToken(req, { refused }) for another one, and call once more. ' +
  'If that gives the same token, send the visitor through sign-in again.';

/**
 * The error that an axios error with a response means, as {@link connectErrorFrom} reads it; undefined for anything
 * else. The axios error, which holds address, headers and token of the call, is not reachable from it.
 */
export function errorFromAxios(error: unknown, options: ConnectErrorFromOptions): ConnectError | undefined {
  const response = tried(() => (isAxiosError(error) ? own(error, 'response') : undefined));
  if (typeof response !== 'object' || response === null) return undefined;
  const [status, headers, body] = ['status', 'headers', 'data'].map((name) => tried(() => own(response, name)));
  return connectErrorFrom({ status: status as number, headers: headers as object, body }, options);
}

/** By the mark on axios's errors, whichever copy of axios an app has. */
function isAxiosError(error: unknown): error is object {
  return typeof error === 'object' && error !== null && (error as { isAxiosError?: unknown }).isAxiosError === true;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

interface Body {
  readonly isEmpty: boolean;
  readonly parse: () => ParsedBody;
}

/** Uses the same readers as the client and the token endpoint. */
function judged(head: Head, { isEmpty, parse }: Body, given: ConnectErrorFromOptions): ConnectError | undefined {
  const { stage = 'api', responseType: dataType = 'json', statusByApiCode = {} } = given;
  const { status, headers } = head;
  const nowMs = Date.now();
  if (stage === 'exchange' || stage === 'refresh') {
    const answer = { status, retryAfter: headers['retry-after'], date: headers['date'] };
    return readParsed(answer, parse(), { stage, statusByApiCode, nowMs }).error;
  }
  const parsed = readsBody(head, { dataType, method: 'GET' }) ? parse() : UNPARSED_BODY;
  return apiError({ ...head, isEmpty, parsed }, { dataType, nowMs, statusByApiCode });
}

/** The text of a body that was not parsed; undefined for any other. */
function textOf(body: unknown): string | undefined {
  if (body === undefined) return '';
  if (typeof body === 'string') return body;
  // Not Buffer.from(): bytes may have members that shadow the built-in ones.
  return isArrayBufferView(body) || isArrayBuffer(body) ? new TextDecoder().decode(body) : undefined;
}

/** A body that its client has parsed; an unread one, a stream or a promise, says nothing. */
function givenParsed(body: unknown): ParsedBody {
  const isValue = ['boolean', 'number', 'object'].includes(typeof body);
  const isOfAClass = typeof body === 'object' && body !== null && !Array.isArray(body) && !isPlain(body);
  return isValue && !isOfAClass ? { value: body, isJson: true, isMarkup: false } : UNPARSED_BODY;
}

function isPlain(body: object): boolean {
  return Object.prototype.toString.call(body) === '[object Object]' && !(body instanceof Stream);
}

const HEADERS = ['retry-after', 'www-authenticate', 'content-type', 'date'];

/** The headers that count, under names in lower case. */
function knownHeaders(headers: unknown): Readonly<Record<string, unknown>> {
  if (typeof headers !== 'object' || headers === null) return {};
  const spellings = new Map(Object.keys(headers).map((name) => [name.toLowerCase(), name]));
  const valueOf = (name: string): string | undefined => {
    const value = ownData(headers, spellings.get(name) ?? name);
    const first: unknown = Array.isArray(value) ? ownData(value, '0') : value;
    if (typeof first === 'string') return first;
    return typeof first === 'number' ? String(first) : gotten(headers, name);
  };
  return ownOnly(Object.fromEntries(HEADERS.map((name) => [name, valueOf(name)])));
}

/** From the `Headers` of whichever fetch. */
function gotten(headers: object, name: string): string | undefined {
  const { get } = headers as { get?: unknown };
  const value: unknown = typeof get === 'function' ? get.call(headers, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** For objects of others: a getter or a proxy may throw. */
function tried<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
