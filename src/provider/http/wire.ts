import type http from 'node:http';

/** One HTTP request, complete. */
export interface WireRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: no body. Node sends a length of 0 if the method usually has one (RFC 9110 §8.6). */
  readonly body: string | Uint8Array | undefined;
  /** Whether it may be written again after a kept connection gave no byte of an answer. */
  readonly mayRepeat: boolean;
  /** Ends the call as `aborted`. */
  readonly signal: AbortSignal | undefined;
}

/** The answer to a request, whatever its HTTP status. */
export interface WireAnswer {
  /** HTTP status. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Empty if the body was not accepted. */
  readonly bytes: Buffer;
  /** The bytes as UTF-8. */
  readonly body: string;
  /** Why the body was not accepted: over the transport's limit, or compressed although identity was requested. */
  readonly unacceptable: 'too_large' | 'encoded' | undefined;
}

/**
 * Why there is no answer. `timeout`: no complete one in time; `unreachable`: nothing was sent (name, connection or
 * certificate); `plain`: nothing was sent, because the agent made a connection without TLS for an https address;
 * `broken`: the connection ended after the request may have left; `aborted`: the request's signal ended it.
 */
export type TransportFault = 'timeout' | 'unreachable' | 'plain' | 'broken' | 'aborted';

/** An answer or a fault, never both. */
export type WireResult =
  { readonly kind: 'answer'; readonly answer: WireAnswer } | { readonly kind: 'fault'; readonly fault: TransportFault };
