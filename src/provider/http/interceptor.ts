import type http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import { agentFault } from '../../checks/agent-fault';

/**
 * Whether a program in this process (nock, msw) answers requests before they leave it, or lets them pass: it replaces
 * the given agent with its own, and makes no connection before it has seen the request.
 */
export function isIntercepted(outgoing: http.ClientRequest, agent: http.Agent): boolean {
  return (outgoing as { readonly agent?: unknown }).agent !== agent;
}

/**
 * Whether data written to this socket now waits until Node has made and verified a connection: nobody is at its other
 * end yet, and Node's own code will connect it, with settings that switch nothing off. Interceptors take both from the
 * agent. If an agent makes connections in its own way, nothing is known beforehand.
 */
export function waitsForNode(socket: Socket | undefined, agent: http.Agent): boolean {
  if (socket === undefined || socket.destroyed || socket.remoteAddress !== undefined) return false;
  const { addRequest, createConnection } = agent as {
    readonly addRequest?: unknown;
    readonly createConnection?: unknown;
  };
  const nodes = https.Agent.prototype as { readonly addRequest?: unknown; readonly createConnection?: unknown };
  const isNodes = addRequest === nodes.addRequest && createConnection === nodes.createConnection;
  return isNodes && agentFault(agent) === undefined;
}

/** What Node reveals to one request about the certificate of its connection, even if an interceptor hides it. */
export interface Witness {
  /** For `tls.connect`, in place of Node's own function: called only for a certificate of a trusted authority. */
  readonly checkServerIdentity: typeof tls.checkServerIdentity;
  /** Whether a certificate issued to the host was seen. */
  readonly hasSeen: () => boolean;
}

/**
 * Makes a witness. It stays with the connection, so it holds nothing of the request.
 * @param hostname - of a URL; an IPv6 address in brackets
 */
export function witness(hostname: string): Witness {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  let seen = false;
  return {
    checkServerIdentity(_name, certificate) {
      const fault = tls.checkServerIdentity(host, certificate);
      seen ||= fault === undefined;
      return fault;
    },
    hasSeen: () => seen,
  };
}
