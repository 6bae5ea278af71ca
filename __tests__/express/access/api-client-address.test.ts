import fc from 'fast-check';
import type { AxiosRequestConfig } from 'axios';
import { apiAddressCheck } from '../../../src/provider/api/api-url';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';
import { runs, webUrl } from '../../support/property';

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld((socket) => socket.write(ok()));
});

const RUNS = runs(20_261_124);
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
  '/..;\u2028/oauth',
  '/..;%E2%80%A8/oauth',
  '/..;\u2029x/oauth',
  '/..\u2028/oauth',
  '/.\u200b./oauth',
  '/..%00/oauth',
  '/..%20/oauth',
  '/%25%32%65%25%32%65/oauth',
  '/%%32e%%32%65/oauth',
  '/%252%65%252%65%252foauth',
  '/%25%35%63..%25%35%63oauth',
  '/me%3f/../oauth',
  '/me%23/%2e./oauth',
  '/..%3fa=1',
  '/%2e%2e%23part',
  '/..%253Fa=1',
  '/%c0%ae%c0%ae/oauth',
  '/%25c0%25ae%25c0%25ae/oauth',
  '/%u002e%u002e/oauth',
  '/\uFF0E\uFF0E/oauth',
  '/\u2025/oauth',
  '/％２ｅ％２ｅ/oauth',
  `/me%${'25'.repeat(40)}`,
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
    expect({ timesAsked: world.asked.length, requests: world.server.requests.length }).toEqual({
      timesAsked: asked,
      requests,
    });
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
  ['/what%3F', {}, '/api/v2/what%3F'],
  ['/me#part', {}, '/api/v2/me'],
  ['/user@host', {}, '/api/v2/user@host'],
  ['/me;v=1.2', {}, '/api/v2/me;v=1.2'],
  ['/%2525', {}, '/api/v2/%2525'],
  ['/...', {}, '/api/v2/...'],
  ['/next', { baseURL: 'BASE/deeper' }, '/api/v2/deeper/next'],
] as const)('%s with %j goes to %s', async (url, config: AxiosRequestConfig, path) => {
  const baseURL = config.baseURL === undefined ? {} : { baseURL: filled(config.baseURL) };
  await world.client().get(filled(url), { ...config, ...baseURL });
  expect(decodeURI(world.server.requests.at(-1)!.head)).toBe(`GET ${decodeURI(path)} HTTP/1.1`);
});

/** What readers on the way may make of a path: the escapes of one layer resolved, then one habit more of some server. */
const READINGS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.replace(/[^\x21-\x7e]/g, ''),
  (path) => path.normalize('NFKC'),
];

/** As lenient servers decode: each escape by itself, bytes beyond ASCII as they are. */
const decodedOnce = (path: string): string =>
  path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** The path that is left when dot segments are resolved as RFC 3986 §5.2.4 says. */
function resolved(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `${kept.join('/')}/`;
}

test('whatever address, base and parameters are put together, what passes is below apiBaseUrl for every reader', () => {
  const base = 'https://api.example/api/v2';
  const check = apiAddressCheck(base);
  const dots = ['..', '.', '%2e', '%252e', '%25%32%65', '%%32e', '%u002e', '\uFF0E', '\u2025', '%c0%ae', '％２ｅ'];
  const slashes = ['/', '//', '%2f', '%5c', '%25%32%66', '\\', '/api/v2', '/api/v2/'];
  const between = [';', ';x=1', '\u2028', '%E2%80%A8', '%00', ' ', '\t', '\n', '\0', '\u3002', '\u200b'];
  const rest = ['%25', '%', '25', '2e', '@', ':', '?', '#', 'https:', 'api.example', 'evil.example', 'me'];
  const text = fc.oneof(
    fc
      .array(fc.constantFrom(...dots, ...slashes, ...between, ...rest), { maxLength: 10 })
      .map((parts) => parts.join('')),
    fc
      .array(fc.tuple(fc.constantFrom(...slashes), fc.constantFrom(...dots, ...rest, ...between)), { maxLength: 6 })
      .map((parts) => parts.flat().join('')),
    fc.string(),
    webUrl,
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
      expect({ origin, username, password, hash }).toEqual({
        origin: 'https://api.example',
        username: '',
        password: '',
        hash: '',
      });
      // Decoding only ever shortens a path: the last layer is the path itself.
      for (let path = pathname, inner = ''; path !== inner; inner = path, path = decodedOnce(path)) {
        expect(
          READINGS.map((reading) => resolved(reading(path))).filter((read) => !read.startsWith('/api/v2/')),
        ).toEqual([]);
      }
    }),
    RUNS,
  );
  expect(passed).toBeGreaterThan(RUNS.numRuns / 20);
});

test('whatever stands in a path segment that was put through encodeURIComponent is sent or refused, never read as a way out', () => {
  const check = apiAddressCheck('https://api.example/api/v2');
  let passed = 0;
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      let address: string;
      try {
        address = check({ url: `/users/${encodeURIComponent(name)}`, baseURL: 'https://api.example/api/v2' });
      } catch {
        return;
      }
      passed += 1;
      expect(address).toBe(`https://api.example/api/v2/users/${encodeURIComponent(name)}`);
    }),
    RUNS,
  );
  expect(passed).toBeGreaterThan(RUNS.numRuns * 0.9);
});

/** The addresses of the calls, one after the other; null where one is refused. */
function addressesBy(
  checkFor: () => ReturnType<typeof apiAddressCheck>,
  calls: readonly AxiosRequestConfig[],
): unknown {
  return calls.map((call) => {
    try {
      return checkFor()({ allowAbsoluteUrls: true, ...call });
    } catch {
      return null;
    }
  });
}

test('what was checked before decides no other call', () => {
  const base = 'https://api.example/api/v2';
  const path = fc.constantFrom('/me', '/me?a=b', '/../me', 'https://evil.example/me', `${base}/me`, '/a'.repeat(200));
  const call = fc.record(
    {
      url: path,
      baseURL: fc.constantFrom(base, `${base}/users`, 'https://evil.example'),
      params: fc.constantFrom(undefined, { a: 'b' }),
      paramsSerializer: fc.constant({ serialize: () => 'c=d' }),
      allowAbsoluteUrls: fc.boolean(),
    },
    { requiredKeys: ['url', 'baseURL', 'params'] },
  );
  const known = apiAddressCheck(base);
  // More than are remembered.
  for (let count = 0; count < 250; count += 1) known({ url: `/${count}`, baseURL: base, allowAbsoluteUrls: true });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 20 }), (calls) => {
      expect(addressesBy(() => known, calls)).toEqual(addressesBy(() => apiAddressCheck(base), calls));
    }),
    RUNS,
  );
});
