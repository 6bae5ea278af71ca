/**
 * The most characters that a code, a token or another value made up by the provider may have. RFC 6749 appendix A sets
 * no bound; some providers put whole signed documents into them.
 */
export const LONGEST_OPAQUE = 16_384;

const VISIBLE = /^[\x21-\x7e]+$/u;

/** Whether a value is visible ASCII, as RFC 6749 appendix A allows for code, state, error and tokens, and not too long. */
export function isOpaque(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_OPAQUE && VISIBLE.test(value);
}

/** A message for a value that is too long; undefined for any other. It names the size only. */
export function sizeFault(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length <= LONGEST_OPAQUE) return undefined;
  return `${name} has ${value.length} characters; at most ${LONGEST_OPAQUE} are accepted.`;
}
