import type { Socket } from 'node:net';
import tls from 'node:tls';

/** The host for which a connection was verified: neither its certificate nor its verification changes later. */
const hostOf = new WeakMap<tls.TLSSocket, string>();

/**
 * Whether a connection certainly leads to `hostname`: Node's own TLS, with a certificate from an authority that Node or
 * the agent trusts, issued to that host, whatever name the agent has asked for and however it has checked it.
 * @param hostname - of a URL; an IPv6 address in brackets
 */
export function isVerified(socket: Socket | undefined, hostname: string): boolean {
  // A stream that an agent has put together may merely claim to be encrypted and authorized.
  if (!(socket instanceof tls.TLSSocket) || !socket.authorized) return false;
  if (hostOf.get(socket) === hostname) return true;
  const certificate = socket.getPeerCertificate() as tls.PeerCertificate | null;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (certificate === null || tls.checkServerIdentity(host, certificate) !== undefined) return false;
  hostOf.set(socket, hostname);
  return true;
}
