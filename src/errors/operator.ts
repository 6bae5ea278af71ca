import { boundedMap } from '../base/bounded-map';
import { CODES, type ConnectErrorCode } from './codes';
import type { ConnectEvent } from './events';

/** Milliseconds between two lines of one message. */
const SAY_EVERY_MS = 60_000;
/** How many messages are remembered for that: more than this package has, because an app may make its own. */
const MOST_MESSAGES = 200;
const saidAlready = boundedMap<true>({ most: MOST_MESSAGES });
/** Requests of apps that listen for events or want silence. */
const heard = new WeakSet<object>();

/** Notes that the app learns of failures in this request, or does not want to. */
export function markHeard(req: object): void {
  heard.add(req);
}

/** Whether that was noted. */
export function isHeard(req: object): boolean {
  return heard.has(req);
}

/**
 * Writes to stderr what the operator of the app has to fix, at most once a minute for each message. It is called where
 * no listener gets the event. What counts: every failure whose code has status 500, and faults of a ledger or store
 * or of the app's code that do not pass by themselves.
 */
export function sayToOperator(event: ConnectEvent): void {
  if (!('message' in event)) return;
  const { message, reference } = event;
  const code = event.type === 'ledger_error' ? 'ERR_CONNECT_LEDGER' : event.code;
  if (code === undefined || !isForOperator(code, event)) return;
  const now = performance.now();
  const key = `${code} ${message}`;
  if (saidAlready.get(key, now) === true) return;
  saidAlready.put(key, true, { now, keepMs: SAY_EVERY_MS });
  const about = reference === undefined ? code : `${code}, reference ${reference}`;
  process.stderr.write(`express-connect-auth: ${printable(message)} (${about}; ${ADVICE})\n`);
}

const ADVICE = 'once a minute at most; onEvent or silent: true turns this off';

function isForOperator(code: ConnectErrorCode, { reason, ...event }: Failed): boolean {
  // Anybody who opens the callback can put any error name into it.
  const isClaimed = event.type === 'error' && event.stage === 'callback' && event.oauthError !== undefined;
  return (isOurs(code) && !isClaimed) || FOR_OPERATORS.has(String(reason));
}

/** A database or a key that is not set up, a mistake in onConnect, and connectAuth() mounted before the login. */
const FOR_OPERATORS = new Set(['setup', 'key', 'fault', 'nobody']);

type Failed = Extract<ConnectEvent, { readonly message?: string }>;

/** Whether only the operator can fix it. A code that only a newer copy of this package knows does not count. */
function isOurs(code: ConnectErrorCode): boolean {
  return Object.hasOwn(CODES, code) && CODES[code].status === 500;
}

/** Anything that would begin a new line of a log, or colour it: an app's own error may hold it. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu;

/** Text that stays on its line. */
export function printable(text: string): string {
  return text.replace(CONTROL, '?');
}
