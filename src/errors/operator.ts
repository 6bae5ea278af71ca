import { CODES, type ConnectErrorCode } from './codes';
import type { ConnectEvent } from './events';

/** Milliseconds between two lines about one code. */
const SAY_EVERY_MS = 60_000;
/** When each code was last written about, in milliseconds of a clock that nobody sets. */
const saidAt = new Map<ConnectErrorCode, number>();

/**
 * Writes on stderr what the operator of the app has to mend, once a minute for each code: what only events say reaches
 * nobody where nobody listens. That is every failure whose code has status 500, and of ledgers and stores what no waiting
 * cures: a database that is not set up for them, another process's keys.
 */
export function sayToOperator(event: ConnectEvent): void {
  if (!('message' in event)) return;
  const { message, reason, reference } = event;
  const code = event.type === 'ledger_error' ? 'ERR_CONNECT_LEDGER' : event.code;
  if (code === undefined || !(isOurs(code) || reason === 'setup' || reason === 'key')) return;
  const now = performance.now();
  if (now - (saidAt.get(code) ?? -Infinity) < SAY_EVERY_MS) return;
  saidAt.set(code, now);
  const about = reference === undefined ? code : `${code}, reference ${reference}`;
  process.stderr.write(`express-connect-auth: ${printable(message)} (${about}; ${ADVICE})\n`);
}

const ADVICE = 'once a minute at most; onEvent or silent: true turns this off';

/** Whether nothing that a visitor or the provider does can help. A code of a newer copy of this package is not known. */
function isOurs(code: ConnectErrorCode): boolean {
  return Object.hasOwn(CODES, code) && CODES[code].status === 500;
}

/** Anything that would begin a new line of a log, or colour it: an app's own error may hold it. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu;

/** Text that stays on its line. */
export function printable(text: string): string {
  return text.replace(CONTROL, '?');
}
