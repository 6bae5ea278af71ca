import type { Socket } from 'node:net';
import tls from 'node:tls';

/** The host that a connection was found to be good for: neither its certificate nor what verified it changes later. */
const hostOf = new WeakMap<tls.TLSSocket, string>();

/**
 * Whether a connection leads to `hostname` beyond doubt: TLS of Node's own, the certificate issued by an authority that
 * Node or the agent trusts, and made out to that host, whatever name the agent has asked for and however it has checked it.
 * @param hostname - of a URL; an IPv6 address in brackets
 */
export function isVerified(socket: Socket | undefined, hostname: string): boolean {
  // What merely says that it is encrypted and authorized may be a stream that an agent has put together.
  if (!(socket instanceof tls.TLSSocket) || !socket.authorized) return false;
  if (hostOf.get(socket) === hostname) return true;
  const certificate = socket.getPeerCertificate() as tls.PeerCertificate | null;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (certificate === null || tls.checkServerIdentity(host, certificate) !== undefined) return false;
  hostOf.set(socket, hostname);
  return true;
}
