/** The three spellings of an HTTP date that a recipient must accept (RFC 9110 §5.6.7). */
const HTTP_DATES: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/** Reads an HTTP date (RFC 9110 §5.6.7) as milliseconds since 1970; NaN for other text. */
export function httpDateMs(text: string): number {
  if (!HTTP_DATES.some((pattern) => pattern.test(text))) return Number.NaN;
  // The third spelling names no zone, and Date.parse would take it as local time.
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
}
