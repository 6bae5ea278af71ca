const LONGEST_SECONDS = 3600;

/** The three spellings of an HTTP date that a recipient must accept (RFC 9110 §5.6.7). */
const HTTP_DATES: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/**
 * Reads a `Retry-After` header (RFC 9110 §10.2.3) as whole seconds from now, 0–3600: larger waits are cut, moments
 * past are 0, anything that is neither an integer nor an HTTP date is dropped.
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

function httpDateMs(text: string): number {
  if (!HTTP_DATES.some((pattern) => pattern.test(text))) return Number.NaN;
  // The third spelling names no zone, and Date.parse would take it as local time.
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
