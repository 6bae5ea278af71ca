import http from 'node:http';
import https from 'node:https';
import { ownOnly } from '../../base/own';
import { startAttempt, type AttemptOutcome, type WireRequest, type WireResult } from './attempt';

/** What of the configuration sending depends on. */
export interface TransportConfig {
  /** Milliseconds for a whole call: connecting, a possible repeat and the last byte of the body included. */
  readonly timeoutMs: number;
  /** The app's own agent, for a proxy or a private CA. */
  readonly agent?: http.Agent | undefined;
}

/**
 * Sends one request and reads its answer. What goes wrong on the way is a fault in the result, never a Node error.
 * Rejects only if the request cannot be made at all: unusable URL, header value or agent.
 */
export type Transport = (request: WireRequest) => Promise<WireResult>;

/** Shorter than any server's own limit (Node's is 5 s), so that a kept socket is seldom found closed. */
const IDLE_SOCKET_MS = 2000;
/** Many times the size of a token answer. */
const MAX_TOKEN_ANSWER_BYTES = 65_536;
/** As many idle sockets as an agent keeps to one host, and one more. */
const MOST_ATTEMPTS = 258;

/**
 * HTTP over node:http and node:https with nothing added: no redirects, no decompression, no proxy from the environment.
 * Certificates are verified whatever `NODE_TLS_REJECT_UNAUTHORIZED` says.
 *
 * A request is repeated once, on a fresh connection, only if its connection was a kept one that closed before any byte
 * of an answer: then the server had most likely given the connection up before it saw the request.
 * @param maxBodyBytes - of an answer; a longer one is not accepted
 */
export function nodeTransport(config: TransportConfig, maxBodyBytes = MAX_TOKEN_ANSWER_BYTES): Transport {
  const { timeoutMs, agent } = ownOnly(config);
  const plainAgent = agent ?? new http.Agent({ keepAlive: true, timeout: IDLE_SOCKET_MS });
  const secureAgent = agent ?? new https.Agent({ keepAlive: true, timeout: IDLE_SOCKET_MS, rejectUnauthorized: true });

  return async function send(request: WireRequest): Promise<WireResult> {
    const url = new URL(request.url);
    const { signal, mayRepeat = true } = ownOnly(request);
    if (signal?.aborted === true) return { kind: 'fault', fault: 'aborted' };
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort();
    }, timeoutMs);
    const agentInUse = url.protocol === 'https:' ? secureAgent : plainAgent;
    const route = { request, url, agent: agentInUse, deadline: deadline.signal, signal, maxBodyBytes };
    try {
      let outcome: AttemptOutcome = 'stale';
      let attempt = 0;
      // From the second attempt on only a fresh connection is written to; each idle one met before it is dropped unused.
      while (outcome === 'stale' && attempt < (mayRepeat ? MOST_ATTEMPTS : 1)) {
        attempt += 1;
        const onlyFresh = attempt > 1;
        outcome = await new Promise<AttemptOutcome>((done) => {
          startAttempt({ ...route, onlyFresh }, done);
        });
      }
      const result: WireResult = outcome === 'stale' ? { kind: 'fault', fault: 'broken' } : outcome;
      return attempt > 1 ? { ...result, repeated: true } : result;
    } finally {
      clearTimeout(timer);
    }
  };
}
