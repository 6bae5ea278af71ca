import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import * as tls from 'node:tls';
import type { CodeGrant } from '../../src/provider/token/token-request';
import type { TokenEndpointConfig } from '../../src/provider/token/token-endpoint';
import { cleanup } from './cleanup';

const fixture = (name: string): string => readFileSync(join(__dirname, 'fixtures', name), 'utf8');

/** For NODE_EXTRA_CA_CERTS. */
export const TEST_CERT_FILE = join(__dirname, 'fixtures', 'test-only-cert.pem');

/** Made for these tests only; good for the name localhost, not for an address. */
export const TEST_KEY = fixture('test-only-key.pem');
export const TEST_CERT = fixture('test-only-cert.pem');

/** A request as it stood on the wire. */
export interface SeenRequest {
  readonly head: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A server below HTTP, so that it can break every rule of it. */
export interface LocalServer {
  readonly port: number;
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  readonly sockets: readonly net.Socket[];
  /** Bytes received over TLS or plain, whether or not they make a request. */
  bytesReceived(): number;
  /** Resolves once the other side has closed every connection made so far. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

/** Called with each complete request, numbered from 1 over all connections. */
export type Responder = (socket: net.Socket, number: number, request: SeenRequest) => void;

export const TOKEN_JSON = '{"access_token":"new-access","refresh_token":"new-refresh","type":"bearer"}';

/** A complete answer of HTTP/1.1. */
export function http11(body: string | Buffer = TOKEN_JSON, status = '200 OK', ...headers: readonly string[]): Buffer {
  const bytes = Buffer.from(body);
  const head = [`HTTP/1.1 ${status}`, `Content-Length: ${bytes.byteLength}`, ...headers].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), bytes]);
}

/** It is closed with the test or the file that starts it. */
export async function startServer(respond: Responder, secure = false): Promise<LocalServer> {
  const requests: SeenRequest[] = [];
  const sockets: net.Socket[] = [];
  let received = 0;

  function serve(socket: net.Socket): void {
    let pending = '';
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.byteLength;
      pending += chunk.toString('latin1');
      const request = wholeRequest(pending);
      if (request === undefined) return;
      pending = '';
      requests.push(request);
      respond(socket, requests.length, request);
    });
  }

  const server = secure ? tls.createServer({ key: TEST_KEY, cert: TEST_CERT }, serve) : net.createServer(serve);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;

  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((done) => {
      server.close(() => {
        done();
      });
    });
  }

  cleanup(close);

  return {
    port,
    url: secure ? `https://localhost:${port}/token` : `http://127.0.0.1:${port}/token`,
    requests,
    sockets,
    bytesReceived: () => received,
    async allClosed() {
      await Promise.all(sockets.map(closed));
    },
    close,
  };
}

/** Not events.once(): that rejects on the 'error' that may come first. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise((done) => {
    if (socket.closed) done();
    else
      socket.once('close', () => {
        done();
      });
  });
}

function wholeRequest(text: string): SeenRequest | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const [line = '', ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()] as const;
    }),
  );
  const complete = rest.length > 0 && body.length >= Number(headers['content-length'] ?? 0);
  return complete ? { head: line, headers, body: Buffer.from(body, 'latin1').toString('utf8') } : undefined;
}

/** What redeems a code of test values. */
export function grantOf(code: string, codeVerifier?: string): CodeGrant {
  return { code, codeVerifier, redirectUri: 'https://app.example/connect/callback' };
}

/** A configuration of test values; the secret is a canary to search for. A refresh has the time of an exchange. */
export function configFor(tokenUrl: string, changes: Partial<TokenEndpointConfig> = {}): TokenEndpointConfig {
  return {
    clientId: 'client-id',
    clientSecret: 'CANARY-secret',
    tokenUrl,
    clientAuthentication: 'body',
    requestFormat: 'json',
    timeoutMs: 20_000,
    statusByApiCode: {},
    refreshTimeoutMs: changes.timeoutMs ?? 20_000,
    ...changes,
  };
}
