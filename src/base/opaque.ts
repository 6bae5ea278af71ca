/**
 * The most characters that are taken of a code, a token and other values that the provider makes up. RFC 6749 appendix A
 * sets no bound; some providers put whole signed documents into them.
 */
export const LONGEST_OPAQUE = 16_384;

const VISIBLE = /^[\x21-\x7e]+$/u;

/** Whether a value is visible ASCII, as RFC 6749 appendix A allows for code, state, error and tokens, and not too long. */
export function isOpaque(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_OPAQUE && VISIBLE.test(value);
}

/** What to say about a value that is too long; undefined for any other. Names its size only. */
export function sizeFault(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length <= LONGEST_OPAQUE) return undefined;
  return `${name} has ${value.length} characters, and ${LONGEST_OPAQUE} are taken at most.`;
}
