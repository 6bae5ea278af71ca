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
  readonly address: Address;
  readonly agent: http.Agent;
  /** Whether the connection may serve further requests. */
  readonly isKept: boolean;
  /** Limit of the answer's body. */
  readonly maxBodyBytes: number;
}

/** A URL as requests need it. */
export interface Address {
  readonly isSecure: boolean;
  /** As in a URL: an IPv6 address in brackets. */
  readonly hostname: string;
  readonly route: http.RequestOptions;
  /** The route, and what else Node's options are to say. */
  readonly options: http.RequestOptions;
}

/** Reads a URL once for all requests to it. @throws TypeError for one that is not absolute */
export function addressOf(text: string): Address {
  const url = new URL(text);
  const { protocol, hostname, path } = urlToHttpOptions(url);
  const isSecure = protocol === 'https:';
  const defaultPort = isSecure ? 443 : 80;
  const port = url.port === '' ? defaultPort : Number(url.port);
  const route = { protocol, hostname, host: hostname, defaultPort, port, path };
  return { isSecure, hostname: url.hostname, route, options: isSecure ? { ...route, ...SAID } : route };
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

/** For TLS. Not resumed: in a resumed session the certificate cannot be examined. */
const SAID = { session: undefined, minDHSize: 1024, rejectUnauthorized: true };
const OWN_ROUTE = {
  ...Object.fromEntries(UNSAID.map((name) => [name, undefined])),
  ...SAID,
  setDefaultHeaders: true,
  setHost: true,
};
/** What Object.prototype has by itself (ECMA-262 §20.1.3 and annex B.2.2). */
const OF_OBJECTS = new Set(
  (
    '__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ constructor hasOwnProperty ' +
    'isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf'
  ).split(' '),
);

/** Node copies some seventy options several times for each request: they are only named where one could be found. */
function optionsFor({ route, options }: Address): Readonly<http.RequestOptions> {
  const isClean = Object.getOwnPropertyNames(Object.prototype).every((name) => OF_OBJECTS.has(name));
  return isClean ? options : { ...OWN_ROUTE, ...route };
}

/**
 * Makes one request over one connection and calls `done` once, even if errors follow. Nothing is written before the
 * connection is made and verified, so an agent that tolerates bad certificates gets no secret. An answer counts only
 * after that, and only over such a connection: an agent for a proxy may pass on the proxy's own answer instead. After
 * anything but a complete answer the connection is destroyed.
 *
 * An interceptor connects only after it has seen the request: then the request is written early if Node holds it back
 * until the connection is verified, and an answer counts only if Node has verified a connection.
 * @returns a function that ends the sending as a fault, if it is not over
 */
export function sendOnce(
  sending: Sending,
  done: (outcome: SendResult) => void,
): (fault: 'timeout' | 'aborted') => void {
  const { request, address, agent, isKept, maxBodyBytes } = sending;
  const { isSecure: secure, hostname } = address;
  const { body } = request;
  const identity = secure ? witness(hostname) : undefined;
  let connection: Socket | undefined;
  let connected = false;
  let written: 'early' | 'verified' | undefined;
  let answerBegun = false;
  let settled = false;

  const outgoing = (secure ? https : http).request({
    ...optionsFor(address),
    agent,
    ...(identity === undefined ? {} : { checkServerIdentity: identity.checkServerIdentity }),
    method: request.method,
    headers: body === undefined ? request.headers : { ...request.headers, 'Content-Length': Buffer.byteLength(body) },
  });
  if (!isKept) outgoing.shouldKeepAlive = false;
  // These listeners stay attached: an 'error' after the outcome must not become an uncaught exception.
  outgoing.on('error', fail);
  outgoing.on('close', fail);
  outgoing.once('socket', useConnection);
  outgoing.once('response', readResponse);
  return (fault) => settle({ kind: 'fault', fault }, 'destroy');

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
    if (secure ? isVerified(connection, hostname) : connection?.connecting !== true) written = 'verified';
    else if (!secure || waitsForNode(connection, agent)) written = 'early';
    else return giveUp();
    outgoing.end(body);
  }

  function isTrusted(socket: Socket): boolean {
    if (!secure || isVerified(socket, hostname)) return true;
    return isIntercepted(outgoing, agent) && identity?.hasSeen() === true;
  }

  /** Whether anything may have left this process. */
  function hasLeft(): boolean {
    return written === 'verified' || (written === 'early' && (identity === undefined ? connected : identity.hasSeen()));
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

  function settle(outcome: SendResult, socketFate: 'keep' | 'destroy'): void {
    if (settled) return;
    settled = true;
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
