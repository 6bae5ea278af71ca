import { connectAuth, connectOptionsFromEnv } from '../../../src';

// What was done wrong at start-up, and what the exception says.

const sound = {
  clientId: 'client',
  clientSecret: 'secret',
  redirectUri: 'https://app.example/connect/callback',
};

function said(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
}

const refuses = (faults: string): string => `connectAuth() cannot use these options: ${faults}.`;

describe('a redirect URI', () => {
  test.each([
    [undefined, 'it is missing: give the absolute URL that is registered with the provider'],
    [new URL('https://app.example/canary'), expect.stringContaining('it is not a string: expected the registered')],
    [' https://app.example/connect/callback', 'it contains whitespace or characters other than printable ASCII'],
    ['https://app.example/connect/cällback', 'it contains whitespace or characters other than printable ASCII'],
    ['/connect/callback', 'it is not absolute: begin with https:// and the host of your site'],
    ['app.example/connect/callback', 'it is not absolute: begin with https:// and the host of your site'],
    ['http://app.example/connect/callback', 'http is for localhost only: use https'],
    ['https://app.example/connect/callback#canary', 'it has a fragment: remove # and what follows'],
    ['https://canary@app.example/connect/callback', 'it contains a user name: remove what stands before @'],
    ['https://app.example/canary', 'its path must end with /connect/callback, where the callback is mounted'],
    ['https://app.example/connect/callback/canary', 'its path must end with /connect/callback'],
    ['ftp://app.example/connect/callback', 'expected the registered absolute URL'],
    ['https:///connect/callback', 'expected the registered absolute URL'],
  ] as const)('%s', (redirectUri, advice) => {
    const message = said(() => connectAuth({ ...sound, redirectUri: redirectUri as string }));
    expect(message).toEqual(
      typeof advice === 'string'
        ? expect.stringContaining(refuses('').slice(0, -1) + `redirectUri (${advice}`)
        : advice,
    );
    expect(message).not.toContain('canary');
  });

  test('is measured by the path that the callback is mounted at', () => {
    const message = (callbackPath: string | false, redirectUri: string): string =>
      said(() => connectAuth({ ...sound, callbackPath, redirectUri }));
    expect(message('/back', sound.redirectUri)).toBe(
      refuses('redirectUri (its path must end with /back, where the callback is mounted)'),
    );
    expect(message(false, 'https://app.example/anywhere')).toBe('nothing');
  });
});

describe('redirect URIs', () => {
  const OWN = 'https://app.example/connect/callback';
  test.each([
    [[], 'the list is empty: give at least one'],
    [
      [OWN, undefined],
      'number 2 of the list: it is missing: give the absolute URL that is registered with the provider',
    ],
    [[OWN, '/canary'], 'number 2 of the list: it is not absolute: begin with https:// and the host of your site'],
    [['http://canary.example/connect/callback', OWN], 'number 1 of the list: http is for localhost only: use https'],
    [['ftp://canary.example/connect/callback'], 'number 1 of the list: expected the registered absolute URL'],
    [[OWN, 'https://club.example/canary'], 'number 2 of the list: its path must end with /connect/callback'],
    [[OWN, 'https://club.example/canary/connect/callback'], 'number 2 of the list: its path must be that of the first'],
    [[OWN, 'https://club.example/connect/callback/'], 'number 2 of the list: its path must be that of the first'],
    [[OWN, 'https://app.example:8443/connect/callback'], 'number 2 of the list: its host name is in the list already'],
    [
      [OWN, 'https://APP.example:443/connect/callback'],
      'number 2 of the list: its host name is in the list already: cookies do not tell ports apart',
    ],
  ])('%j', (redirectUri, advice) => {
    const message = said(() => connectAuth({ ...sound, redirectUri: redirectUri as string[] }));
    expect(message).toEqual(expect.stringContaining(refuses('').slice(0, -1) + `redirectUri (${advice}`));
    expect(message).not.toContain('canary');
  });

  test.each([[[OWN]], [[OWN, 'https://club.example/connect/callback', 'http://localhost:3000/connect/callback']]])(
    '%j is accepted',
    (redirectUri) => {
      expect(said(() => connectAuth({ ...sound, redirectUri }))).toBe('nothing');
    },
  );

  test('come from one variable', () => {
    const env = { CONNECT_CLIENT_ID: 'client', CONNECT_CLIENT_SECRET: 'secret' };
    const read = (CONNECT_REDIRECT_URI: string): unknown =>
      connectOptionsFromEnv({ ...env, CONNECT_REDIRECT_URI }).redirectUri;
    expect(read(OWN)).toBe(OWN);
    expect(read(`${OWN}, https://club.example/connect/callback`)).toEqual([
      OWN,
      'https://club.example/connect/callback',
    ]);
    // A comma of its own.
    expect(read(`${OWN}?of=a,b`)).toBe(`${OWN}?of=a,b`);
  });
});

describe('a name from elsewhere', () => {
  test.each([
    [
      'passport-oauth2',
      { clientID: 'canary', clientSecret: 'secret', callbackURL: 'canary', authorizationURL: 'canary' },
    ],
    ['grant', { key: 'canary', secret: 'canary', callback: 'canary', custom_params: {}, access_url: 'canary' }],
    ['OAuth itself', { client_id: 'canary', client_secret: 'canary', redirect_uri: 'canary', scopes: ['canary'] }],
    ['simple-oauth2', { bodyFormat: 'canary', authorizationMethod: 'canary' }],
  ])('of %s is told with ours', (_whose, options) => {
    const message = said(() => connectAuth(options as never));
    const OURS: Readonly<Record<string, string>> = {
      clientID: 'clientId',
      callbackURL: 'redirectUri',
      authorizationURL: 'authorizeUrl',
      key: 'clientId',
      secret: 'clientSecret',
      callback: 'redirectUri',
      custom_params: 'authorizeParams',
      access_url: 'tokenUrl',
      client_id: 'clientId',
      client_secret: 'clientSecret',
      redirect_uri: 'redirectUri',
      scopes: 'scope',
      bodyFormat: 'requestFormat',
      authorizationMethod: 'clientAuthentication',
    };
    const foreign = Object.keys(options).filter((name) => name in OURS);
    for (const name of foreign) expect(message).toContain(`${name} (here it is ${OURS[name]})`);
    expect(foreign.length).toBeGreaterThan(1);
    expect(message).not.toContain('canary');
  });

  test('that is nearly one of ours, or like none, is still said to be none', () => {
    expect(said(() => connectAuth({ ...sound, sessionTlMs: 1, wheel: 2 } as never))).toBe(
      refuses('sessionTlMs (no such option, did you mean sessionTtlMs?); wheel (no such option)'),
    );
  });
});

describe('variables of the environment', () => {
  const set = {
    CONNECT_CLIENT_ID: 'client',
    CONNECT_CLIENT_SECRET: 'secret',
    CONNECT_REDIRECT_URI: sound.redirectUri,
  };
  const needs = (rest: string): string => `connectOptionsFromEnv() needs usable values for these variables: ${rest}`;
  const UNSET = 'CONNECT_CLIENT_ID (unset), CONNECT_CLIENT_SECRET (unset), CONNECT_REDIRECT_URI (unset). ';

  test.each<[string, Record<string, string>, string]>([
    [
      'none at all',
      { HOME: '/' },
      `${UNSET}No variable is set: start with node --env-file=.env, or load .env before this call. See .env.example.`,
    ],
    ['the required ones only are missing', { CONNECT_SCOPE: 'a' }, `${UNSET}See .env.example.`],
    [
      'one is misspelt',
      { ...set, CONNECT_CLIENT_ID: '', CONNECT_CLIENTID: 'canary' },
      'CONNECT_CLIENT_ID (unset). Nothing reads CONNECT_CLIENTID: did you mean CONNECT_CLIENT_ID? See .env.example.',
    ],
    ['a switch', { ...set, CONNECT_PKCE: 'canary' }, 'CONNECT_PKCE (expected true or false). See .env.example.'],
    [
      'a number',
      { ...set, CONNECT_TIMEOUT_MS: '10 canary' },
      'CONNECT_TIMEOUT_MS (expected whole milliseconds, 100–120000). See .env.example.',
    ],
    [
      'a word',
      { ...set, CONNECT_REQUEST_FORMAT: 'canary' },
      "CONNECT_REQUEST_FORMAT (expected 'json' or 'form'). See .env.example.",
    ],
    [
      'keys',
      { ...set, CONNECT_ENCRYPTION_KEYS: 'canary' },
      'CONNECT_ENCRYPTION_KEYS (expected id:secret without spaces, several of them with commas between). See .env.example.',
    ],
  ])('%s', (_what, env, rest) => {
    expect(said(() => connectOptionsFromEnv(env))).toBe(needs(rest));
  });

  test('one that is misspelt and not required is warned of, and one of another program is not', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    connectOptionsFromEnv({ ...set, CONNECT_SCOP: 'canary', CONNECT_DATABASE: 'canary' });
    expect(warn.mock.calls).toEqual([
      ['Nothing reads CONNECT_SCOP. Did you mean CONNECT_SCOPE?', { code: 'CONNECT_AUTH_VARIABLE' }],
    ]);
    warn.mockRestore();
  });
});
