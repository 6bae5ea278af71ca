import { pathFilter } from '../../../src/web/path-filter';

const mayMatch = pathFilter(['/connect/authorize', false, '/Callback/']);

test.each([
  '/connect/authorize',
  '/Connect/Authorize/',
  '/callback',
  '/callback/?code=1',
  '/callback#part',
  'http://site.example/callback',
  '/call\\back',
])('may be ours: %s', (url) => {
  expect(mayMatch(url)).toBe(true);
});

test.each(['/', '/callbacks', '/callback/x', '/connect', `${'/'.repeat(16_000)}a`, '/x?/callback'])(
  'is not ours: %#',
  (url) => {
    expect(mayMatch(url)).toBe(false);
  },
);

test('without paths nothing is', () => {
  expect(pathFilter([false, false])('/connect/authorize')).toBe(false);
});
