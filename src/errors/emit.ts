import { channel } from 'node:diagnostics_channel';
import { debug, isDebugging } from './debug';
import { printable, sayToOperator } from './operator';
import { isConnectError, referenceOf, type ConnectError } from './connect-error';
import {
  aboutConnection,
  aboutOwner,
  type ConnectEvent,
  type ConnectEventListener,
  type EventFacts,
  type ExchangeEvent,
  type Failure,
} from './events';

/** The events' channel of `node:diagnostics_channel`. */
const subscribers = channel('express-connect-auth');

/**
 * Reports an event: to `NODE_DEBUG=connect-auth`, to the subscribers of channel `express-connect-auth`, and to the app's
 * listener. All three get the same facts, and whatever they do, the request goes on.
 */
export function emit(listener: ConnectEventListener | undefined, facts: EventFacts): void {
  const { type, ...rest } = facts;
  const event = Object.freeze({ type, time: Date.now(), ...rest } as ConnectEvent);
  if (isDebugging()) debug(event.type, ...factsOf(event));
  // Never throws: Node turns what a subscriber throws into an uncaught exception, after the request's turn.
  if (subscribers.hasSubscribers) subscribers.publish(event);
  if (listener === undefined) {
    if (!subscribers.hasSubscribers) sayToOperator(event);
    return;
  }
  try {
    // An async listener may reject; nobody else would catch that.
    Promise.resolve(listener(event)).catch(() => undefined);
  } catch {
    // Documented: an exception in onEvent changes nothing.
  }
}

/** The listener of an app that wants silence: nothing is written to stderr, and nobody hears. */
export const SILENCE: ConnectEventListener = () => undefined;

/** Whether anybody learns of an event that reports no failure; if nobody does, it need not be put together. */
export function isHeardOf(listener: ConnectEventListener | undefined): boolean {
  return (listener !== undefined && listener !== SILENCE) || subscribers.hasSubscribers || isDebugging();
}

function factsOf(event: ConnectEvent): readonly string[] {
  return (
    Object.entries(event)
      // The app chooses the name of an owner, which may be an e-mail address.
      .filter(([name]) => !['type', 'time', 'owner'].includes(name))
      .map(([name, value]) => `${name}=${name === 'message' ? JSON.stringify(value) : String(value)}`)
      .map(printable)
  );
}

/** Errors that were reported where they arose. */
const reported = new WeakSet<object>();
/** By response: the error that was reported as its answer. */
const answers = new WeakMap<object, ConnectError>();

/**
 * Reports the failure of a call by the app, once: the app may catch it and stay silent.
 * @param owner - the user that the call was about, if there is one
 */
export function emitFailure(listener: ConnectEventListener | undefined, error: unknown, owner?: string): void {
  if (!isConnectError(error) || reported.has(error)) return;
  reported.add(error);
  emit(listener, errorFacts(error, owner));
}

/**
 * Reports that a request is answered with an error, unless the error was reported where it arose, or for this response:
 * a route of this package may leave the answer to an error handler. An app may throw the same error object again and
 * again, in `onConnect` for example: each time is a failure of its own.
 */
export function emitAnswer(
  listener: ConnectEventListener | undefined,
  error: ConnectError,
  res: object,
  owner?: string,
): void {
  if (reported.has(error) || answers.get(res) === error) return;
  answers.set(res, error);
  emit(listener, errorFacts(error, owner));
}

/** A call to the provider that is over. */
export interface CallFacts {
  /** From `performance.now()`, so that setting the clock does not change a duration. */
  readonly startedMs: number;
  /** HTTP status of the answer, where nothing failed. */
  readonly status: number | undefined;
  readonly error: ConnectError | undefined;
}

/** Reports the end of an exchange. */
export function emitExchange(listener: ConnectEventListener | undefined, call: CallFacts, owner?: string): void {
  if (call.error === undefined && !isHeardOf(listener)) return;
  emit(listener, { type: 'exchange', ...aboutOwner(owner), ...durationOf(call), ...outcomeOf(call) });
}

/**
 * Reports one request to the API.
 * @param about - whose it was, asked only if somebody learns of it; of the connection only a hash of its id is reported
 */
export function emitApiCall(
  listener: ConnectEventListener | undefined,
  call: CallFacts & { readonly method: string },
  about: () => { readonly connectionId: string | undefined; readonly owner: string | undefined },
): void {
  const { method, error } = call;
  if (error !== undefined) reported.add(error);
  else if (!isHeardOf(listener)) return;
  const { connectionId, owner } = about();
  emit(listener, {
    type: 'api_call',
    ...(connectionId === undefined ? aboutOwner(owner) : aboutConnection({ connectionId, owner })),
    method,
    ...durationOf(call),
    ...outcomeOf(call),
  });
}

/** How long a call took. */
export function durationOf({ startedMs }: Pick<CallFacts, 'startedMs'>): { durationMs: number } {
  return { durationMs: Math.round(performance.now() - startedMs) };
}

function outcomeOf({ status, error }: CallFacts): Partial<Pick<ExchangeEvent, 'status' | 'code'>> & SaidOf {
  const answered = error?.provider?.status ?? status;
  return {
    ...(answered === undefined ? {} : { status: answered }),
    ...(error === undefined ? {} : { code: error.code, ...saidOf(error) }),
  };
}

type SaidOf = Pick<Failure, 'reason' | 'message' | 'apiCode' | 'oauthError' | 'reference'>;

/** What an error says beyond its code, as events report it. */
export function saidOf(error: ConnectError): SaidOf {
  const { reason, message, provider } = error;
  const reference = referenceOf(error);
  return {
    ...(reason === undefined ? {} : { reason }),
    message,
    ...(provider?.apiCode === undefined ? {} : { apiCode: provider.apiCode }),
    ...(provider?.oauthError === undefined ? {} : { oauthError: provider.oauthError }),
    ...(reference === undefined ? {} : { reference }),
  };
}

function errorFacts(error: ConnectError, owner: string | undefined): EventFacts {
  return {
    type: 'error',
    ...aboutOwner(owner),
    stage: error.stage,
    code: error.code,
    status: error.status,
    ...saidOf(error),
  };
}
