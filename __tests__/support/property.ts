import fc from 'fast-check';
import { inCi } from './requires';

/** How often a property is tried, always from the same seed: in CI ten times as often. */
export function runs(seed: number, most = 1000): { readonly seed: number; readonly numRuns: number } {
  return { seed, numRuns: inCi() ? 10 * most : most };
}

// fast-check's own `unit: 'binary'`, which its URLs are built on, makes a table of 1.1 million entries in each test file.
const codePoint = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));

/** Text of any code points, halves of surrogate pairs included. */
export const anyText = fc.string({ unit: codePoint });

const word = fc.stringMatching(/^(?:[\w.~!$'()*+,:@-]|%[0-9A-F]{2}){0,12}$/u);

/** What may stand behind the question mark of a URL. */
export const urlQuery = fc
  .array(fc.tuple(word, fc.constantFrom('=', '&', ';', '/', '?', '')), { maxLength: 8 })
  .map((parts) => parts.flat().join(''));

/** A URL of the web. */
export const webUrl = fc
  .tuple(
    fc.constantFrom('http', 'https'),
    fc.option(word, { nil: undefined }),
    fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true }),
    fc.array(word, { maxLength: 5 }),
    fc.option(urlQuery, { nil: undefined }),
  )
  .map(([scheme, user, authority, segments, query]) => {
    const path = segments.map((segment) => `/${segment}`).join('');
    return `${scheme}://${user === undefined ? '' : `${user}@`}${authority}${path}${query === undefined ? '' : `?${query}`}`;
  });
