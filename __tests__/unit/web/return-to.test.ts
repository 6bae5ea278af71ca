import fc from 'fast-check';
import { safeReturnTo } from '../../../src/web/return-to';
import type { Sandbox } from '../../../src/testing';
import { browser, startApp, type TestApp } from '../../support/app';
import { anyText, runs, webUrl } from '../../support/property';
import { startSandbox } from '../../support/sandbox';

const ownPaths = ['/connect/callback', '/connect/authorize'];
const check = (value: unknown): string | undefined => safeReturnTo(value, { ownPaths });
const BASES = [
  'http://app.example/connect/callback',
  'https://app.example/connect/callback',
  'https://app.example:8443/shop/connect/callback',
];

/** What a browser does with our Location header. */
function staysOnSite(location: string): boolean {
  return BASES.every((base) => new URL(location, base).origin === new URL(base).origin);
}

// Prefixes that some parser takes for "another host follows", and hosts in several spellings.
const slashes = [
  '//',
  '///',
  '////',
  '\\\\',
  '\\',
  '/\\',
  '\\/',
  '/\\/',
  '//\\',
  '/\t/',
  '/\n/',
  '/\r/',
  '/\r\n/',
  '\t//',
  '\n//',
  ' //',
  '/ /',
  '/\u0000/',
  '\u0000//',
  '/\u001f/',
  '/\u007f/',
  '/\u0085/',
  '\u00a0//',
  '\ufeff//',
  '\u2028//',
  '\u3000//',
  '/.//',
  '/././/',
  '/..//',
  '/../..//',
  '/a/..//',
  '/a/b/../..//',
  '/%2e//',
  '/%2E%2e//',
  '/.%2e//',
  '/a/%2e%2e//',
  '/a/%2E.//',
  '/;/..//',
  '/.\t.//',
  '/.\\',
  '/..\\',
  '/a/..\\',
  '/.\\/',
  '/%2f',
  '/%2F',
  '/%5c',
  '/%5C',
  '/%2f%2f',
  '/%5c%5c',
  '/%2f%5c',
  '/.%2f',
  '/a/..%2f',
  '/%09/',
  '/%0a/',
  '/%0d/',
  '/%00/',
  '/%7f/',
  '/%1F/',
];
const hosts = ['evil.example', 'evil.example:443', 'me@evil.example', 'evil.example/connect', '[::1]', '2130706433'];
const schemes = [
  'http://evil.example',
  'https://evil.example',
  'HTTPS://evil.example',
  'http:/evil.example',
  'https:evil.example',
  'http:\\\\evil.example',
  'https:/\\evil.example',
  'ftp://evil.example',
  'ws://evil.example',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  '\u0001javascript:alert(1)',
  ' javascript:alert(1)',
  'javascript://app.example/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'blob:https://app.example/x',
  'about:blank',
  'mailto:a@b.example',
  'view-source:https://evil.example',
  'intent://evil.example',
  'http://app.example@evil.example',
  'http://app.example.evil.example',
  'https://app.example/x',
  'app.example/x',
  'evil.example',
  'www.evil.example',
  '.evil.example',
  '@evil.example',
  ':evil.example',
  ':443/x',
  '?x',
  '#x',
  '.',
  '..',
  './x',
  '../x',
  'x',
  '',
  ' ',
  '\t',
  '\u0000',
  '~',
  '*',
  'null',
  'undefined',
  '%2f%2fevil.example',
  '%2Fevil',
  '%5cevil.example',
  '\uff0f\uff0fevil.example',
  '\u2215\u2215evil.example',
  '\u2044evil.example',
  ' /x',
  '\t/x',
  '\n/x',
  '\u00a0/x',
  '\ufeff/x',
  '/x\r\nSet-Cookie: a=b',
  '/x\nLocation: //evil.example',
  '/x\u0000',
  '/x\\y',
  '/\\',
  '/x?y=\\',
  '/x#\\',
  '/x?a=\u0001',
  '/x\u0080',
  '/%',
  '/%2',
  '/x%0d%0aSet-Cookie:%20a=b',
  '/x%00',
  '/%5C%5Cevil.example',
  '/x/%2e%2e%2f%2fevil.example',
  `/${'a'.repeat(2048)}`,
  `/?${'a'.repeat(2047)}`,
  `/${'/'.repeat(3000)}`,
  `/${'é'.repeat(400)}`,
  '//',
  '///',
  '////evil',
  '/\\evil.example/..',
  '///evil.example/%2e%2e',
];
const attempts: readonly string[] = [
  ...new Set([...slashes.flatMap((before) => hosts.map((host) => before + host)), ...schemes]),
];

// The path part of these is sound in itself: a browser stays here, and so they are accepted on purpose.
const harmless: ReadonlyMap<string, string> = new Map([
  ...hosts.map((host) => [`/ /${host}`, `/%20/${host}`] as const),
  ['/%', '/%'],
  ['/%2', '/%2'],
]);

test('the table of hostile values holds at least 200', () => {
  expect(attempts.length).toBeGreaterThanOrEqual(200);
});

test.each(attempts.map((value) => [JSON.stringify(value).slice(0, 80), value] as const))(
  '%s does not leave the site',
  (_shown, value) => {
    const emitted = check(value);
    expect(emitted).toBe(harmless.get(value));
    expect(staysOnSite(emitted ?? '/')).toBe(true);
  },
);

test.each([
  ['undefined', undefined],
  ['null', null],
  ['a number', 1],
  ['a list', ['/x']],
  ['an object that prints as a path', { toString: () => '/x' }],
  ['a String object', Object('/x')],
  ['true', true],
])('%s is no returnTo', (_kind, value: unknown) => {
  expect(check(value)).toBeUndefined();
});

const ownSpellings = [
  '/connect/authorize',
  '/connect/callback',
  '/connect/authorize/',
  '/connect/callback//',
  '/connect//authorize',
  '/connect///callback',
  '/Connect/Authorize',
  '/CONNECT/CALLBACK/',
  '/connect/authorize?returnTo=/x',
  '/connect/authorize#x',
  '/connect/authorize/?x#y',
  '/connect/callback?code=a&state=b',
  '/connect/./authorize',
  '/connect/x/../authorize',
  '/./connect/authorize',
  '/../connect/callback',
  '/x/../connect/callback',
  '/connect/authorize/.',
  '/connect/authorize/x/..',
  '/connect/%2e/authorize',
  '/connect/x/%2e%2E/authorize',
  '/%63onnect/authorize',
  '/connect/%61uthoriz%65',
  '/%43onnect/%41uthorize',
  '/%2563onnect/authorize',
  '/%252563onnect/authorize',
  '/connect%252fauthorize',
  '/connect%252Fauthorize',
  '/connect%255cauthorize',
  '/connect/authorize%3Fx',
  '/connect/authorize%23x',
  '/%252Fconnect/authorize',
  '/%255Cconnect/authorize',
  '/%255C/%255cconnect/callback',
  '/%25255Cconnect/callback',
  '/%2509/connect/authorize',
  '/%250a%255Cconnect/authorize',
  '/connect/authorize%253Fx',
  '/connect/authorize ',
  '/connect/authorize?',
  '/connect/authorize#',
];
test.each(ownSpellings)('%j names a route of ours and is refused', (value) => {
  expect(check(value)).toBeUndefined();
});

test('an own path below a mount is refused there, and only there', () => {
  const below = { ownPaths: ['/shop/connect/callback', '/shop/connect/authorize'] };
  expect(safeReturnTo('/Shop/connect/%63allback/?x', below)).toBeUndefined();
  expect([safeReturnTo('/connect/callback', below), check('/shop/connect/callback')]).toEqual([
    '/connect/callback',
    '/shop/connect/callback',
  ]);
});

const kept = [
  '/',
  '/x',
  '/x/',
  '/a/b/c',
  '/a//b',
  '/a/b//',
  '/x?a=b',
  '/x?a=b&c=d',
  '/x#top',
  '/x?a=b#top',
  '/?a',
  '/#a',
  '/x?next=%2Fy%2Fz',
  '/x?next=https%3A%2F%2Fapp.example%2F',
  '/x?next=//other',
  '/x?a=%5C',
  '/x?a=%0A',
  '/x#%2F',
  '/x?a=b?c',
  '/caf%C3%A9',
  '/a%20b',
  '/a+b',
  '/~me',
  '/@me',
  '/a:b',
  '/a;b=c',
  '/a,b',
  "/it's",
  '/(x)',
  '/*',
  '/!',
  '/$',
  '/a.b',
  '/.well-known/x',
  '/...',
  '/..x',
  '/x..',
  '/connect',
  '/connect/',
  '/connect/authorized',
  '/connect/callback/more',
  '/connectauthorize',
  '/x/connect/authorize',
  '/?/connect/authorize',
  '/http://other.example',
  '/x@other.example',
  `/${'a'.repeat(2047)}`,
  `/x?${'a'.repeat(2045)}`,
  '/__proto__',
  '/constructor',
  '/%25',
  '/%252e',
  '/[x]',
  '/a|b',
  '/%255Cx/connect/authorize',
  '/%255C[',
  '/%2509x',
];
test.each(kept.map((value) => [value.slice(0, 60), value] as const))('%s is kept exactly', (_shown, value) => {
  expect(check(value)).toBe(value);
});

test.each([
  ['a letter beyond ASCII', '/café', '/caf%C3%A9'],
  ['another script in the query', '/x?q=日本', '/x?q=%E6%97%A5%E6%9C%AC'],
  ['an emoji in the fragment', '/x#😀', '/x#%F0%9F%98%80'],
  ['a blank', '/a b', '/a%20b'],
  ['an empty query', '/?', '/'],
  ['an empty fragment', '/#', '/'],
  ['a blank at the end', '/x ', '/x'],
  ['quotes and angle brackets', '/"<x>', '/%22%3Cx%3E'],
  ['dots', '/a/./b/../c', '/a/c'],
  ['dots above the root', '/../../x', '/x'],
  ['encoded dots', '/a/%2e%2E/b', '/b'],
  ['half a surrogate pair', '/\ud800', '/%EF%BF%BD'],
  ['fullwidth slashes', '/\uff0f\uff0fevil.example', '/%EF%BC%8F%EF%BC%8Fevil.example'],
  ['the Kelvin sign, which is no k', '/connect/callbac\u212a', '/connect/callbac%E2%84%AA'],
])('%s is serialised to printable ASCII', (_kind, value, emitted) => {
  expect(check(value)).toBe(emitted);
});

describe('through a real sign-in', () => {
  let sandbox: Sandbox;
  let app: TestApp;
  beforeAll(async () => {
    sandbox = await startSandbox();
    app = await startApp(sandbox, { options: { afterConnect: '/home' } });
  });

  async function landingOf(query: string): Promise<string> {
    const visitor = browser();
    const started = await visitor.visit(`${app.url}/connect/authorize${query}`);
    return (await visitor.visit(await sandbox.allow(started.location))).location;
  }
  // Every fifth of the table keeps each kind in, and the ways that once passed an origin check are all here.
  const some = [
    ...attempts.filter((_value, at) => at % 5 === 0),
    '/.//evil.example',
    '/a/..//evil.example',
    '/%2e//evil.example',
    ...ownSpellings.slice(0, 12),
  ];

  test.each(some.map((value) => [JSON.stringify(value).slice(0, 80), value] as const))(
    '%s lands on this site',
    async (_shown, value) => {
      const location = await landingOf(`?returnTo=${encodeURIComponent(value)}`);
      expect(location).toBe(harmless.get(value) ?? '/home');
      expect(staysOnSite(location)).toBe(true);
    },
  );

  test.each([
    ['nothing', '', '/home'],
    ['an empty value', '?returnTo=', '/home'],
    ['two values', '?returnTo=/a&returnTo=/b', '/home'],
    ['a list', '?returnTo[]=/a', '/home'],
    ['a key', '?returnTo[x]=/a', '/home'],
    ['malformed encoding', '?returnTo=/%25%', '/home'],
    ['a name in another case', '?returnto=/a', '/home'],
    ['a raw path', '?returnTo=/a/b', '/a/b'],
    ['an encoded path with query and fragment', '?returnTo=%2Fa%3Fb%3Dc%252Fd%26e%23f', '/a?b=c%2Fd&e#f'],
    ['a path beyond ASCII', '?returnTo=%2Fcaf%C3%A9', '/caf%C3%A9'],
    ['2,048 characters', `?returnTo=/${'a'.repeat(2047)}`, `/${'a'.repeat(2047)}`],
    ['2,049 characters', `?returnTo=/${'a'.repeat(2048)}`, '/home'],
  ])('%s ends where it should', async (_kind, query, landing) => {
    expect(await landingOf(query)).toBe(landing);
  });

  test('neither Host nor forwarded headers nor Referer change where the visitor lands', async () => {
    const visitor = browser();
    const headers = {
      accept: 'text/html',
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
      referer: 'https://evil.example/',
      origin: 'https://evil.example',
      'x-original-url': '//evil.example',
      'x-rewrite-url': '//evil.example',
    };
    const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/a`, headers);
    expect(new URL(started.location).searchParams.get('redirect_uri')).toBe(`${app.url}/connect/callback`);
    expect((await visitor.visit(await sandbox.allow(started.location), headers)).location).toBe('/a');
  });
});

const RUNS = runs(20_300_103);
const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
const membersOfPrototypes = (): readonly (string | symbol)[] =>
  prototypes.flatMap((prototype) => Reflect.ownKeys(prototype));

const piece = fc.constantFrom(
  '/',
  '//',
  '\\',
  '.',
  '..',
  '/..',
  '%2e',
  '%2E',
  '%2f',
  '%5c',
  '%25',
  '%',
  '\t',
  '\n',
  '\r',
  '\u0000',
  '\u007f',
  '\u00a0',
  '\ufeff',
  ' ',
  '?',
  '#',
  '@',
  ':',
  ';',
  'http:',
  'javascript:',
  'evil.example',
  'connect',
  '/connect',
  '/authorize',
  'callback',
  'CALLBACK',
  '%63',
  'é',
  '\uff0f',
  '\u2028',
  '\ud800',
  '\udc00',
  '__proto__',
  'a',
);
const assembled = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));
const target = fc.oneof(
  assembled.map((tail) => `/${tail}`),
  assembled,
  anyText,
  fc.string().map((tail) => `/${tail}`),
  webUrl,
  fc.anything(),
);

test('whatever returnTo is: nothing throws, nothing leaves the site or reaches our routes, and no prototype changes', () => {
  const before = membersOfPrototypes();
  fc.assert(
    fc.property(target, (value) => {
      const emitted = check(value);
      if (emitted === undefined) return;
      expect(emitted).toMatch(/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/u);
      expect(emitted.length).toBeLessThanOrEqual(2048);
      for (const base of BASES) {
        const landed = new URL(emitted, base);
        expect(landed.origin).toBe(new URL(base).origin);
        expect(ownPaths).not.toContain(decodeSafely(landed.pathname).toLowerCase().replace(/\/+$/u, ''));
      }
      // What is accepted is accepted again, unchanged: the callback checks what authorize has stored.
      expect(check(emitted)).toBe(emitted);
    }),
    RUNS,
  );
  expect(membersOfPrototypes()).toEqual(before);
});

function decodeSafely(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
