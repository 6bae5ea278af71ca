import http from 'node:http';
import https from 'node:https';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
import { own } from '../../base/own';
import { isIntercepted, waitsForNode, witness } from './interceptor';
import { isVerified } from './verified';
import type { WireAnswer, WireRequest, WireResult } from './wire';

/**
 * The result of a sending. Two are for a kept connection that its server had closed: `unwritten`, noticed before
 * anything was written to it, and `unanswered`, written but without a byte of an answer.
 */
export type SendResult = WireResult | 'unwritten' | 'unanswered';

/** What one sending needs to know. */
export interface Sending {
  readonly request: WireRequest;
  readonly url: URL;
  readonly agent: http.Agent;
  /** Ends the sending as `timeout`. */
  readonly deadline: AbortSignal;
  /** Ends the sending as `aborted`. */
  readonly signal: AbortSignal | undefined;
  /** Whether the connection may serve further requests. */
  readonly isKept: boolean;
  /** Limit of the answer's body. */
  readonly maxBodyBytes: number;
}

/**
 * The options that node:http, https, net, tls and streams read. All are set here, because Node copies options into
 * plain objects, in which a missing one would be found on a polluted Object.prototype. An agent's own options win.
 */
const UNSAID = (
  'ALPNCallback ALPNProtocols SNICallback _agentKey _defaultAgent _handle allowHalfOpen allowPartialTrustChain auth ' +
  'autoDestroy autoSelectFamily autoSelectFamilyAttemptTimeout ca captureRejections cert ciphers clientCertEngine ' +
  'construct createConnection crl decodeStrings defaultEncoding destroy dhparam ecdhCurve emitClose enableTrace ' +
  'encoding family fd final handle handshakeTimeout highWaterMark hints honorCipherOrder insecureHTTPParser isServer ' +
  'joinDuplicateHeaders keepAlive keepAliveInitialDelay keepAliveMsecs key localAddress localPort lookup manualStart ' +
  'maxHeaderSize maxVersion minVersion noDelay objectMode onread passphrase pauseOnConnect pauseOnCreate pfx ' +
  'privateKeyEngine privateKeyIdentifier proxyEnv pskCallback read readable readableHighWaterMark readableObjectMode ' +
  'requestCert requestOCSP secureContext secureOptions secureProtocol server servername sessionIdContext ' +
  'sessionTimeout signal sigalgs socket socketPath ticketKeys timeout uniqueHeaders writable writableHighWaterMark ' +
  'writableObjectMode write writev'
).split(' ');

const OWN_ROUTE: Readonly<http.RequestOptions> = {
  ...Object.fromEntries(UNSAID.map((name) => [name, undefined])),
  // Not resumed: in a resumed TLS session the certificate cannot be examined.
  ...{ session: undefined },
  ...{ minDHSize: 1024, rejectUnauthorized: true },
  ...{ setDefaultHeaders: true, setHost: true },
};

/**
 * Makes one request over one connection and calls `done` once, even if errors follow. Nothing is written before the
 * connection is made and verified, so an agent that tolerates bad certificates gets no secret. An answer counts only
 * after that, and only over such a connection: an agent for a proxy may pass on the proxy's own answer instead. After
 * anything but a complete answer the connection is destroyed.
 *
 * An interceptor connects only after it has seen the request: then the request is written early if Node holds it back
 * until the connection is verified, and an answer counts only if Node has verified a connection.
 */
export function sendOnce(sending: Sending, done: (outcome: SendResult) => void): void {
  const { request, url, agent, deadline, signal, isKept, maxBodyBytes } = sending;
  const secure = url.protocol === 'https:';
  const body = request.body === undefined ? undefined : Buffer.from(request.body);
  const identity = witness(url.hostname);
  let connection: Socket | undefined;
  let connected = false;
  let written: 'early' | 'verified' | undefined;
  let answerBegun = false;
  let settled = false;

  const defaultPort = secure ? 443 : 80;
  const { hostname } = urlToHttpOptions(url);

  const outgoing = (secure ? https : http).request({
    ...OWN_ROUTE,
    ...urlToHttpOptions(url),
    agent,
    checkServerIdentity: identity.checkServerIdentity,
    defaultPort,
    host: hostname,
    port: url.port === '' ? defaultPort : Number(url.port),
    auth: undefined,
    method: request.method,
    headers: { ...request.headers, ...(body === undefined ? {} : { 'Content-Length': String(body.byteLength) }) },
  });
  if (!isKept) outgoing.shouldKeepAlive = false;
  // These listeners stay attached: an 'error' after the outcome must not become an uncaught exception.
  outgoing.on('error', fail);
  outgoing.on('close', fail);
  outgoing.once('socket', useConnection);
  outgoing.once('response', readResponse);
  deadline.addEventListener('abort', timeOut);
  signal?.addEventListener('abort', abort);

  function useConnection(socket: Socket): void {
    connection = socket;
    socket.on('data', noteAnswer);
    socket.once('connect', noteConnection);
    const intercepted = isIntercepted(outgoing, agent);
    // It will never be verified: waiting for that would use up the time of the call.
    if (secure && !intercepted && isPlain(socket)) return settle({ kind: 'fault', fault: 'plain' }, 'destroy');
    const awaited = intercepted ? undefined : eventBeforeUse(socket, secure);
    if (awaited !== undefined) socket.once(awaited, write);
    // The event loop notices in its next turn that a kept connection has been closed; the first setImmediate runs
    // before that.
    else if (outgoing.reusedSocket) setImmediate(() => setImmediate(write));
    else write();
  }

  function write(): void {
    if (settled) return;
    // Not by its events: an interceptor may report a connection before it has made one.
    if (secure ? isVerified(connection, url.hostname) : connection?.connecting !== true) written = 'verified';
    else if (!secure || waitsForNode(connection, agent)) written = 'early';
    else return giveUp();
    outgoing.end(body);
  }

  function isTrusted(socket: Socket): boolean {
    if (!secure || isVerified(socket, url.hostname)) return true;
    return isIntercepted(outgoing, agent) && identity.hasSeen();
  }

  /** Whether anything may have left this process. */
  function hasLeft(): boolean {
    return written === 'verified' || (written === 'early' && (secure ? identity.hasSeen() : connected));
  }

  function noteAnswer(): void {
    answerBegun = true;
  }

  function noteConnection(): void {
    connected = true;
  }

  function readResponse(response: http.IncomingMessage): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Checked now, on the answer's own connection: before this, the order of events differs between agents.
    if (written === undefined || !isTrusted(response.socket)) return giveUp();
    // From here on the response's own events show how it ends: it may still be read after its request has closed.
    outgoing.off('close', fail);
    response.on('error', fail);
    response.on('close', fail);
    if (isEncoded(response.headers)) return settle(answerOf(response, [], 'encoded'), 'destroy');
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else settle(answerOf(response, [], 'too_large'), 'destroy');
    });
    response.once('end', () => {
      // An answer may arrive before the whole request has been sent. A server that reads no further would keep the
      // connection, and the unsent rest, for ever.
      settle(answerOf(response, chunks), outgoing.writableFinished ? 'keep' : 'destroy');
    });
  }

  function fail(): void {
    if (outgoing.reusedSocket && !answerBegun) settle(written === undefined ? 'unwritten' : 'unanswered', 'destroy');
    else giveUp();
  }

  function giveUp(): void {
    settle({ kind: 'fault', fault: hasLeft() ? 'broken' : 'unreachable' }, 'destroy');
  }

  function timeOut(): void {
    settle({ kind: 'fault', fault: 'timeout' }, 'destroy');
  }

  function abort(): void {
    settle({ kind: 'fault', fault: 'aborted' }, 'destroy');
  }

  function settle(outcome: SendResult, socketFate: 'keep' | 'destroy'): void {
    if (settled) return;
    settled = true;
    deadline.removeEventListener('abort', timeOut);
    signal?.removeEventListener('abort', abort);
    connection?.off('data', noteAnswer).off('connect', noteConnection);
    if (socketFate === 'destroy') outgoing.destroy();
    done(outcome);
  }
}

/**
 * Whether a connection is Node's own and without TLS; nothing is known yet about one that an agent has put together.
 */
function isPlain(socket: Socket): boolean {
  return socket instanceof Socket && !(socket instanceof TLSSocket);
}

/** The event after which a connection can be written to; undefined if it is ready. */
function eventBeforeUse(socket: Socket, secure: boolean): 'connect' | 'secureConnect' | undefined {
  if (!secure) return socket.connecting ? 'connect' : undefined;
  // `secureConnecting` is false once the handshake has succeeded or failed; @types/node does not know it.
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

function answerOf(
  response: http.IncomingMessage,
  chunks: readonly Buffer[],
  unacceptable?: WireAnswer['unacceptable'],
): WireResult {
  const { statusCode: status = 0, headers } = response;
  const bytes = Buffer.concat(chunks);
  // A getter, because not every caller wants text.
  const answer = {
    status,
    headers,
    bytes,
    get body() {
      return bytes.toString('utf8');
    },
    unacceptable,
  };
  return { kind: 'answer', answer };
}
