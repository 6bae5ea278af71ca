import http from 'node:http';
import https from 'node:https';
import { inspect } from 'node:util';
import session from 'express-session';
import { connectAuth, isConnectError, type ConnectAuthOptions, type ConnectError } from '../../../src';
import { readOptions } from '../../../src/options/read';
import type { Sandbox } from '../../../src/testing';
import { browser, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

const sound = {
  clientId: 'client',
  clientSecret: 'secret',
  redirectUri: 'https://app.example/connect/callback',
} as const;

function faultOf(options: unknown): ConnectError {
  try {
    connectAuth(options as ConnectAuthOptions);
  } catch (error) {
    if (isConnectError(error)) return error;
    throw error;
  }
  throw new Error('these options were accepted');
}

/** The options that a message names, in its order. */
const namesIn = ({ message }: ConnectError): string[] =>
  message
    .replace(/^connectAuth\(\) cannot use these options: (.*)\.$/u, '$1')
    .split('; ')
    .map((part) => part.split(' (', 1)[0]!);

type Row = readonly [sentence: string, options: object, named: string];
const parsed = (json: string): unknown => JSON.parse(json);
const each = (name: string, what: string, values: Readonly<Record<string, unknown>>): readonly Row[] =>
  Object.entries(values).map(([kind, value]) => [`${name} ${what} ${kind}`, { [name]: value }, name]);

const notText = { 'is null': null, 'is a number': 7, 'is true': true, 'is a list': ['a'], 'is an object': { a: 1 } };
const badCredential = {
  'is missing': undefined,
  'is empty': '',
  'is blank': ' ',
  'ends with a line feed': 'value\n',
  'ends with CRLF': 'value\r\n',
  'starts with a space': ' value',
  'ends with a space': 'value ',
  'ends with a no-break space': 'value\u00a0',
  'holds a line feed': 'va\nlue',
  'holds NUL': 'va\u0000lue',
  'holds DEL': 'va\u007flue',
  'holds a tab': 'va\tlue',
  ...notText,
};
const badUrl = {
  'is empty': '',
  'is a path': '/connect/callback',
  'is no URL': 'nonsense',
  'has no scheme': 'app.example/connect/callback',
  'is scheme-relative': '//app.example/connect/callback',
  'is plain http on a public host': 'http://app.example/connect/callback',
  'is plain http on a host that only starts like loopback': 'http://127.0.0.1.example/connect/callback',
  'is plain http on a host that only ends like localhost': 'http://notlocalhost/connect/callback',
  'has the scheme ftp': 'ftp://app.example/connect/callback',
  'has the scheme javascript': 'javascript:alert(1)//connect/callback',
  'has the scheme data': 'data:text/html,/connect/callback',
  'lacks the slashes': 'https:app.example/connect/callback',
  'has three slashes': 'https:///app.example/connect/callback',
  'has a fragment': 'https://app.example/connect/callback#x',
  'has an empty fragment': 'https://app.example/connect/callback#',
  'has a user': 'https://me@app.example/connect/callback',
  'has user and password': 'https://me:pw@app.example/connect/callback',
  'has empty user information': 'https://@app.example/connect/callback',
  'starts with a blank': ' https://app.example/connect/callback',
  'ends with a blank': 'https://app.example/connect/callback ',
  'ends with a line feed': 'https://app.example/connect/callback\n',
  'holds a tab': 'https://app.exa\tmple/connect/callback',
  'holds a backslash': 'https://app.example\\connect/callback',
  'is not ASCII': 'https://äpp.example/connect/callback',
  'has an impossible port': 'https://app.example:99999/connect/callback',
  ...notText,
};
const badPath = {
  'is empty': '',
  'is the root': '/',
  'does not start with a slash': 'login',
  'starts with two slashes': '//login',
  'holds two slashes': '/a//b',
  'has a query': '/login?x',
  'has a fragment': '/login#x',
  'is encoded': '/l%6fgin',
  'holds a blank': '/log in',
  'is not ASCII': '/lögin',
  'holds a backslash': '/a\\b',
  'holds a line feed': '/a\nb',
  climbs: '/a/../b',
  'stands still': '/./a',
  'is a whole URL': 'https://app.example/login',
  'is true': true,
  'is null': null,
  'is a number': 1,
  'is a regular expression': /a/u,
  ...Object.fromEntries(
    ': * ( ) { } ? + [ ] ! | ^ $ " < >'.split(' ').map((sign) => [`holds the pattern character ${sign}`, `/a${sign}b`]),
  ),
};
const badTimes = (least: number, most: number): Record<string, unknown> => ({
  'is 0': 0,
  'is NaN': NaN,
  'is infinite': Infinity,
  'is negative': -least,
  'is below its least value': least - 1,
  'is above its greatest value': most + 1,
  'is a fraction': least + 0.5,
  'is text': String(least),
  'is null': null,
  'is true': true,
  'is beyond whole numbers': 2 ** 60,
  'is a bigint': BigInt(least),
});
const notFlag = { 'is text': 'true', 'is 1': 1, 'is null': null, 'is an object': {} };
const notFunction = { 'is text': 'f', 'is an object': {}, 'is null': null, 'is true': true };
const protocolParameters = [
  'client_id',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'client_secret',
  'code',
  'code_verifier',
  'response_mode',
  'request',
  'request_uri',
  'state[]',
  'redirect_uri[x]',
];
// Whatever a session has by itself, in this version of express-session too.
const sessionMembers = [
  'cookie',
  'id',
  'req',
  ...Reflect.ownKeys((session.Session as unknown as { prototype: object }).prototype).map(String),
  ...Object.getOwnPropertyNames(Object.prototype),
  'prototype',
  'connect',
  'connectLineage',
  'connectPending',
];

const faults: readonly Row[] = [
  ...each('clientId', 'that', badCredential),
  ...each('clientSecret', 'that', badCredential),
  ...each('redirectUri', 'that', { ...badUrl, 'is missing': undefined }),
  ...each('redirectUri', 'that', {
    'does not end with callbackPath': 'https://app.example/callback',
    'only ends like callbackPath': 'https://app.example/xconnect/callback',
    'goes on after callbackPath': 'https://app.example/connect/callback/more',
    'has no path': 'https://app.example',
    'has callbackPath in its query only': 'https://app.example/?x=/connect/callback',
    'has an empty segment, so that our links would be //host': 'https://app.example//connect/callback',
  }),
  ['redirectUri that does not end with a given callbackPath', { callbackPath: '/back' }, 'redirectUri'],
  ...each('authorizeUrl', 'that', badUrl),
  ...each('tokenUrl', 'that', badUrl),
  ...each('scope', 'that', {
    'is empty': '',
    'is blank': ' ',
    'is padded': ' a',
    'holds two blanks': 'a  b',
    'holds a line feed': 'a\nb',
    'is not ASCII': 'é',
    'is an empty list': [],
    'is a list of nothing': [''],
    'is a list of numbers': [1],
    'is a list with a blank in it': ['a b'],
    'is a list with null': [null],
    'is a list with a hole': Array(1),
    'is a number': 1,
    'is null': null,
  }),
  ...each('accessTokenKey', 'that', {
    'is empty': '',
    'is padded': 'key ',
    'is padded in front': ' key',
    'ends with a newline': 'key\n',
    'is whitespace only': ' ',
    'holds a tab': 'k\ty',
    'holds CRLF and a header': 'key\r\nX-Admin: 1',
    'holds NUL': 'k\0y',
    'holds DEL': 'k\x7fy',
    'holds a no-break space': 'k\u00a0y',
    'is not ASCII': 'kéy',
    ...notText,
  }),
  ...each('clientAuthentication', 'that', {
    'is another word': 'both',
    'is in another case': 'Header',
    'is empty': '',
    'is null': null,
  }),
  ...each('requestFormat', 'that', {
    'is another word': 'xml',
    'is in another case': 'JSON',
    'is empty': '',
    'is null': null,
  }),
  ...['pkce', 'allowMissingState', 'renderErrors'].flatMap((name) => each(name, 'that', notFlag)),
  ...['onEvent', 'onConnect', 'renderError'].flatMap((name) => each(name, 'that', notFunction)),
  ...each('authorizePath', 'that', badPath),
  ...each('callbackPath', 'that', badPath),
  ...each('authorizePath', 'that', {
    'is callbackPath': '/connect/callback',
    'is callbackPath in another case': '/Connect/CALLBACK',
    'is callbackPath with a slash': '/connect/callback/',
  }),
  ...each('afterConnect', 'that', {
    'is empty': '',
    'is another site': 'https://evil.example/',
    'is scheme-relative': '//evil.example',
    'is relative': 'welcome',
    'serialises to another site': '/.//evil.example',
    'holds a backslash': '/\\evil.example',
    'is authorizePath': '/connect/authorize',
    'is the callback in another spelling': '/Connect/%63allback/?x=1',
    'is over 2,048 characters': `/${'a'.repeat(2048)}`,
    'is null': null,
  }),
  ...each('timeoutMs', 'that', badTimes(100, 120_000)),
  ...each('maxApiAnswerBytes', 'that', badTimes(1024, 104_857_600)),
  ...each('storeTimeoutMs', 'that', badTimes(100, 60_000)),
  ...each('pendingTtlMs', 'that', badTimes(100, 3_600_000)),
  ...each('sessionTtlMs', 'that', badTimes(60_000, 34_560_000_000)),
  ...each('agent', 'that', {
    'is null': null,
    'is text': 'http://proxy.example',
    'is a plain object': {},
    'is true': true,
    'switches verification off': new https.Agent({ rejectUnauthorized: false }),
    'speaks the wrong protocol': new http.Agent(),
  }),
  [
    'agent for https with a tokenUrl on http',
    { agent: new https.Agent(), tokenUrl: 'http://127.0.0.1:1/token' },
    'agent',
  ],
  ...each('sessionKey', 'that', {
    ...Object.fromEntries(sessionMembers.map((name) => [`is ${name}`, name])),
    'is empty': '',
    'has a dot': 'a.b',
    'has a blank': 'a b',
    'starts with a digit': '1a',
    'is long': 'a'.repeat(65),
    'is a symbol': Symbol('x'),
  }),
  ...each('statusByApiCode', 'that', {
    'names an undocumented code': { 402: 500 },
    'names a word': { invalid: 500 },
    'names a padded code': { ' 400': 500 },
    'has a success as status': { 400: 200 },
    'has a redirect as status': { 400: 302 },
    'has the status 399': { 400: 399 },
    'has the status 600': { 400: 600 },
    'has a fraction as status': { 400: 400.5 },
    'has text as status': { 400: '500' },
    'has NaN as status': { 400: NaN },
    'has null as status': { 400: null },
    'holds an own __proto__': parsed('{"__proto__":500}'),
    'holds a __proto__ object': parsed('{"__proto__":{"400":200}}'),
    'is a list': [500],
    'is null': null,
    'is text': '400',
  }),
  ...each('authorizeParams', 'that', {
    'is a URLSearchParams': new URLSearchParams({ prompt: 'login' }),
    'is a Map': new Map([['prompt', 'login']]),
    ...Object.fromEntries(protocolParameters.map((name) => [`replaces ${name}`, { [name]: 'mine' }])),
    'has a number as value': { prompt: 1 },
    'has an empty value': { prompt: '' },
    'has a list as value': { prompt: ['a'] },
    'has a line feed in a value': { prompt: 'a\nb' },
    'has a value beyond ASCII': { prompt: 'é' },
    'has an empty name': { '': 'x' },
    'has a blank in a name': { 'a b': 'x' },
    'has __proto__ as name': parsed('{"__proto__":"x"}'),
    'is a list': ['a'],
    'is text': 'a=b',
    'is null': null,
  }),
  ...each('apiBaseUrl', 'that', {
    'is http on a public host': 'http://api.example/v2',
    'has a query': 'https://api.example/v2?x=1',
    'has a fragment': 'https://api.example/v2#x',
    'has user info': 'https://user@api.example/v2',
    'is a path': '/v2',
    'is empty': '',
    'is a number': 1,
  }),
  ...each('disconnectPath', 'that', {
    'is the authorize path': '/connect/authorize',
    'is the callback path in other case': '/Connect/Callback/',
    'is relative': 'out',
    'is true': true,
    'holds a pattern character': '/out*',
    'is empty': '',
  }),
  ...each('afterDisconnect', 'that', {
    'is another site': 'https://evil.example/',
    'is our own route': '/connect/disconnect',
    'is empty': '',
    'is a number': 1,
  }),
  ...each('allowedOrigins', 'that', {
    'is text': 'https://spa.example',
    'is empty': [],
    'is null': null,
    'holds a number': [1],
    'holds null': [null],
    'holds an empty text': [''],
    'holds a path': ['https://spa.example/app'],
    'holds a slash at the end': ['https://spa.example/'],
    'holds a query': ['https://spa.example?x'],
    'holds a fragment': ['https://spa.example#x'],
    'holds user info': ['https://user@spa.example'],
    'holds http on a public host': ['http://spa.example'],
    'holds a host alone': ['spa.example'],
    'holds a wildcard': ['*'],
    'holds a wildcard as subdomain': ['https://*.example'],
    'holds null as text': ['null'],
    'holds a host in capitals': ['https://SPA.example'],
    'holds a host beyond ASCII': ['https://bücher.example'],
    'holds the default port': ['https://spa.example:443'],
    'holds a trailing dot': ['https://spa.example.'],
    'holds a backslash': ['https://spa.example\\x'],
    'holds a blank': ['https://spa.example '],
    'holds two in one text': ['https://a.example,https://b.example'],
    'holds one bad beside a good': ['https://spa.example', 'https://other.example/'],
    'is a list with a hole': Array(1),
  }),
  [
    'afterConnect on an origin that is not allowed',
    { allowedOrigins: ['https://spa.example'], afterConnect: 'https://spa.example.evil/' },
    'afterConnect',
  ],
  [
    'afterDisconnect on an origin that is not allowed',
    { allowedOrigins: ['https://spa.example'], afterDisconnect: 'https://spa.example:8443/' },
    'afterDisconnect',
  ],
  [
    'afterConnect that is our own route on an allowed origin',
    { allowedOrigins: ['https://app.example'], afterConnect: 'https://app.example/connect/authorize' },
    'afterConnect',
  ],
  ...each('refreshLeewaySeconds', 'that', {
    'is negative': -1,
    'is over an hour': 3601,
    'is a fraction': 1.5,
    'is NaN': NaN,
    'is text': '60',
    'is null': null,
  }),
  ...each('ledger', 'that', {
    'is null': null,
    'is text': 'redis',
    'lacks an operation': { acquire() {}, renew() {}, settle() {}, fail() {}, revoke() {} },
    'tells in no way of what it has forgotten': {
      ...{ acquire() {}, renew() {}, settle() {}, fail() {}, revoke() {}, once() {} },
      onForgotten: true,
    },
    'has a number as operation': { acquire() {}, renew() {}, settle() {}, fail() {}, revoke() {}, once: 1 },
  }),
  ...each('encryptionKeys', 'that', {
    'is empty': [],
    'is one object': { id: 'a', secret: 's'.repeat(32) },
    'has a short secret': [{ id: 'a', secret: 's'.repeat(31) }],
    'has a dot in an id': [{ id: 'a.b', secret: 's'.repeat(32) }],
    'lacks an id': [{ secret: 's'.repeat(32) }],
    'has one id twice': [
      { id: 'a', secret: 's'.repeat(32) },
      { id: 'a', secret: 't'.repeat(32) },
    ],
    'has more than ten keys': Array.from({ length: 11 }, (_, n) => ({ id: `k${n}`, secret: 's'.repeat(32) })),
    'has another member': [{ id: 'a', secret: 's'.repeat(32), algorithm: 'none' }],
    'is text': 'a:secret',
    'is null': null,
  }),
  ...['clientID', 'client_id', 'callbackURL', 'scopes', 'timeout', 'constructor', 'toString'].flatMap((name) =>
    each(name, 'that', { 'is no option': 'x' }),
  ),
  ['an option named __proto__', parsed('{"__proto__":{"pkce":false}}') as object, '__proto__'],
  ['an option whose name holds a line feed', { 'a\nFORGED LOG LINE': 1 }, 'an option whose name is not printable'],
];

test.each(faults)('%s is refused by its name alone', (_sentence, options, named) => {
  const error = faultOf({ ...sound, ...options });
  expect({ code: error.code, stage: error.stage, status: error.status }).toEqual({
    code: 'ERR_CONNECT_OPTIONS',
    stage: 'options',
    status: 500,
  });
  expect(namesIn(error)).toEqual([named]);
  expect(error.message).not.toContain('\n');
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'x'],
  ['a number', 1],
  ['a list', [sound]],
  ['an empty object', {}],
  ['a date', new Date()],
  ['a map', new Map(Object.entries(sound))],
])('%s instead of options is told which options are required', (_sentence, options) => {
  expect(namesIn(faultOf(options)).sort()).toEqual(['clientId', 'clientSecret', 'redirectUri']);
});

test('an option that is inherited counts as missing', () => {
  expect(namesIn(faultOf(Object.create(sound)))).toEqual(['clientId', 'clientSecret', 'redirectUri']);
});

/** Everything that a log could hold of an error. */
const dumps = (error: Error): string =>
  [
    inspect(error, { showHidden: true, depth: 20, getters: true }),
    JSON.stringify(error),
    String(error),
    error.stack,
    error.cause,
    ...Reflect.ownKeys(error).map((key) =>
      inspect((error as unknown as Record<PropertyKey, unknown>)[key], { showHidden: true }),
    ),
  ].join('\n');

test('all faults are reported together, by name, and no value is found in any dump of the error', () => {
  const canary = 'CANARY-4f1d';
  const values: Readonly<Record<string, unknown>> = {
    clientId: `${canary}\n`,
    clientSecret: `${canary}\n`,
    redirectUri: `http://${canary}.example/`,
    scope: `${canary}\n`,
    accessTokenKey: `${canary}\t`,
    clientAuthentication: canary,
    requestFormat: canary,
    pkce: canary,
    allowMissingState: canary,
    issuer: canary,
    authorizeUrl: `http://${canary}.example/`,
    tokenUrl: canary,
    authorizePath: canary,
    callbackPath: canary,
    afterConnect: [canary],
    timeoutMs: canary,
    maxApiAnswerBytes: canary,
    storeTimeoutMs: canary,
    pendingTtlMs: canary,
    sessionTtlMs: canary,
    agent: { name: canary },
    sessionKey: `${canary}.`,
    statusByApiCode: { [canary]: canary, 400: canary },
    renderErrors: canary,
    renderError: canary,
    onEvent: canary,
    onConnect: canary,
    authorizeParams: { [`${canary} x`]: canary, state: canary, ok: `${canary}\n` },
    ledger: canary,
    unknownOption: canary,
  };
  const error = faultOf(values);
  expect(namesIn(error).sort()).toEqual(Object.keys(values).sort());
  expect(dumps(error).toLowerCase()).not.toContain(canary.toLowerCase());
  expect(error.cause).toBeUndefined();
});

test('faults between two sound options are told without their values', () => {
  const error = faultOf({
    ...sound,
    redirectUri: 'https://canary-host.example/x',
    afterConnect: '//canary-place',
    agent: new http.Agent(),
  });
  expect(namesIn(error).sort()).toEqual(['afterConnect', 'agent', 'redirectUri']);
  expect(dumps(error)).not.toMatch(/canary-/u);
});

const agent = new https.Agent({ keepAlive: true });
const accepted: readonly (readonly [sentence: string, options: object])[] = [
  ['a redirectUri on localhost over http', { redirectUri: 'http://localhost:3000/connect/callback' }],
  ['a redirectUri on 127.0.0.1 over http', { redirectUri: 'http://127.0.0.1/connect/callback' }],
  ['a redirectUri anywhere in 127/8 over http', { redirectUri: 'http://127.9.9.9/connect/callback' }],
  ['a redirectUri on ::1 over http', { redirectUri: 'http://[::1]:3000/connect/callback' }],
  ['a redirectUri on a name below localhost', { redirectUri: 'http://app.localhost/connect/callback' }],
  ['a redirectUri with a query', { redirectUri: 'https://app.example/connect/callback?tenant=1' }],
  ['a redirectUri below a mount', { redirectUri: 'https://app.example/shop/connect/callback' }],
  ['a redirectUri with a slash at its end', { redirectUri: 'https://app.example/connect/callback/' }],
  ['a redirectUri in the case of its author', { redirectUri: 'https://app.example/Connect/Callback' }],
  [
    'a redirectUri anywhere when the callback is placed by hand',
    { callbackPath: false, redirectUri: 'https://app.example/back' },
  ],
  ['no authorize route', { authorizePath: false }],
  ['a secret with signs, blanks inside and letters beyond ASCII', { clientSecret: 'pä ss%&+/=:"\\' }],
  ['a secret of one character', { clientSecret: 'x' }],
  ['a scope list', { scope: ['read', 'write'] }],
  ['an issuer', { issuer: 'https://provider.example' }],
  ['an authorizeUrl with a query', { authorizeUrl: 'https://provider.example/a?tenant=1' }],
  ['a tokenUrl on loopback over http', { tokenUrl: 'http://127.0.0.1:9/token' }],
  ['an agent for https', { agent }],
  [
    'an agent for http with both URLs on http',
    { agent: new http.Agent(), tokenUrl: 'http://localhost/token', apiBaseUrl: 'http://localhost/api' },
  ],
  ['the smallest answers', { maxApiAnswerBytes: 1024 }],
  ['the greatest answers', { maxApiAnswerBytes: 104_857_600 }],
  ['the least times', { timeoutMs: 100, storeTimeoutMs: 100, pendingTtlMs: 100, sessionTtlMs: 60_000 }],
  [
    'the greatest times',
    { timeoutMs: 120_000, storeTimeoutMs: 60_000, pendingTtlMs: 3_600_000, sessionTtlMs: 34_560_000_000 },
  ],
  [
    'paths of one segment, with dots, dashes and tildes',
    { authorizePath: '/log-in.v2~x', callbackPath: '/connect/callback' },
  ],
  ['a path with a slash at its end', { authorizePath: '/login/' }],
  ['another session key', { sessionKey: 'shopToken' }],
  ['statuses at both ends for documented codes', { statusByApiCode: { 400: 400, 2041: 599, 503: 503 } }],
  ['further parameters of the authorization request', { authorizeParams: { prompt: 'consent', ui_locales: 'de en' } }],
  [
    "an Access Token Key with spaces inside, as the placeholder of the provider's sample",
    { accessTokenKey: 'Access Token Key' },
  ],
  ['functions', { onEvent: () => undefined, onConnect: () => Promise.resolve(), renderError: () => undefined }],
  [
    'options that are explicitly undefined',
    { scope: undefined, agent: undefined, timeoutMs: undefined, ledger: undefined },
  ],
  ['an afterConnect with query and fragment', { afterConnect: '/welcome?a=%2F#top' }],
  ['an allowed origin', { allowedOrigins: ['https://spa.example'] }],
  [
    'allowed origins with a port, on loopback, in punycode',
    {
      allowedOrigins: [
        'https://spa.example:8443',
        'http://localhost:5173',
        'http://[::1]:1',
        'https://xn--bcher-kva.example',
      ],
    },
  ],
  [
    'an afterConnect on an allowed origin',
    {
      allowedOrigins: ['https://spa.example'],
      afterConnect: 'https://spa.example/done?a#b',
    },
  ],
];

test.each(accepted)('%s is accepted', (_sentence, options) => {
  const config = readOptions({ ...sound, ...options });
  expect(Object.isFrozen(config)).toBe(true);
});

test('what is not given has its default', () => {
  const { redirectUri, ...credentials } = sound;
  expect(readOptions(sound)).toEqual({
    ...credentials,
    redirectUris: [redirectUri],
    publicPrefix: '',
    scope: '*',
    clientAuthentication: 'header',
    requestFormat: 'json',
    pkce: true,
    allowMissingState: false,
    authorizeUrl: 'https://connectcloud.appypie.com/oAuth/authorize',
    tokenUrl: 'https://connectcloud.appypie.com/v1/oauth2/token',
    authorizePath: '/connect/authorize',
    callbackPath: '/connect/callback',
    afterConnect: '/',
    timeoutMs: 10_000,
    maxApiAnswerBytes: 1_048_576,
    storeTimeoutMs: 5_000,
    pendingTtlMs: 600_000,
    sessionTtlMs: undefined,
    sessionKey: 'connectToken',
    statusByApiCode: {},
    renderErrors: true,
    silent: false,
    authorizeParams: {},
    loginUrl: '/connect/authorize',
    ownPaths: ['/connect/callback', '/connect/authorize', '/connect/disconnect'],
    apiBaseUrl: 'https://developer.appypie.com/api/v2/integrations',
    disconnectPath: '/connect/disconnect',
    afterDisconnect: '/',
    refreshLeewaySeconds: 60,
    allowedOrigins: [],
    agent: undefined,
    ledger: undefined,
  });
});

test('a given value is kept as it was given: scopes joined, the agent itself, the public paths below the mount', () => {
  const config = readOptions({
    ...sound,
    redirectUri: 'https://app.example/shop/connect/callback',
    scope: ['read', 'write'],
    agent,
  });
  expect({
    scope: config.scope,
    sameAgent: config.agent === agent,
    loginUrl: config.loginUrl,
    ownPaths: config.ownPaths,
  }).toEqual({
    scope: 'read write',
    sameAgent: true,
    loginUrl: '/shop/connect/authorize',
    ownPaths: ['/shop/connect/callback', '/shop/connect/authorize', '/shop/connect/disconnect'],
  });
});

test('the copy is frozen through and through, and changes of the given object change nothing', () => {
  const given = {
    ...sound,
    scope: ['read'],
    statusByApiCode: { 400: 422 } as Record<string, number>,
    authorizeParams: { prompt: 'login' } as Record<string, string>,
  };
  const config = readOptions(given);
  const before = structuredClone({ ...config });
  Object.assign(given, {
    clientId: 'other',
    clientSecret: 'other',
    redirectUri: 'https://evil.example/',
    tokenUrl: 'https://evil.example/',
  });
  given.scope.push('admin');
  given.statusByApiCode['400'] = 500;
  given.authorizeParams['state'] = 'fixed';
  expect({ ...config }).toEqual(before);
  for (const part of [config, config.statusByApiCode, config.authorizeParams, config.ownPaths])
    expect(Object.isFrozen(part)).toBe(true);
  expect(() => Object.assign(config, { clientId: 'x' })).toThrow(TypeError);
  expect({
    optionsFrozen: Object.isFrozen(given),
    scopeFrozen: Object.isFrozen(given.scope),
    authorizeParamsFrozen: Object.isFrozen(given.authorizeParams),
  }).toEqual({ optionsFrozen: false, scopeFrozen: false, authorizeParamsFrozen: false });
});

/** A member that is one thing when it is looked at, and another afterwards. */
function turning(first: unknown, later: unknown): PropertyDescriptor {
  let reads = 0;
  return { enumerable: true, get: () => ((reads += 1) === 1 ? first : later) };
}

test.each<[string, unknown, unknown]>([
  ['scope', Object.defineProperty(['x'], 0, turning('read', 'read\r\n')), 'read'],
  ['scope', Object.assign(['read'], { join: () => 'read\r\n' }), 'read'],
  ['allowedOrigins', Object.defineProperty(['x'], 0, turning('https://a.example', '*')), ['https://a.example']],
  [
    'encryptionKeys',
    [Object.defineProperties({}, { id: turning('k1', ''), secret: turning('s'.repeat(32), 's') })],
    [{ id: 'k1', secret: 's'.repeat(32) }],
  ],
])('of %s what has been checked is what is used', (name, given, used) => {
  expect(readOptions({ ...sound, [name]: given })).toMatchObject({ [name]: used });
});

test('a refusal is worded without what a polluted prototype holds', () => {
  Object.assign(Object.prototype, { advice: 'polluted' });
  try {
    expect(() => readOptions({ ...sound, pkce: 1 })).toThrow('pkce (expected true or false)');
  } finally {
    Reflect.deleteProperty(Object.prototype, 'advice');
  }
});

describe('a running app', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });

  test('keeps its protocol parameters when the given objects change after start-up', async () => {
    const authorizeParams: Record<string, string> = { prompt: 'consent' };
    const scope = ['read', 'write'];
    const app = await startApp(sandbox, { options: { authorizeParams, scope } });
    authorizeParams['client_id'] = 'forged';
    scope.push('admin');
    const { searchParams } = new URL((await browser().visit(`${app.url}/connect/authorize`)).location);
    expect({
      clientIds: searchParams.getAll('client_id'),
      scope: searchParams.get('scope'),
      prompt: searchParams.get('prompt'),
    }).toEqual({ clientIds: [sandbox.connectOptions.clientId], scope: 'read write', prompt: 'consent' });
  });
});
