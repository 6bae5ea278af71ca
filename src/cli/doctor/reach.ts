import { lookup } from 'node:dns/promises';
import net from 'node:net';
import tls from 'node:tls';
import { within } from '../../base/within';

/** What became of looking a host's name up. */
export type NameResult =
  | { readonly kind: 'address' }
  | { readonly kind: 'found'; readonly addresses: number }
  | { readonly kind: 'failed'; readonly code: string };

/** What became of connecting: `connected` over http, `verified` over https, after the handshake. */
export type ConnectionResult =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'verified';
      /** Of TLS, for example `TLSv1.3`. */
      readonly protocol: string;
      /** End of the certificate's validity, milliseconds since 1970. */
      readonly validToMs: number;
    }
  | { readonly kind: 'failed'; readonly code: string };

/** Looks the name up as `connect` would; a host that is an address has none. Codes are those of node:dns, or `TIMEOUT`. */
export async function lookUp(hostname: string, timeoutMs: number): Promise<NameResult> {
  if (net.isIP(withoutBrackets(hostname)) !== 0) return { kind: 'address' };
  const found = lookup(hostname, { all: true }).then(
    (addresses): NameResult => ({ kind: 'found', addresses: addresses.length }),
    (error: unknown): NameResult => ({ kind: 'failed', code: codeOf(error) }),
  );
  return within(timeoutMs, found, () => ({ kind: 'failed', code: 'TIMEOUT' }));
}

/**
 * Opens a connection to the host of `address` and closes it again; nothing is sent over it. A certificate is verified
 * as the library does it, with the same authorities. Codes are those of node:net and node:tls, or `TIMEOUT`.
 */
export function connectTo(address: string, timeoutMs: number): Promise<ConnectionResult> {
  const url = new URL(address);
  const secure = url.protocol === 'https:';
  const host = withoutBrackets(url.hostname);
  const port = Number(url.port) || (secure ? 443 : 80);
  return new Promise((resolve) => {
    const socket = secure
      ? tls.connect({ host, port, rejectUnauthorized: true, ...(net.isIP(host) === 0 ? { servername: host } : {}) })
      : net.connect({ host, port });
    const timer = setTimeout(() => {
      settle({ kind: 'failed', code: 'TIMEOUT' });
    }, timeoutMs);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      settle(connected(socket));
    });
    // Stays attached: an error after the outcome must not become an uncaught exception.
    socket.on('error', (error) => {
      settle({ kind: 'failed', code: codeOf(error) });
    });
    socket.once('close', () => {
      settle({ kind: 'failed', code: 'ECONNRESET' });
    });

    function settle(result: ConnectionResult): void {
      clearTimeout(timer);
      resolve(result);
      socket.destroy();
    }
  });
}

function connected(socket: net.Socket): ConnectionResult {
  if (!(socket instanceof tls.TLSSocket)) return { kind: 'connected' };
  // Node writes the time as OpenSSL does, `Jan  1 00:00:00 2030 GMT`; without a readable one nothing is verified.
  const validToMs = Date.parse(socket.getPeerCertificate().valid_to);
  return { kind: 'verified', protocol: socket.getProtocol() ?? 'TLS', validToMs };
}

/** Codes only: the messages of Node quote addresses and certificates. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return /^[A-Z][A-Z0-9_]{1,60}$/u.test(code) ? code : 'UNKNOWN';
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/u, '$1');
}
