import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CANARIES, diagnose, type Variables } from '../../support/cli/patient';

/** What the variables alone tell: nothing here needs a network. */

const SOUND: Variables = {
  CONNECT_CLIENT_ID: 'an-id',
  CONNECT_CLIENT_SECRET: CANARIES.secret,
  CONNECT_REDIRECT_URI: 'https://site.example/connect/callback',
};

test('a sound configuration passes, and the report tells where to mount', async () => {
  const { report, exitCode, stderr } = await diagnose(SOUND, '--offline');
  expect(report).toContain('ok options 3 variables set, all of them usable');
  expect(report).toContain('ok redirect URI expects connectAuth() to be mounted at /');
  expect(report).toContain('skip network not looked at (--offline)');
  expect(report).toContain('Nothing wrong found, 1 not looked at.');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('a development address is told with its port', async () => {
  const { report } = await diagnose(
    { ...SOUND, CONNECT_REDIRECT_URI: 'http://localhost:3000/connect/callback' },
    '--offline',
  );
  expect(report).toContain(
    'ok redirect URI expects connectAuth() to be mounted at /; visit the site as http://localhost:3000, for development only',
  );
});

const SICK: readonly (readonly [string, Variables, string])[] = [
  [
    'a missing secret',
    { CONNECT_CLIENT_SECRET: '' },
    'fail CONNECT_CLIENT_SECRET is not set -> Set CONNECT_CLIENT_SECRET:',
  ],
  [
    'a secret with a line end pasted along',
    { CONNECT_CLIENT_SECRET: `${CANARIES.secret}\n` },
    'fail CONNECT_CLIENT_SECRET has whitespace or a newline around it -> Set CONNECT_CLIENT_SECRET again without them',
  ],
  ...[`"${CANARIES.secret}"`, `'${CANARIES.secret}'`].map((value): [string, Variables, string] => [
    `a secret with its ${value[0] === '"' ? 'double' : 'single'} quotes`,
    { CONNECT_CLIENT_SECRET: value },
    "fail CONNECT_CLIENT_SECRET has its quotes as a part of it -> Set CONNECT_CLIENT_SECRET without them; Docker's --env-file keeps them",
  ]),
  [
    'an http redirect URI on a public host',
    { CONNECT_REDIRECT_URI: 'http://site.example/connect/callback' },
    'fail CONNECT_REDIRECT_URI is http on a public host -> Write it with https://, and register exactly that',
  ],
  [
    'a redirect URI that leads elsewhere',
    { CONNECT_REDIRECT_URI: 'https://site.example/auth/back' },
    'fail CONNECT_REDIRECT_URI has a path that does not end with /connect/callback -> Set and register one that does, or give connectAuth() the option callbackPath',
  ],
  [
    'a redirect URI without scheme',
    { CONNECT_REDIRECT_URI: 'site.example/connect/callback' },
    'fail CONNECT_REDIRECT_URI is not an absolute URL -> Write CONNECT_REDIRECT_URI whole, with https:// and the host.',
  ],
  [
    'a redirect URI with a fragment',
    { CONNECT_REDIRECT_URI: 'https://site.example/connect/callback#x' },
    'fail CONNECT_REDIRECT_URI has a fragment -> Remove the #',
  ],
  [
    'a token URL with a password',
    { CONNECT_TOKEN_URL: `https://me:${CANARIES.key}@provider.example/token` },
    'fail CONNECT_TOKEN_URL holds a user name or password -> Remove what stands before the @',
  ],
  [
    'a token URL over http',
    { CONNECT_TOKEN_URL: 'http://provider.example/token' },
    'fail CONNECT_TOKEN_URL is http on a public host -> Write it with https://; http is for localhost only.',
  ],
  [
    'a URL that further paths do not fit behind',
    { CONNECT_API_BASE_URL: 'https://provider.example/api?v=1' },
    'fail CONNECT_API_BASE_URL has a value that cannot be used -> Set CONNECT_API_BASE_URL to an',
  ],
  [
    'a redirect URI with a blank in it',
    { CONNECT_REDIRECT_URI: 'https://site.example/my app/connect/callback' },
    'fail CONNECT_REDIRECT_URI has a value that cannot be used -> Set CONNECT_REDIRECT_URI to',
  ],
  [
    'the secret where a URL belongs',
    { CONNECT_TOKEN_URL: CANARIES.secret },
    'fail CONNECT_TOKEN_URL is not an absolute URL',
  ],
  [
    'an address to listen on as redirect URI',
    { CONNECT_REDIRECT_URI: 'http://0.0.0.0:3000/connect/callback' },
    'fail CONNECT_REDIRECT_URI names 0.0.0.0, which is for listening on every address -> Write the host that it is reached by',
  ],
  [
    'its IPv6 sister',
    { CONNECT_TOKEN_URL: 'http://[::]:3000/token' },
    'fail CONNECT_TOKEN_URL names [::], which is for listening',
  ],
  [
    'a misspelt choice',
    { CONNECT_CLIENT_AUTHENTICATION: 'heder' },
    "fail CONNECT_CLIENT_AUTHENTICATION has a value that cannot be used -> Set CONNECT_CLIENT_AUTHENTICATION to 'header' or 'body'.",
  ],
  [
    'a number out of range',
    { CONNECT_TIMEOUT_MS: '5' },
    'fail CONNECT_TIMEOUT_MS has a value that cannot be used -> Set CONNECT_TIMEOUT_MS to whole milliseconds, 100–120000.',
  ],
  [
    'a landing page that is the callback',
    {
      CONNECT_REDIRECT_URI: 'https://site.example/auth/connect/callback',
      CONNECT_AFTER_CONNECT: '/auth/connect/callback',
    },
    'fail CONNECT_AFTER_CONNECT has a value that cannot be used -> Set CONNECT_AFTER_CONNECT to a path of this site, or',
  ],
];

test.each(SICK)('%s is named with its cure, and fails', async (_title, changes, words) => {
  const { report, exitCode } = await diagnose({ ...SOUND, ...changes }, '--offline');
  expect(report).toContain(words);
  expect(report).toContain('1 failure, 0 warnings');
  expect(exitCode).toBe(1);
});

test('every bad variable is named, not the first one only', async () => {
  const { report } = await diagnose({ CONNECT_REQUEST_FORMAT: 'xml', CONNECT_PKCE: 'yes' }, '--offline');
  for (const name of ['CLIENT_ID', 'CLIENT_SECRET', 'REDIRECT_URI', 'REQUEST_FORMAT', 'PKCE']) {
    expect(report).toContain(`fail CONNECT_${name} `);
  }
  expect(report).toContain('5 failures');
});

test("a misspelt variable is a warning with the right name, another program's is not mentioned", async () => {
  const { report, exitCode } = await diagnose(
    { ...SOUND, CONNECT_ACESS_TOKEN_KEY: CANARIES.key, CONNECT_GROUP_ID: 'kafka' },
    '--offline',
  );
  expect(report).toContain('warn CONNECT_ACESS_TOKEN_KEY is read by nothing -> Did you mean CONNECT_ACCESS_TOKEN_KEY?');
  expect(report).not.toContain('CONNECT_GROUP_ID');
  expect({ exitCode, sumsUp: report.includes('Nothing failed, 1 warning') }).toEqual({ exitCode: 0, sumsUp: true });
});

test('the redirect URI is compared with the mounts that are told', async () => {
  const env = { ...SOUND, CONNECT_REDIRECT_URI: 'https://site.example/auth/connect/callback' };
  const right = await diagnose(env, '--offline', '--mount', '/other', '--mount', '/Auth/');
  expect(right.report).toContain('ok redirect URI is answered by one of the mounts');
  const wrong = await diagnose(env, '--offline', '--mount', '/login');
  expect(wrong.report).toContain('fail redirect URI leads to another path than the app answers at');
  expect(wrong.report).toContain(
    '-> Mount with app.use() at the path of CONNECT_REDIRECT_URI less /connect/callback, or register and set a redirect URI with the path of a --mount',
  );
  expect({ rightExitCode: right.exitCode, wrongExitCode: wrong.exitCode }).toEqual({
    rightExitCode: 0,
    wrongExitCode: 1,
  });
});

test("a callback path of the app's own is told by --callback-path", async () => {
  const env = { ...SOUND, CONNECT_REDIRECT_URI: 'https://site.example/me/back' };
  const { report, exitCode } = await diagnose(env, '--offline', '--callback-path', '/back');
  expect(report).toContain(
    'ok redirect URI expects connectAuth() to be mounted at the path of CONNECT_REDIRECT_URI less your callback path',
  );
  expect(exitCode).toBe(0);
});

test("with a callback path of the app's own, a bad option is named with its own cure alone", async () => {
  const env = { ...SOUND, CONNECT_REDIRECT_URI: 'https://site.example/me/back', CONNECT_TIMEOUT_MS: '5' };
  const { report } = await diagnose(env, '--offline', '--callback-path', '/back');
  expect(report).toContain('-> Set CONNECT_TIMEOUT_MS to whole milliseconds, 100–120000. ');
  expect(report).toContain('1 failure');
});

test('a file is read instead of the environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const file = join(folder, 'app.env');
  writeFileSync(
    file,
    [
      '# of the app',
      `export CONNECT_CLIENT_ID=an-id # theirs`,
      `CONNECT_CLIENT_SECRET="${CANARIES.secret} "`,
      "CONNECT_REDIRECT_URI='https://site.example/connect/callback'",
    ].join('\r\n'),
  );
  const { report, exitCode } = await diagnose(SOUND, '--offline', '--env-file', file);
  rmSync(folder, { recursive: true });
  expect(report).toContain('Reading the file of --env-file');
  expect(report).toContain('fail CONNECT_CLIENT_SECRET has whitespace or a newline around it');
  expect(report).toContain('1 failure');
  expect(exitCode).toBe(1);
});

describe('a file that says something else to the app', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const diagnoseFile = (content: string | Buffer, environment: Variables = {}) => {
    const file = join(folder, 'app.env');
    writeFileSync(file, content);
    return diagnose(environment, '--offline', '--env-file', file);
  };
  const lines = (secret: string): string =>
    [
      'CONNECT_CLIENT_ID=an-id',
      `CONNECT_CLIENT_SECRET=${secret}`,
      'CONNECT_REDIRECT_URI=https://site.example/connect/callback',
      '',
    ].join('\n');

  test.each([
    'cut#here',
    'cut#here # and a comment',
    ' cut#here',
    'cut twice#here#and here',
    'whole\nCONNECT_CLIENT_SECRET=cut#here',
  ])('a secret %j is cut at the #, which is a warning', async (secret) => {
    const { report, exitCode } = await diagnoseFile(lines(secret));
    expect(report).toContain(
      'warn CONNECT_CLIENT_SECRET ends at a #: behind it the file has a comment -> If the # belongs to the value, put the value in quotes.',
    );
    expect(exitCode).toBe(0);
  });

  test.each([
    '"whole#here"',
    "'whole#here'",
    '`whole#here`',
    'whole # a comment',
    'whole\n# a comment',
    'whole\n#CONNECT_PKCE=false',
    'whole\nCONNECT_PKCE=# true or false',
    'cut#here\nCONNECT_CLIENT_SECRET=whole',
    'whole\nCONNECT_REST_PORT=8083#5',
  ])('%j is not', async (secret) => {
    const { report } = await diagnoseFile(lines(secret));
    expect(report).toContain('Nothing wrong found');
  });

  test('a variable that the environment sets differently is a warning: an app gets that one', async () => {
    const { report, exitCode } = await diagnoseFile(`${lines(CANARIES.secret)}CONNECT_REST_PORT=2`, {
      CONNECT_CLIENT_SECRET: `${CANARIES.secret}2`,
      CONNECT_CLIENT_ID: 'an-id',
      CONNECT_PKCE: 'false',
      CONNECT_REST_PORT: '1',
    });
    expect(report).toContain(
      'warn CONNECT_CLIENT_SECRET has another value in the environment, which wins over a file -> Remove one of the two',
    );
    expect({ exitCode, sumsUp: report.includes('Nothing failed, 1 warning') }).toEqual({ exitCode: 0, sumsUp: true });
  });

  test.each([
    ['by PowerShell', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(lines('a'), 'utf16le')])],
    ['without a mark', Buffer.from(lines('a'), 'utf16le')],
  ])('a file in UTF-16, written %s, is told to be saved anew', async (_how, content) => {
    const { stderr, exitCode } = await diagnoseFile(content);
    expect(stderr).toMatch(/--env-file: the file is not UTF-8 \(PowerShell writes UTF-16\); save it as UTF-8\./u);
    expect(exitCode).toBe(2);
  });
});

test('--json gives the same findings in a stable shape', async () => {
  const { stdout, exitCode } = await diagnose(
    { ...SOUND, CONNECT_CLIENT_SECRET: ` ${CANARIES.secret}` },
    '--offline',
    '--json',
  );
  expect(JSON.parse(stdout)).toEqual({
    version: 1,
    ok: false,
    counts: { ok: 0, warn: 0, fail: 1, skip: 1 },
    findings: [
      {
        check: 'option',
        subject: 'CONNECT_CLIENT_SECRET',
        verdict: 'fail',
        text: 'has whitespace or a newline around it',
        cure: 'Set CONNECT_CLIENT_SECRET again without them; look for a newline that was pasted along.',
      },
      { check: 'dns', subject: 'network', verdict: 'skip', text: 'not looked at (--offline)' },
    ],
  });
  expect(exitCode).toBe(1);
});
