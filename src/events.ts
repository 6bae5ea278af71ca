import { createHash } from 'node:crypto';
import type { ConnectError, ConnectErrorCode, ConnectStage } from './errors';

interface EventBase {
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** A visitor has completed a sign-in, and the token is stored. */
export interface ConnectedEvent extends EventBase {
  readonly type: 'connected';
  /** 16 hex digits of a hash that tells connections apart; no token can be found from it. */
  readonly connection: string;
}

/** A route of ours answered with an error. */
export interface ErrorEvent extends EventBase {
  readonly type: 'error';
  readonly stage: ConnectStage;
  readonly code: ConnectErrorCode;
  /** HTTP status of our answer. */
  readonly status: number;
  readonly reason?: string;
  readonly apiCode?: number;
  readonly oauthError?: string;
}

/** What `onEvent` receives: told apart by `type`, free of tokens. Further types may follow in minor versions. */
export type ConnectEvent = ConnectedEvent | ErrorEvent;

/** Receives each {@link ConnectEvent}; what it throws, or rejects with, changes nothing. */
export type ConnectEventListener = (event: ConnectEvent) => unknown;

/** Hands an event to the app's listener and shields the request from whatever the listener does. */
export function emit(listener: ConnectEventListener | undefined, event: ConnectEvent): void {
  if (listener === undefined) return;
  try {
    // An async listener may reject; nobody else would catch that.
    Promise.resolve(listener(Object.freeze(event))).catch(() => undefined);
  } catch {
    // Documented: an exception in onEvent changes nothing.
  }
}

/** Describes a completed sign-in. @param lineage - the random id of the connection, of which only a hash is told */
export function connectedEvent(lineage: string, nowMs: number): ConnectedEvent {
  const connection = createHash('sha256').update(`connect-auth connection v1\0${lineage}`).digest('hex').slice(0, 16);
  return { type: 'connected', time: nowMs, connection };
}

/** Describes a failed answer of ours as an event. */
export function errorEvent(error: ConnectError, nowMs: number): ErrorEvent {
  const { reason, provider } = error;
  return {
    type: 'error',
    time: nowMs,
    stage: error.stage,
    code: error.code,
    status: error.status,
    ...(reason === undefined ? {} : { reason }),
    ...(provider?.apiCode === undefined ? {} : { apiCode: provider.apiCode }),
    ...(provider?.oauthError === undefined ? {} : { oauthError: provider.oauthError }),
  };
}
