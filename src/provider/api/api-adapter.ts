import { STATUS_CODES } from 'node:http';
import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import type { ConnectError } from '../../errors/connect-error';
import { isConnectError } from '../../errors/connect-error';
import { own } from '../../base/own';
import type { ConnectToken } from '../../session/connect-token';
import { dataOfAcceptedStatus, expiredError, readApiAnswer, type ApiDataType, type ApiReading } from './api-answer';
import { bodyReader } from './api-body';
import { callLimits, type CallLimits } from './api-limits';
import { apiCallRefused } from './api-refusal';
import type { WireAnswer, WireRequest } from '../http/wire';
import { faultError } from '../http/connection-fault';
import type { Transport } from '../http/transport';

/** What the calls of all visitors share. */
export interface ApiChannel {
  readonly transport: Transport;
  /** @throws ConnectError `ERR_CONNECT_CONFIG` for an address that no token may be sent to */
  readonly checkedAddress: (config: InternalAxiosRequestConfig) => string;
  /** The integrator's own developer key; the `ACCESSTOKEN` header is sent only if it is set. */
  readonly accessTokenKey?: string | undefined;
  /** HTTP status per API code that replaces the table's. */
  readonly statusByApiCode?: Readonly<Record<string, number>> | undefined;
  /** Carried by the error when the connection has ended. */
  readonly loginUrl?: string | undefined;
  /** Called for each request that was answered or failed, but not for one that the caller has aborted. */
  readonly onCall?: ((call: ApiCall) => void) | undefined;
  /** Called with an access token that the API has refused although it came from a refresh after a refusal. */
  readonly onRefusedAgain?: ((accessToken: string) => void) | undefined;
}

/** A finished request to the API. */
export interface ApiCall {
  readonly method: string;
  readonly token: ConnectToken;
  /** From `performance.now()`. */
  readonly startedMs: number;
  /** HTTP status of the answer; undefined if there was none. */
  readonly status: number | undefined;
  /** Undefined if the call gets the answer. */
  readonly error: ConnectError | undefined;
}

/** Gives the visitor's token, or a promise of it, or throws; `refused`: the access token that the API has just refused. */
export type VisitorToken = (refused?: string) => ConnectToken | Promise<ConnectToken>;

/** What stays the same between the first sending and the repeat. */
interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array | undefined;
  readonly dataType: ApiDataType;
  readonly limits: CallLimits;
  /** Whether the caller accepts an answer with this status, whatever it says. */
  readonly accepts: (status: number) => boolean;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']);
/** RFC 9110 §9.2.2: a client must not repeat these by itself when a connection breaks. */
const NOT_IDEMPOTENT: ReadonlySet<string> = new Set(['POST', 'PATCH']);

/**
 * Headers that a caller cannot set: the token, headers that frame the message or belong to the connection, and those
 * that would leak if a caller passed a visitor's headers on.
 */
const NOT_THE_CALLERS: ReadonlySet<string> = new Set([
  'authorization',
  'accept-encoding',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Makes the axios adapter that acts as one visitor: checks the address, gets a token, reads the body, signs and sends;
 * if the API refuses the token, asks once for another one and sends once more. Rejects with {@link ConnectError}, or
 * axios's CanceledError when the caller aborts. The response, its `config` included, does not contain the token.
 */
export function apiAdapter(
  channel: ApiChannel,
  token: VisitorToken,
): (config: InternalAxiosRequestConfig) => Promise<AxiosResponse> {
  return async function actAsVisitor(config) {
    config.headers.delete('authorization');
    const url = channel.checkedAddress(config);
    const method = methodOf(config);
    const dataType = dataTypeOf(config);
    const limits = callLimits(config);
    try {
      const readBody = bodyReader(config.data);
      // Before the body is read: an upload by a visitor who is not connected must not cost memory.
      const first = await limits.within(token());
      const { bytes, type } = await limits.within(readBody());
      const headers = withKey(callerHeaders(config.headers, bytes === undefined ? null : type), channel);
      const accepts = (status: number): boolean => isAccepted(config, status);
      const { reading, answer } = await signedAnswer({ url, method, headers, bytes, dataType, limits, accepts }, first);
      const isGiven = reading.kind !== 'data' && accepts(answer.status);
      return response(isGiven ? dataOfAcceptedStatus(answer, { dataType }) : reading, answer, config);
    } finally {
      limits.dispose();
    }
  };

  async function signedAnswer(call: Call, first: ConnectToken): Promise<{ reading: ApiReading; answer: WireAnswer }> {
    const { limits } = call;
    const seen = await send(call, first);
    if (seen.reading.kind !== 'refused') return seen;
    const second = await limits.within(token(first.access_token));
    if (second.access_token === first.access_token) return seen;
    const again = await send(call, second);
    if (again.reading.kind === 'refused') channel.onRefusedAgain?.(second.access_token);
    return again;
  }

  async function send(call: Call, token: ConnectToken): Promise<{ reading: ApiReading; answer: WireAnswer }> {
    const { method, dataType, limits, accepts } = call;
    const { statusByApiCode } = channel;
    const startedMs = performance.now();
    const report = (status: number | undefined, error: ConnectError | undefined): void =>
      channel.onCall?.({ method, token, startedMs, status, error });
    try {
      const answer = await exchange(channel.transport, wireRequest(call, token.access_token), limits);
      const reading = finalReading(readApiAnswer(answer, { method, dataType, nowMs: Date.now(), statusByApiCode }));
      report(answer.status, reading.kind === 'data' || accepts(answer.status) ? undefined : reading.error);
      return { reading, answer };
    } catch (error) {
      if (isConnectError(error)) report(undefined, error);
      throw error;
    }
  }

  /** Adds the error with which the call ends if no other token helps. */
  function finalReading(reading: ApiReading): ApiReading {
    if (reading.kind !== 'refused') return reading;
    return {
      kind: 'refused',
      error: expiredError(reading.error, { message: STILL_REFUSED, loginUrl: channel.loginUrl }),
    };
  }

  function response(reading: ApiReading, answer: WireAnswer, config: InternalAxiosRequestConfig): AxiosResponse {
    if (reading.kind !== 'data') throw reading.error;
    const { status, headers } = answer;
    // A transformResponse of the app gets the text first, as in axios.
    const own = config.transformResponse;
    const isRaw = (Array.isArray(own) ? own.length > 0 : own !== undefined) && reading.data !== answer.bytes;
    return {
      data: isRaw ? answer.body : reading.data,
      status,
      statusText: STATUS_CODES[status] ?? '',
      headers: AxiosHeaders.from(headers as Record<string, string>),
      config,
    };
  }
}

function methodOf({ method = 'get' }: InternalAxiosRequestConfig): string {
  const name = method.toUpperCase();
  if (!METHODS.has(name)) throw apiCallRefused('method');
  return name;
}

function dataTypeOf({ responseType = 'json' }: InternalAxiosRequestConfig): ApiDataType {
  if (responseType === 'json' || responseType === 'text' || responseType === 'arraybuffer') return responseType;
  throw apiCallRefused('response_type');
}

/**
 * Whether the call accepts an answer with this status. A 2xx answer that reports a failure is still an error, even for
 * a call that accepts every status.
 */
function isAccepted(config: InternalAxiosRequestConfig, status: number): boolean {
  const validateStatus = own(config, 'validateStatus');
  if (validateStatus === undefined || (status >= 200 && status <= 299)) return false;
  return typeof validateStatus !== 'function' || Boolean((validateStatus as (status: number) => unknown)(status));
}

/** @param contentType - replaces the caller's; null: there is no body */
function callerHeaders(
  headers: InternalAxiosRequestConfig['headers'],
  contentType: string | null | undefined,
): Record<string, string> {
  const chosen: Record<string, string> = { Accept: 'application/json', 'User-Agent': 'express-connect-auth' };
  for (const [name, value] of Object.entries(headers.toJSON(true))) {
    const lower = name.toLowerCase();
    if (NOT_THE_CALLERS.has(lower) || (lower === 'content-type' && contentType !== undefined)) continue;
    if (lower === 'accept') delete chosen['Accept'];
    if (lower === 'user-agent') delete chosen['User-Agent'];
    chosen[name] = value;
  }
  if (typeof contentType === 'string') chosen['Content-Type'] = contentType;
  return chosen;
}

/** Added only to what is sent: the call's settings stay in the response. */
function withKey(
  headers: Readonly<Record<string, string>>,
  { accessTokenKey }: Pick<ApiChannel, 'accessTokenKey'>,
): Readonly<Record<string, string>> {
  if (accessTokenKey === undefined) return headers;
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'accesstoken');
  return { ...Object.fromEntries(others), ACCESSTOKEN: accessTokenKey };
}

function wireRequest({ url, method, headers, bytes, limits }: Call, accessToken: string): WireRequest {
  return {
    url,
    method,
    headers: { ...headers, 'Accept-Encoding': 'identity', Authorization: `Bearer ${accessToken}` },
    body: bytes,
    mayRepeat: !NOT_IDEMPOTENT.has(method),
    signal: limits.signal,
  };
}

async function exchange(transport: Transport, request: WireRequest, limits: CallLimits): Promise<WireAnswer> {
  // No cause: Node's errors quote addresses, header values and more.
  const result = await transport(request).catch(() => {
    throw apiCallRefused('request');
  });
  if (result.kind === 'answer') return result.answer;
  throw result.fault === 'aborted' ? limits.error() : faultError(result.fault, 'api', 'apiBaseUrl');
}

const STILL_REFUSED =
  'The Connect API refuses the access token, and a refresh did not help or was not made; the session keeps it. ' +
  'Send the visitor through sign-in again if this lasts.';
