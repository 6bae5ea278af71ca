import { httpDateMs } from './http-date';

const LONGEST_SECONDS = 3600;

/**
 * Reads a `Retry-After` header (RFC 9110 §10.2.3) as whole seconds from now, 0–3600: longer waits are cut, past times
 * are 0, anything that is neither an integer nor an HTTP date is ignored.
 * @param header - the value as received
 * @param nowMs - milliseconds since 1970
 */
export function readRetryAfter(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), LONGEST_SECONDS);
  const seconds = Math.ceil((httpDateMs(text) - nowMs) / 1000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_SECONDS) : undefined;
}
