import http from 'node:http';
import https from 'node:https';
import { ownOnly } from '../../base/own';
import { addressOf, sendOnce, type Address, type SendResult } from './send-once';
import { type WireRequest, type WireResult } from './wire';

/** The options that sending depends on. */
export interface TransportConfig {
  /** Milliseconds for a whole call: from connecting to the last byte of the body, a possible repeat included. */
  readonly timeoutMs: number;
  /** The app's own agent, for a proxy or a private CA. */
  readonly agent?: http.Agent | undefined;
}

/**
 * Sends one request and reads its answer. A failure on the way is a fault in the result, never a Node error. Rejects
 * only if the request cannot be made at all: unusable URL, header value or agent.
 */
export type Transport = (request: WireRequest) => Promise<WireResult>;

/** Shorter than any server's own limit (Node's is 5 s), so that a kept socket is rarely found closed. */
const IDLE_SOCKET_MS = 2000;
/** Many times the size of a token answer. */
const MAX_TOKEN_ANSWER_BYTES = 65_536;
/**
 * HTTP over node:http and node:https with nothing added: no redirects, no decompression, no proxy from the environment.
 * Certificates are verified whatever `NODE_TLS_REJECT_UNAUTHORIZED` says.
 *
 * A kept connection that turns out to be closed before anything was written to it is replaced by a fresh one. After
 * that, only a request with `mayRepeat` is written a second time. A connection of the app's own agent is not kept:
 * there is no way to ask that agent for a fresh one.
 * @param maxBodyBytes - of an answer; a longer answer is not accepted
 */
export function nodeTransport(config: TransportConfig, maxBodyBytes = MAX_TOKEN_ANSWER_BYTES): Transport {
  const { timeoutMs, agent } = ownOnly(config);
  const kept = agentsOf(agent, { keepAlive: true, timeout: IDLE_SOCKET_MS });
  const fresh = agentsOf(agent, {});

  /** Of the last request: most go to the same URL. */
  let last: { readonly url: string; readonly address: Address } | undefined;

  return async function send(request: WireRequest): Promise<WireResult> {
    const { url, signal, mayRepeat } = request;
    if (last?.url !== url) last = { url, address: addressOf(url) };
    const { address } = last;
    let stop: ReturnType<typeof sendOnce> | undefined;
    const timer = setTimeout(() => stop?.('timeout'), timeoutMs);
    const abort = (): void => stop?.('aborted');
    signal?.addEventListener('abort', abort);
    const sendBy = (agents: Agents): Promise<SendResult> =>
      new Promise((done) => {
        if (signal?.aborted === true) {
          done(ABORTED);
          return;
        }
        const chosen = address.isSecure ? agents.secure : agents.plain;
        const isKept = agent === undefined;
        stop = sendOnce({ request, address, agent: chosen, isKept, maxBodyBytes }, done);
      });
    try {
      const first = await sendBy(kept);
      if (typeof first === 'object') return first;
      if (first === 'unanswered' && !mayRepeat) return BROKEN;
      const second = await sendBy(fresh);
      if (typeof second === 'object') return second;
      return first === 'unwritten' && second === 'unwritten' ? UNREACHABLE : BROKEN;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  };
}

const ABORTED: WireResult = { kind: 'fault', fault: 'aborted' };
const BROKEN: WireResult = { kind: 'fault', fault: 'broken' };
const UNREACHABLE: WireResult = { kind: 'fault', fault: 'unreachable' };

interface Agents {
  readonly plain: http.Agent;
  readonly secure: http.Agent;
}

function agentsOf(given: http.Agent | undefined, settings: http.AgentOptions): Agents {
  return {
    plain: given ?? new http.Agent(settings),
    secure: given ?? new https.Agent({ ...settings, rejectUnauthorized: true }),
  };
}
