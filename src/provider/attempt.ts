import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { own } from './own';

/** One HTTP request, complete. */
export interface WireRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answer to it, whatever its HTTP status. */
export interface WireAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** As UTF-8; empty where it was not accepted. */
  readonly body: string;
  /** Why the body was not accepted: over 64 KiB, or compressed although we asked for identity. */
  readonly unacceptable: 'too_large' | 'encoded' | undefined;
}

/**
 * Why there is no answer: `timeout` no complete one in time; `unreachable` nothing was sent (name, connection or
 * certificate); `broken` the connection ended after the request may have left.
 */
export type TransportFault = 'timeout' | 'unreachable' | 'broken';

/** An answer or a fault, never both; `repeated` where the request may have been written to two connections. */
export type WireResult =
  | { readonly kind: 'answer'; readonly answer: WireAnswer; readonly repeated?: true }
  | { readonly kind: 'fault'; readonly fault: TransportFault; readonly repeated?: true };

/** `stale`: the attempt met a kept connection that gave no byte of an answer; it may be made again. */
export type AttemptOutcome = WireResult | 'stale';

/** What one attempt needs to know. */
export interface Attempt {
  readonly request: WireRequest;
  readonly url: URL;
  readonly agent: http.Agent;
  /** Ends the attempt as `timeout`. */
  readonly deadline: AbortSignal;
  /** Whether a kept connection is dropped, as `stale`, before anything is written to it. */
  readonly onlyFresh: boolean;
}

const MAX_BODY_BYTES = 65_536;

/** Options of node:http that choose where the request goes: ours, or a polluted Object.prototype would set them. */
const OWN_ROUTE = {
  auth: undefined, ca: undefined, createConnection: undefined, family: undefined, insecureHTTPParser: undefined,
  localAddress: undefined, lookup: undefined, maxHeaderSize: undefined, servername: undefined, setHost: true,
  signal: undefined, socketPath: undefined, timeout: undefined,
};

/**
 * Makes one request over one connection and calls `done` once, also when errors follow. Nothing is written before the
 * connection stands and its certificate is verified, so an agent that tolerates bad certificates gets no secret. After
 * anything but a complete answer the connection is destroyed.
 */
export function startAttempt(attempt: Attempt, done: (outcome: AttemptOutcome) => void): void {
  const { request, url, agent, deadline, onlyFresh } = attempt;
  const secure = url.protocol === 'https:';
  const body = Buffer.from(request.body);
  let connection: Socket | undefined;
  let written = false;
  let answerBegun = false;
  let settled = false;

  const outgoing = (secure ? https : http).request({
    ...urlToHttpOptions(url),
    ...OWN_ROUTE,
    agent,
    defaultPort: secure ? 443 : 80,
    method: request.method,
    headers: { ...request.headers, 'Content-Length': String(body.byteLength) },
    rejectUnauthorized: true,
  });
  // These stay attached for good: an 'error' after the outcome must not become an uncaught exception.
  outgoing.on('error', fail);
  outgoing.on('close', fail);
  outgoing.once('socket', useConnection);
  outgoing.once('response', readResponse);
  deadline.addEventListener('abort', timeOut);

  function useConnection(socket: Socket): void {
    if (onlyFresh && outgoing.reusedSocket) return settle('stale', 'destroy');
    connection = socket;
    socket.on('data', noteAnswer);
    const awaited = eventBeforeUse(socket, secure);
    if (awaited === undefined) write();
    else socket.once(awaited, write);
  }

  function write(): void {
    if (settled) return;
    if (secure && !isAuthorized(connection)) return settle({ kind: 'fault', fault: 'unreachable' }, 'destroy');
    written = true;
    outgoing.end(body);
  }

  function noteAnswer(): void {
    answerBegun = true;
  }

  function readResponse(response: http.IncomingMessage): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // From here on the response's own events tell how it ends: it may still be read after its request has closed.
    outgoing.off('close', fail);
    response.on('error', fail);
    response.on('close', fail);
    if (isEncoded(response.headers)) return settle(answerOf(response, '', 'encoded'), 'destroy');
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else settle(answerOf(response, '', 'too_large'), 'destroy');
    });
    response.once('end', () => {
      settle(answerOf(response, Buffer.concat(chunks).toString('utf8')), 'keep');
    });
  }

  function fail(): void {
    if (outgoing.reusedSocket && !answerBegun) return settle('stale', 'destroy');
    settle({ kind: 'fault', fault: written ? 'broken' : 'unreachable' }, 'destroy');
  }

  function timeOut(): void {
    settle({ kind: 'fault', fault: 'timeout' }, 'destroy');
  }

  function settle(outcome: AttemptOutcome, socketFate: 'keep' | 'destroy'): void {
    if (settled) return;
    settled = true;
    deadline.removeEventListener('abort', timeOut);
    connection?.off('data', noteAnswer);
    if (socketFate === 'destroy') outgoing.destroy();
    done(outcome);
  }
}

/** The event after which a connection can be written to; undefined where it stands already. */
function eventBeforeUse(socket: Socket, secure: boolean): 'connect' | 'secureConnect' | undefined {
  if (!secure) return socket.connecting ? 'connect' : undefined;
  // `secureConnecting` is false once the handshake has ended, well or badly; @types/node does not know it.
  const { secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean };
  return isAuthorized(socket) || secureConnecting === false ? undefined : 'secureConnect';
}

function isAuthorized(socket: Socket | undefined): boolean {
  return (socket as { readonly authorized?: boolean } | undefined)?.authorized === true;
}

function isEncoded(headers: http.IncomingHttpHeaders): boolean {
  const encoding = own(headers, 'content-encoding');
  return typeof encoding === 'string' && !/^(?:identity)?$/i.test(encoding.trim());
}

function answerOf(response: http.IncomingMessage, body: string, unacceptable?: WireAnswer['unacceptable']): WireResult {
  const { statusCode: status = 0, headers } = response;
  return { kind: 'answer', answer: { status, headers, body, unacceptable } };
}
