import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import {
  connectAuth,
  connectOptionsFromEnv,
  isConnectError,
  type ConnectAuthOptions,
  type ConnectError,
} from '../../../src';

const required = {
  CONNECT_CLIENT_ID: 'client',
  CONNECT_CLIENT_SECRET: 'secret',
  CONNECT_REDIRECT_URI: 'https://app.example/connect/callback',
} as const;
const requiredOptions = {
  clientId: 'client',
  clientSecret: 'secret',
  redirectUri: 'https://app.example/connect/callback',
} as const;

function faultOf(act: () => unknown): ConnectError {
  try {
    act();
  } catch (error) {
    if (isConnectError(error)) return error;
    throw error;
  }
  throw new Error('this environment was accepted');
}
const namesIn = ({ message }: ConnectError): string[] => message.match(/CONNECT_[A-Z_]+/gu) ?? [];

/** As `openssl rand -base64 32` gives it. */
const SECRET = 'q0Zs3+/CANARY-88abcdefghijklmnopqrstuvwxy4=';

type Row = readonly [variable: string, text: string, option: keyof ConnectAuthOptions, value: unknown];
const readable: readonly Row[] = [
  ['CONNECT_CLIENT_ID', 'another', 'clientId', 'another'],
  ['CONNECT_CLIENT_SECRET', 'p%ss word', 'clientSecret', 'p%ss word'],
  [
    'CONNECT_REDIRECT_URI',
    'http://localhost:3000/connect/callback',
    'redirectUri',
    'http://localhost:3000/connect/callback',
  ],
  ['CONNECT_SCOPE', 'read write', 'scope', 'read write'],
  ['CONNECT_ACCESS_TOKEN_KEY', 'key', 'accessTokenKey', 'key'],
  ['CONNECT_ACCESS_TOKEN_KEY', 'Access Token Key', 'accessTokenKey', 'Access Token Key'],
  ['CONNECT_CLIENT_AUTHENTICATION', 'header', 'clientAuthentication', 'header'],
  ['CONNECT_CLIENT_AUTHENTICATION', 'body', 'clientAuthentication', 'body'],
  ['CONNECT_REQUEST_FORMAT', 'json', 'requestFormat', 'json'],
  ['CONNECT_REQUEST_FORMAT', 'form', 'requestFormat', 'form'],
  ['CONNECT_PKCE', 'true', 'pkce', true],
  ['CONNECT_PKCE', 'false', 'pkce', false],
  ['CONNECT_ALLOW_MISSING_STATE', 'true', 'allowMissingState', true],
  ['CONNECT_ALLOW_MISSING_STATE', 'false', 'allowMissingState', false],
  ['CONNECT_AUTHORIZE_URL', 'https://provider.example/a', 'authorizeUrl', 'https://provider.example/a'],
  ['CONNECT_TOKEN_URL', 'https://provider.example/t', 'tokenUrl', 'https://provider.example/t'],
  ['CONNECT_ISSUER', 'https://provider.example', 'issuer', 'https://provider.example'],
  ['CONNECT_AFTER_CONNECT', '/welcome', 'afterConnect', '/welcome'],
  ['CONNECT_API_BASE_URL', 'https://provider.example/v2', 'apiBaseUrl', 'https://provider.example/v2'],
  ['CONNECT_AFTER_DISCONNECT', '/bye', 'afterDisconnect', '/bye'],
  ['CONNECT_HOME_URL', '/bye', 'homeUrl', '/bye'],
  ['CONNECT_ALLOWED_ORIGINS', 'https://spa.example', 'allowedOrigins', ['https://spa.example']],
  [
    'CONNECT_ALLOWED_ORIGINS',
    'https://spa.example, http://localhost:5173',
    'allowedOrigins',
    ['https://spa.example', 'http://localhost:5173'],
  ],
  ['CONNECT_REFRESH_LEEWAY_SECONDS', '0', 'refreshLeewaySeconds', 0],
  ['CONNECT_REFRESH_LEEWAY_SECONDS', '300', 'refreshLeewaySeconds', 300],
  ['CONNECT_ENCRYPTION_KEYS', `k1:${SECRET}`, 'encryptionKeys', [{ id: 'k1', secret: SECRET }]],
  [
    'CONNECT_ENCRYPTION_KEYS',
    `k2:${SECRET}:with:colons,k1:${SECRET}`,
    'encryptionKeys',
    [
      { id: 'k2', secret: `${SECRET}:with:colons` },
      { id: 'k1', secret: SECRET },
    ],
  ],
  ['CONNECT_TIMEOUT_MS', '2500', 'timeoutMs', 2500],
  ['CONNECT_STORE_TIMEOUT_MS', '100', 'storeTimeoutMs', 100],
  ['CONNECT_MAX_API_ANSWER_BYTES', '10485760', 'maxApiAnswerBytes', 10_485_760],
];

test.each(readable)('%s=%s gives the option %s', (variable, text, option, value) => {
  const options = connectOptionsFromEnv({ ...required, [variable]: text });
  expect(options).toEqual({ ...requiredOptions, [option]: value });
  expect(() => connectAuth(options)).not.toThrow();
});

const optional = [...new Set(readable.map(([variable]) => variable))].filter(
  (variable) => !Object.hasOwn(required, variable),
);

test.each(optional)('an empty %s is unset', (variable) => {
  expect(connectOptionsFromEnv({ ...required, [variable]: '' })).toEqual(requiredOptions);
});

test.each(Object.keys(required))('%s is named when it is unset, and when it is empty', (variable) => {
  expect(namesIn(faultOf(() => connectOptionsFromEnv({ ...required, [variable]: undefined })))).toEqual([variable]);
  expect(namesIn(faultOf(() => connectOptionsFromEnv({ ...required, [variable]: '' })))).toEqual([variable]);
});

const unreadable: readonly (readonly [variable: string, text: string])[] = [
  ...['CONNECT_PKCE', 'CONNECT_ALLOW_MISSING_STATE'].flatMap((name) =>
    ['1', '0', 'yes', 'no', 'TRUE', 'False', ' true', 'true ', 'true\n', 'null'].map((text) => [name, text] as const),
  ),
  ...[
    'CONNECT_TIMEOUT_MS',
    'CONNECT_STORE_TIMEOUT_MS',
    'CONNECT_MAX_API_ANSWER_BYTES',
    'CONNECT_REFRESH_LEEWAY_SECONDS',
  ].flatMap((name) =>
    [
      'abc',
      '-1',
      '+1',
      '1.5',
      '1e3',
      '0x10',
      ' 100',
      '100 ',
      '100\n',
      '1_000',
      '10s',
      'NaN',
      'Infinity',
      '9'.repeat(400),
      '١٠٠',
    ].map((text) => [name, text] as const),
  ),
  ...[
    SECRET,
    `:${SECRET}`,
    'k1:',
    'k1',
    ',',
    `k1:${SECRET},`,
    `,k1:${SECRET}`,
    `k1:${SECRET},,k2:${SECRET}`,
    `k1:${SECRET}, k2:${SECRET}`,
    ` k1:${SECRET}`,
    `k1: ${SECRET}`,
    `k1:${SECRET} `,
    `k1:${SECRET}\n`,
    `k.1:${SECRET}`,
    `${'k'.repeat(33)}:${SECRET}`,
    `k1:${SECRET};k2:${SECRET}\u00e9`,
    `[{"id":"k1","secret":"${SECRET}"}]`,
  ].map((text) => ['CONNECT_ENCRYPTION_KEYS', text] as const),
  ...['both', 'Header', 'header ', 'none'].map((text) => ['CONNECT_CLIENT_AUTHENTICATION', text] as const),
  ...['xml', 'JSON', 'json\n', 'toString'].map((text) => ['CONNECT_REQUEST_FORMAT', text] as const),
];

test.each(unreadable)('%s is named when its value is %j', (variable, text) => {
  const error = faultOf(() => connectOptionsFromEnv({ ...required, [variable]: text }));
  expect({ code: error.code, stage: error.stage, variables: namesIn(error) }).toEqual({
    code: 'ERR_CONNECT_OPTIONS',
    stage: 'options',
    variables: [variable],
  });
});

test.each(['"', "'", '`'])('a value that has kept its quotes (%s) is refused, and why is said', (quote) => {
  const quoted = Object.fromEntries(
    Object.entries({ ...required, CONNECT_SCOPE: '', CONNECT_ACCESS_TOKEN_KEY: 'key' }).map(([name, value]) => [
      name,
      `${quote}${value}${quote}`,
    ]),
  );
  const error = faultOf(() => connectOptionsFromEnv(quoted));
  expect(error.code).toBe('ERR_CONNECT_OPTIONS');
  const kept = "remove the quotes around its value: Docker's --env-file keeps them";
  const names = Object.keys(quoted).map((name) => `${name} (${kept})`);
  expect(error.message).toBe(
    `connectOptionsFromEnv() needs usable values for these variables: ${names.join(', ')}. See .env.example.`,
  );
});

test.each(['“secret”', '„secret“', '‘secret’', '«secret»', '”secret', 'secret’'])(
  'typographic quotes come from a text, not from the provider: %s is refused',
  (secret) => {
    const error = faultOf(() => connectOptionsFromEnv({ ...required, CONNECT_CLIENT_SECRET: secret }));
    expect(error.message).toContain('quotes around its value');
    expect(error.message).toContain('CONNECT_CLIENT_SECRET');
  },
);

test.each([`"`, `a"b"`, `"a" "b`, `"a'`, `don't`])('the quotes in %s belong to the value', (value) => {
  expect(connectOptionsFromEnv({ ...required, CONNECT_ACCESS_TOKEN_KEY: value })).toMatchObject({
    accessTokenKey: value,
  });
});

test('all faulty variables are named together, without any value', () => {
  const canary = 'CANARY-77';
  const bad = {
    CONNECT_CLIENT_AUTHENTICATION: canary,
    CONNECT_REQUEST_FORMAT: canary,
    CONNECT_PKCE: canary,
    CONNECT_ALLOW_MISSING_STATE: canary,
    CONNECT_TIMEOUT_MS: canary,
    CONNECT_STORE_TIMEOUT_MS: canary,
    CONNECT_REFRESH_LEEWAY_SECONDS: canary,
    CONNECT_ENCRYPTION_KEYS: `${canary}:${canary} ${canary}`,
  };
  const error = faultOf(() =>
    connectOptionsFromEnv({ ...bad, CONNECT_CLIENT_SECRET: `${canary}-secret`, CONNECT_SCOPE: canary }),
  );
  expect(namesIn(error).sort()).toEqual(['CONNECT_CLIENT_ID', 'CONNECT_REDIRECT_URI', ...Object.keys(bad)].sort());
  expect([inspect(error, { showHidden: true, depth: 20 }), JSON.stringify(error), error.stack].join()).not.toContain(
    canary,
  );
});

test.each([
  ['CONNECT_CLIENT_ID', ' client', 'clientId'],
  ['CONNECT_CLIENT_SECRET', 'secret\n', 'clientSecret'],
  ['CONNECT_REDIRECT_URI', 'http://app.example/connect/callback', 'redirectUri'],
  ['CONNECT_SCOPE', ' ', 'scope'],
  ['CONNECT_ACCESS_TOKEN_KEY', 'a\tb', 'accessTokenKey'],
  ['CONNECT_AUTHORIZE_URL', 'provider.example', 'authorizeUrl'],
  ['CONNECT_TOKEN_URL', 'http://provider.example/', 'tokenUrl'],
  ['CONNECT_AFTER_CONNECT', '//evil.example', 'afterConnect'],
  ['CONNECT_API_BASE_URL', 'https://provider.example/?q', 'apiBaseUrl'],
  ['CONNECT_AFTER_DISCONNECT', '//evil.example', 'afterDisconnect'],
  ['CONNECT_ALLOWED_ORIGINS', 'https://spa.example/', 'allowedOrigins'],
  ['CONNECT_ALLOWED_ORIGINS', 'https://spa.example,', 'allowedOrigins'],
  ['CONNECT_REFRESH_LEEWAY_SECONDS', '3601', 'refreshLeewaySeconds'],
  ['CONNECT_ENCRYPTION_KEYS', 'k1:too-short-CANARY', 'encryptionKeys'],
  ['CONNECT_ENCRYPTION_KEYS', `k1:${SECRET},k1:${SECRET}`, 'encryptionKeys'],
  ['CONNECT_TIMEOUT_MS', '0', 'timeoutMs'],
  ['CONNECT_STORE_TIMEOUT_MS', '60001', 'storeTimeoutMs'],
])('%s=%j can be read, and connectAuth() then refuses the option %s', (variable, text, option) => {
  const options = connectOptionsFromEnv({ ...required, [variable]: text });
  const { message } = faultOf(() => connectAuth(options));
  expect(message).toMatch(new RegExp(`options: ${option} `, 'u'));
  expect(message).not.toContain('CANARY');
});

const exampleLines = readFileSync(`${__dirname}/../../../.env.example`, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const example = Object.fromEntries(
  exampleLines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);

test('.env.example lists exactly the variables that are read', () => {
  const read = new Set<string>();
  const watched = new Proxy<Record<string, string>>(
    { ...required },
    {
      get(target, name) {
        if (typeof name === 'string') read.add(name);
        return Reflect.get(target, name) as unknown;
      },
    },
  );
  connectOptionsFromEnv(watched);
  // The one that the quick start gives to express-session.
  expect(exampleLines.map((line) => line.split('=', 1)[0]).sort()).toEqual([...read, 'SESSION_SECRET'].sort());
  expect([...new Set(readable.map(([variable]) => variable))].sort()).toEqual([...read].sort());
});

test('a copied .env.example fails for nothing but the credentials to fill in, and works once they are', () => {
  expect(namesIn(faultOf(() => connectOptionsFromEnv(example)))).toEqual([
    'CONNECT_CLIENT_ID',
    'CONNECT_CLIENT_SECRET',
  ]);
  const filledIn = connectOptionsFromEnv({ ...example, CONNECT_CLIENT_ID: 'client', CONNECT_CLIENT_SECRET: 'secret' });
  expect(() => connectAuth(filledIn)).not.toThrow();
});

test('without an argument the environment of the process is read', () => {
  const before = { ...process.env };
  Object.assign(process.env, required, { CONNECT_SCOPE: 'from-process' });
  try {
    expect(connectOptionsFromEnv().scope).toBe('from-process');
  } finally {
    process.env = before;
  }
});
