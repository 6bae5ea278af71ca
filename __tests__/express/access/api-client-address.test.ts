import fc from 'fast-check';
import type { AxiosRequestConfig } from 'axios';
import { apiAddressCheck } from '../../../src/provider/api-url';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld((socket) => socket.write(ok()));
});
afterAll(() => world.close());

const REFUSED = { code: 'ERR_CONNECT_CONFIG', status: 500, stage: 'api', reason: 'url' };
/** `BASE` stands for the API's address, `ORIGIN` for its origin. */
const HOSTILE: readonly (string | AxiosRequestConfig)[] = [
  'https://evil.example/me',
  'http://evil.example/api/v2/me',
  'HTTP://evil.example/api/v2/me',
  '//evil.example/api/v2/me',
  'ORIGIN/me',
  'ORIGIN/api/v2x/me',
  'ORIGIN/api/v1/me',
  'ORIGIN.evil.example/api/v2/me',
  'http://127.0.0.1:1/api/v2/me',
  'http://user:pass@HOST/api/v2/me',
  'http://@HOST/api/v2/me',
  'http://HOST@evil.example/api/v2/me',
  'https://HOST/api/v2/me',
  'http:evil.example',
  'http:/evil.example/',
  'ftp://HOST/api/v2/me',
  'file:///etc/passwd',
  '/../oauth',
  '/..',
  '../',
  '/me/..',
  '/me/../../v1',
  '/me/../me',
  '/./me',
  '/%2e%2e/oauth',
  '/%2E%2e/oauth',
  '/.%2e/oauth',
  '/%252e%252e/oauth',
  '/%25252e./oauth',
  '/..%2foauth',
  '/a%2f..%2f..%2foauth',
  '/..%5coauth',
  '/..;/oauth',
  '/..;x=1/oauth',
  '/..%3b/oauth',
  '/..\\oauth',
  '\\\\evil.example\\me',
  '/\\evil.example',
  'http:\\\\evil.example',
  'ORIGIN\\api\\v2\\me',
  '/.\t./oauth',
  '/me\r\nHost: evil.example',
  '/me\0',
  '\thttps://evil.example/',
  '/me ',
  '/.\n.',
  { url: '/me', baseURL: 'https://evil.example' },
  { url: '/me', baseURL: 'ORIGIN' },
  { url: '/me', baseURL: 'ORIGIN/api/v2/..' },
  { url: '/me', baseURL: 'ORIGIN/api/v2@evil.example' },
  { url: '', baseURL: '//evil.example' },
  { url: '/me', baseURL: '' },
  { url: '../oauth', allowAbsoluteUrls: false },
  { url: 'https://evil.example', baseURL: '', allowAbsoluteUrls: true },
  { url: 'http://HOST/oauth?', params: { a: '/api/v2/' } },
  { url: 'ORIGIN', paramsSerializer: { serialize: () => '/api/v2/me' }, params: { a: 1 } },
];

function filled(text: string): string {
  const { origin, host } = new URL(world.base);
  return text.replace('BASE', world.base).replace('ORIGIN', origin).replace('HOST', host);
}

test.each(HOSTILE.map((call) => [JSON.stringify(call), call] as const))(
  '%s is refused before a token is asked for',
  async (_name, call) => {
    const { url = '', baseURL, ...rest } = typeof call === 'string' ? { url: call } : call;
    const config = { ...rest, url: filled(url), ...(baseURL === undefined ? {} : { baseURL: filled(baseURL) }) };
    const [asked, requests] = [world.asked.length, world.server.requests.length];
    await expect(world.client().request(config)).rejects.toMatchObject(REFUSED);
    await expect(world.client().post(config.url, 'x', config)).rejects.toMatchObject(REFUSED);
    expect([world.asked.length, world.server.requests.length]).toEqual([asked, requests]);
  },
);

test.each([
  ['/me', {}, '/api/v2/me'],
  ['me', {}, '/api/v2/me'],
  ['', {}, '/api/v2'],
  ['/a b', {}, '/api/v2/a%20b'],
  ['BASE/me?page=2', {}, '/api/v2/me?page=2'],
  ['/me', { params: { a: 1, b: ['x', 'y'], c: '&=', d: undefined } }, '/api/v2/me?a=1&b[]=x&b[]=y&c=%26%3D'],
  [
    '/me?x=1',
    { params: new URLSearchParams({ next: 'https://evil.example/../' }) },
    '/api/v2/me?x=1&next=https%3A%2F%2Fevil.example%2F..%2F',
  ],
  ['/a%2Fb', {}, '/api/v2/a%2Fb'],
  ['/..a/...', {}, '/api/v2/..a/...'],
  ['/me#part', {}, '/api/v2/me'],
  ['/user@host', {}, '/api/v2/user@host'],
  ['/next', { baseURL: 'BASE/deeper' }, '/api/v2/deeper/next'],
] as const)('%s with %j goes to %s', async (url, config: AxiosRequestConfig, path) => {
  const baseURL = config.baseURL === undefined ? {} : { baseURL: filled(config.baseURL) };
  await world.client().get(filled(url), { ...config, ...baseURL });
  expect(decodeURI(world.server.requests.at(-1)!.head)).toBe(`GET ${decodeURI(path)} HTTP/1.1`);
});

test('whatever address, base and parameters are put together, what passes is below apiBaseUrl', () => {
  const base = 'https://api.example/api/v2';
  const check = apiAddressCheck(base);
  const piece = fc.constantFrom(
    '/',
    '//',
    '..',
    '.',
    '%2e',
    '%2f',
    '%5c',
    '%25',
    '\\',
    '@',
    ':',
    ';',
    '?',
    '#',
    'https:',
    'api.example',
    'evil.example',
    '/api/v2',
    '/api/v2/',
    '\t',
    '\n',
    ' ',
    'me',
    '\0',
    '%',
    '\u3002',
    '\uFF0E',
    '\u2025',
    '％２ｅ',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 10 }).map((parts) => parts.join('')),
    fc.string(),
    fc.webUrl(),
  );
  let passed = 0;
  fc.assert(
    fc.property(text, fc.option(text, { nil: base }), fc.option(text, { nil: undefined }), (url, baseURL, a) => {
      let address: string;
      try {
        address = check({ url, baseURL, params: { a } });
      } catch (error) {
        expect(error).toMatchObject(REFUSED);
        return;
      }
      passed += 1;
      const { origin, pathname, username, password, hash } = new URL(address);
      expect([origin, username, password, hash]).toEqual(['https://api.example', '', '', '']);
      expect(`${pathname}/`.startsWith('/api/v2/')).toBe(true);
      expect(
        decodeURIComponent(pathname.replace(/%(?![0-9a-f]{2})/gi, '%25').replace(/%[89a-f][0-9a-f]/gi, 'x')).split(
          /[/\\]/,
        ),
      ).not.toContain('..');
    }),
    { seed: 20261124, numRuns: 5000 },
  );
  expect(passed).toBeGreaterThan(300);
});
