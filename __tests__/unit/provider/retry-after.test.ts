import { readRetryAfter } from '../../../src/provider/http/retry-after';

const NOW_MS = Date.UTC(1994, 10, 6, 8, 49, 0);

test.each([
  ['0', 0],
  ['1', 1],
  ['120', 120],
  ['3600', 3600],
  ['3601', 3600],
  ['9'.repeat(400), 3600],
  [' 5 ', 5],
  ['007', 7],
  ['Sun, 06 Nov 1994 08:49:37 GMT', 37],
  ['Sunday, 06-Nov-94 08:49:37 GMT', 37],
  ['Sun Nov  6 08:49:37 1994', 37],
  ['Sun, 06 Nov 1994 08:48:00 GMT', 0],
  ['Sun, 06 Nov 2094 08:48:00 GMT', 3600],
])('Retry-After "%s" is %i seconds', (header, seconds) => {
  expect(readRetryAfter(header, NOW_MS)).toBe(seconds);
});

test('a moment between two seconds is waited for to its end', () => {
  expect(readRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', NOW_MS + 1)).toBe(37);
});

test.each([
  [undefined],
  [null],
  [5],
  [['5']],
  [{}],
  [''],
  [' '],
  ['-1'],
  ['+1'],
  ['1.5'],
  ['1e3'],
  ['0x10'],
  ['5s'],
  ['5, 6'],
  ['soon'],
  ['NaN'],
  ['Infinity'],
  ['1994-11-06T08:49:37Z'],
  ['06 Nov 1994'],
  ['Sun, 99 Nov 1994 08:49:37 GMT'],
  ['Sun, 06 Foo 1994 08:49:37 GMT'],
  ['Sun, 06 Nov 1994 08:49:37 PST'],
  ['Sun, 06 Nov 1994 08:49:37'],
  ['Sun Nov  6 08:49:37 1994 PST'],
])('Retry-After %p is dropped', (header) => {
  expect(readRetryAfter(header, NOW_MS)).toBeUndefined();
});
