import type { Sandbox } from '../../../src/testing';
import { http11, startServer } from '../../support/local-server';
import { CANARIES, diagnose, soundVariables, type Variables } from '../../support/cli/patient';
import { startSandbox } from '../../support/sandbox';

/** What only asking tells: names, connections, clocks, and the token endpoint itself. */

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ clientSecret: CANARIES.secret });
});

const sound = (changes: Variables = {}): Variables => ({ ...soundVariables(sandbox), ...changes });

describe('with a sound configuration', () => {
  test('everything is ok, each way is tried once, and nothing is spent', async () => {
    const { report, exitCode, stderr } = await diagnose(sound());
    expect(report).toContain(`ok connection ${new URL(sandbox.url).host} listens; http, so for development only`);
    expect(report).toContain("ok clock agrees with the provider's to 1 s");
    expect(report).toContain('ok endpoint answers (4 made-up codes), and does not redirect');
    expect(report).toContain('ok credentials accepted in the header (Basic), as configured; the body works, too');
    expect(report).toContain('ok format json is accepted, as configured; form works, too');
    expect(report).toContain('ok ACCESSTOKEN is not needed');
    expect(report).toContain('Nothing wrong found.');
    expect({ exitCode, stderr, tokenCalls: sandbox.calls.token }).toEqual({ exitCode: 0, stderr: '', tokenCalls: 4 });
  });

  test('a key that the provider does not ask for is found out by one more try', async () => {
    const { report, exitCode } = await diagnose(sound({ CONNECT_ACCESS_TOKEN_KEY: CANARIES.key }));
    expect(report).toContain('ok ACCESSTOKEN is sent, and not needed');
    expect({ exitCode, tokenCalls: sandbox.calls.token }).toEqual({ exitCode: 0, tokenCalls: 5 });
  });

  test('a key that the provider requires is found out by one try without it', async () => {
    sandbox.set({ accessTokenKey: { required: CANARIES.key } });
    const { report, exitCode } = await diagnose(sound({ CONNECT_ACCESS_TOKEN_KEY: CANARIES.key }));
    expect(report).toContain('ok ACCESSTOKEN is needed, and yours is accepted');
    expect({ exitCode, tokenCalls: sandbox.calls.token }).toEqual({ exitCode: 0, tokenCalls: 5 });
  });

  test('a bare 400 counts as acceptance only if a made-up secret gets another answer', async () => {
    sandbox.set({ errorShape: 'flat' });
    const { report, exitCode } = await diagnose(sound());
    expect(report).toContain('ok credentials accepted in the header (Basic), as configured');
    expect({ exitCode, tokenCalls: sandbox.calls.token }).toEqual({ exitCode: 0, tokenCalls: 5 });
  });

  test('a provider that says 400 to everything leaves a warning', async () => {
    sandbox.set({ errorShape: 'foreignNumber', errorStatus: 400 });
    const { report, exitCode } = await diagnose(sound());
    expect(report).toContain('warn credentials not refused, but HTTP 400 does not say whether they are right');
    expect(exitCode).toBe(0);
  });
});

interface Sick {
  readonly name: string;
  readonly prepare: () => Variables | undefined;
  readonly words: readonly string[];
  readonly calls?: number;
}

const SICK: readonly Sick[] = [
  {
    name: 'an unknown host',
    prepare: () => ({ CONNECT_TOKEN_URL: 'https://provider.invalid/v1/oauth2/token' }),
    words: ['fail DNS', 'provider.invalid', 'skip endpoint not asked until the network works'],
    calls: 0,
  },
  {
    name: 'a port that nobody listens on',
    prepare: () => ({ CONNECT_TOKEN_URL: 'http://127.0.0.1:1/token' }),
    words: [
      'fail connection 127.0.0.1:1 refuses connections -> Check the port in CONNECT_TOKEN_URL, and that the server is running.',
    ],
    calls: 0,
  },
  {
    name: 'an https address of an http server',
    prepare: () => ({ CONNECT_TOKEN_URL: sandbox.connectOptions.tokenUrl.replace('http:', 'https:') }),
    words: [
      'fail connection',
      'breaks off the TLS handshake',
      '-> Check that CONNECT_TOKEN_URL names an https server and its right port',
    ],
    calls: 0,
  },
  {
    name: 'a wrong client secret',
    prepare: () => ({ CONNECT_CLIENT_SECRET: 'of-another-app' }),
    words: [
      'fail credentials refused in the header and in the body (invalid_client) -> Compare CONNECT_CLIENT_ID and CONNECT_CLIENT_SECRET with the registration',
      'skip format cannot be judged until the credentials are right',
    ],
    calls: 5,
  },
  {
    name: 'a wrong client secret, reported by number',
    prepare: () => {
      sandbox.set({ errorShape: 'errorObject', errorStatus: 200 });
      return { CONNECT_CLIENT_SECRET: 'of-another-app' };
    },
    words: ['fail credentials refused in the header and in the body (2036)'],
  },
  {
    name: 'credentials accepted in the body only',
    prepare: () => {
      sandbox.set({ credentials: 'body' });
      return undefined;
    },
    words: [
      'fail credentials refused in the header (Basic), accepted in the body -> Set CONNECT_CLIENT_AUTHENTICATION=body',
      'ok format json is accepted, as configured',
    ],
    calls: 4,
  },
  {
    name: 'credentials accepted in the header only',
    prepare: () => {
      sandbox.set({ credentials: 'header' });
      return { CONNECT_CLIENT_AUTHENTICATION: 'body' };
    },
    words: [
      'fail credentials refused in the body, accepted in the header (Basic) -> Set CONNECT_CLIENT_AUTHENTICATION=header',
    ],
  },
  {
    name: 'a server that takes forms only',
    prepare: () => {
      sandbox.set({ requestFormat: 'form' });
      return undefined;
    },
    words: [
      'fail format json is not accepted, form is -> Set CONNECT_REQUEST_FORMAT=form',
      'ok credentials accepted in the header (Basic), as configured',
    ],
    calls: 4,
  },
  {
    name: 'a server that takes forms only, with the credentials in the body',
    prepare: () => {
      sandbox.set({ requestFormat: 'form', credentials: 'body', errorShape: 'errorObject' });
      return undefined;
    },
    words: ['-> Set CONNECT_REQUEST_FORMAT=form', '-> Set CONNECT_CLIENT_AUTHENTICATION=body', '2 failures'],
  },
  {
    name: 'a wrong secret at a server that takes forms only',
    prepare: () => {
      sandbox.set({ requestFormat: 'form' });
      return { CONNECT_CLIENT_SECRET: 'of-another-app' };
    },
    words: [
      '-> Compare CONNECT_CLIENT_ID and CONNECT_CLIENT_SECRET',
      'fail format json is not understood, form is -> Set CONNECT_REQUEST_FORMAT=form',
    ],
  },
  {
    name: 'a wrong secret at a server that takes json only',
    prepare: () => {
      sandbox.set({ requestFormat: 'json' });
      return { CONNECT_CLIENT_SECRET: 'of-another-app' };
    },
    words: ['-> Compare CONNECT_CLIENT_ID and CONNECT_CLIENT_SECRET', 'ok format json is understood'],
  },
  {
    name: 'a wrong secret beside a key that nobody asks for',
    prepare: () => ({ CONNECT_CLIENT_SECRET: 'of-another-app', CONNECT_ACCESS_TOKEN_KEY: CANARIES.key }),
    words: [
      'replaced, or of another app? Also CONNECT_ACCESS_TOKEN_KEY.',
      'skip ACCESSTOKEN makes no difference so far',
      '1 failure',
    ],
    calls: 5,
  },
  {
    name: 'an ACCESSTOKEN that is required and not set',
    prepare: () => {
      sandbox.set({ accessTokenKey: { required: CANARIES.key } });
      return undefined;
    },
    words: [
      'fail ACCESSTOKEN is required (2032; with a made-up key 2036) -> Set CONNECT_ACCESS_TOKEN_KEY',
      'skip credentials cannot be judged until ACCESSTOKEN is right',
    ],
    calls: 5,
  },
  {
    name: 'an ACCESSTOKEN that is wrong',
    prepare: () => {
      sandbox.set({ accessTokenKey: { required: 'another' } });
      return { CONNECT_ACCESS_TOKEN_KEY: CANARIES.key };
    },
    words: [
      'fail ACCESSTOKEN yours is refused (2036; without it 2032) -> Copy the Access Token Key of your developer account again',
    ],
    calls: 5,
  },
  {
    name: 'a token endpoint that redirects',
    prepare: () => {
      sandbox.fault({ kind: 'redirect', status: 307, location: 'https://new.example/v2/token?x=1' });
      return undefined;
    },
    words: [
      'fail endpoint redirects elsewhere (HTTP 307) -> Redirects are not followed. It leads to https://new.example: if you trust that, set CONNECT_TOKEN_URL to the token endpoint there',
    ],
    calls: 1,
  },
  {
    name: 'a redirect that carries the secret along',
    prepare: () => {
      sandbox.fault({
        kind: 'redirect',
        status: 302,
        location: `https://new.example/${encodeURIComponent(CANARIES.secret)}`,
      });
      return undefined;
    },
    words: [
      'fail endpoint redirects elsewhere (HTTP 302) -> Redirects are not followed. It leads to https://new.example:',
    ],
  },
  {
    name: 'a token endpoint that is a web page',
    prepare: () => {
      sandbox.set({ errorShape: 'html', errorStatus: 200 });
      return undefined;
    },
    words: [
      'fail endpoint answers with a web page (HTML, HTTP 200) -> Check that CONNECT_TOKEN_URL is the API, not a page for people',
    ],
    calls: 1,
  },
  {
    name: 'a wrong path',
    prepare: () => {
      sandbox.set({ errorShape: 'flat' });
      return { CONNECT_TOKEN_URL: `${sandbox.url}/oauth/token` };
    },
    words: ['fail endpoint has no token endpoint at its path (HTTP 404) -> Correct the path of CONNECT_TOKEN_URL.'],
  },
  {
    name: 'a wrong path that is an invalid request',
    prepare: () => ({ CONNECT_TOKEN_URL: `${sandbox.url}/oauth/token` }),
    words: [
      'fail format neither json nor form is understood (invalid_request) -> Check that CONNECT_TOKEN_URL is the token endpoint',
    ],
  },
  {
    name: 'a rate limit',
    prepare: () => {
      sandbox.force(429, { retryAfter: '17' });
      return undefined;
    },
    words: ['fail endpoint limits the rate of requests (HTTP 429) -> Wait 17 s, then run doctor again'],
    calls: 1,
  },
  {
    name: 'maintenance',
    prepare: () => {
      sandbox.fault({ kind: 'html503', retryAfter: '120' });
      return undefined;
    },
    words: ['fail endpoint is not available right now (HTTP 503) -> Try again in 120 s.'],
    calls: 1,
  },
  {
    name: 'a provider that fails at every request',
    prepare: () => {
      sandbox.force(500, { times: 9 });
      return undefined;
    },
    words: ['fail endpoint fails at every request (server_error) -> Try again later'],
  },
  {
    name: 'a provider that forbids everything',
    prepare: () => {
      sandbox.force(403, { times: 9 });
      return undefined;
    },
    words: [
      "fail endpoint refuses every request (access_denied) -> Ask the provider what this app may do, and whether this machine's address is blocked.",
      'skip credentials cannot be judged until that is cured',
      'skip format cannot be judged until that is cured',
    ],
  },
  {
    name: 'silence',
    prepare: () => {
      sandbox.fault({ kind: 'silence' });
      return { CONNECT_TIMEOUT_MS: '300' };
    },
    words: ['fail endpoint gives no answer in time -> Try again; if it stays slow, raise CONNECT_TIMEOUT_MS.'],
    calls: 1,
  },
  {
    name: 'an answer of 50 MB',
    prepare: () => {
      sandbox.fault({ kind: 'large' });
      return undefined;
    },
    words: [
      'fail endpoint gives an answer that is neither a token nor an error (HTTP 200) -> Check that CONNECT_TOKEN_URL is the token endpoint',
    ],
    calls: 1,
  },
];

test.each(SICK)('$name is named with its cure, and fails', async ({ prepare, words, calls }) => {
  const { report, exitCode, stderr } = await diagnose(sound(prepare() ?? {}));
  for (const word of words) expect(report).toContain(word);
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(sandbox.calls.token).toBe(calls ?? sandbox.calls.token);
});

test('a server that gives tokens to anybody is no token endpoint', async () => {
  const server = await startServer((socket) => socket.write(http11()));
  const { report, exitCode } = await diagnose(sound({ CONNECT_TOKEN_URL: server.url }));
  expect(report).toContain('fail endpoint hands out a token for a made-up code -> This is not a real token endpoint.');
  expect({ exitCode, requests: server.requests.length }).toEqual({ exitCode: 1, requests: 1 });
});

test('a rate limit after the first answer is a warning beside what is known', async () => {
  const answers = [
    http11('{"error":"invalid_grant"}', '400 Bad Request'),
    http11('{}', '429 Too Many Requests', 'Retry-After: 5'),
  ];
  const server = await startServer((socket, number) => socket.write(answers[number - 1] ?? ''));
  const { report, exitCode } = await diagnose(sound({ CONNECT_TOKEN_URL: server.url }));
  expect(report).toContain('warn endpoint limits the rate of requests (HTTP 429) -> Wait 5 s');
  expect(report).toContain('ok credentials accepted in the header (Basic), as configured');
  expect({ exitCode, requests: server.requests.length }).toEqual({ exitCode: 0, requests: 2 });
});

test.each([
  [600, 'fail clock', "10 minutes behind the provider's"],
  [-259_200, 'fail clock', "3 days ahead of the provider's"],
  [-7200, 'fail clock', "2 hours ahead of the provider's"],
  [60, 'warn clock', "behind the provider's"],
])('a clock that is %d s off is seen by the Date header', async (seconds, verdict, words) => {
  const date = (): string => `Date: ${new Date(Date.now() + seconds * 1000).toUTCString()}`;
  const server = await startServer((socket) =>
    socket.write(http11('{"error":"invalid_grant"}', '400 Bad Request', date())),
  );
  const { report, exitCode } = await diagnose(sound({ CONNECT_TOKEN_URL: server.url }));
  expect(report).toContain(`${verdict} this machine's is`);
  expect(report).toContain(words);
  expect(report).toContain('-> Let the clock be set over the network (NTP)');
  expect(exitCode).toBe(verdict.startsWith('fail') ? 1 : 0);
});

test('--json on a failure holds the same, and no secret', async () => {
  sandbox.set({ credentials: 'body' });
  const { stdout, exitCode } = await diagnose(sound({ CONNECT_ACCESS_TOKEN_KEY: CANARIES.key }), '--json');
  const { ok, findings } = JSON.parse(stdout) as {
    ok: boolean;
    findings: { check: string; verdict: string; cure?: string }[];
  };
  expect(ok).toBe(false);
  expect(findings.find(({ check }) => check === 'credentials')).toMatchObject({
    verdict: 'fail',
    cure: 'Set CONNECT_CLIENT_AUTHENTICATION=body (option clientAuthentication).',
  });
  expect(exitCode).toBe(1);
});
