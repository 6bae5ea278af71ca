import { http11, startServer, type Responder } from '../../support/local-server';
import { CANARIES, diagnose, type Diagnosis, type Variables } from '../../support/cli/patient';

/** Answers of a token endpoint that the sandbox does not give. */

const REFUSAL = http11('{"error":"invalid_grant"}', '400 Bad Request');

/** What the doctor says of a server that answers like this. */
async function diagnoseServer(
  respond: Responder,
  changes: Variables = {},
): Promise<Diagnosis & { readonly url: string; readonly requests: number }> {
  const server = await startServer(respond);
  const diagnosis = await diagnose({
    CONNECT_CLIENT_ID: 'an-id',
    CONNECT_CLIENT_SECRET: CANARIES.secret,
    CONNECT_REDIRECT_URI: 'https://site.example/connect/callback',
    CONNECT_AUTHORIZE_URL: server.url,
    CONNECT_TOKEN_URL: server.url,
    ...changes,
  });
  return { ...diagnosis, url: server.url, requests: server.requests.length };
}

describe('a redirect', () => {
  const UNTOLD = '-> Redirects are not followed. Set CONNECT_TOKEN_URL to the final address.';

  test('to another host is told by its origin', async () => {
    const { report } = await diagnoseServer((socket) =>
      socket.write(http11('', '302 Found', 'Location: https://sso.example/login?next=x')),
    );
    expect(report).toContain(
      '-> Redirects are not followed. It leads to https://sso.example: if you trust that, set CONNECT_TOKEN_URL to the token endpoint there; it may as well be a page for people.',
    );
  });

  test('to another path of the same host is told without the path', async () => {
    const { report, requests } = await diagnoseServer((socket) =>
      socket.write(http11('', '308 Permanent Redirect', 'Location: /v2/token')),
    );
    expect(report).toContain(
      '-> Redirects are not followed. It leads to another path of the same host: correct the path of CONNECT_TOKEN_URL.',
    );
    expect(requests).toBe(1);
  });

  test.each([
    ['without an address', []],
    ['to what is no address', ['Location: http://[']],
    ['to what is no web address', ['Location: mailto:somebody@site.example']],
    ['to a host whose name holds the key', [`Location: https://${CANARIES.key}.new.example/token`]],
  ])('%s is told without one', async (_title, headers) => {
    const { report, exitCode } = await diagnoseServer((socket) => socket.write(http11('', '302 Found', ...headers)), {
      CONNECT_ACCESS_TOKEN_KEY: CANARIES.key,
    });
    expect(report).toContain(`fail endpoint redirects elsewhere (HTTP 302) ${UNTOLD}`);
    expect(exitCode).toBe(1);
  });

  test('whose path is a broken escape is told like any other', async () => {
    const { report } = await diagnoseServer((socket) =>
      socket.write(http11('', '302 Found', 'Location: https://new.example/100%/token')),
    );
    expect(report).toContain('It leads to https://new.example:');
  });
});

test.each([
  ['403 Forbidden', 'fail endpoint refuses every request (HTTP 403) -> Ask the provider'],
  ['502 Bad Gateway', 'fail endpoint fails at every request (HTTP 502) -> Try again later'],
  [
    '407 Proxy Authentication Required',
    'fail endpoint is behind a proxy that asks for credentials of its own (HTTP 407) -> Give connectAuth() the option agent',
  ],
])('a server that says %s to everything is one failure, and not well besides', async (status, words) => {
  const { report, exitCode } = await diagnoseServer((socket) => socket.write(http11('', status)));
  expect(report).toContain(words);
  expect(report).not.toContain('ok endpoint');
  expect(exitCode).toBe(1);
});

test('a connection that breaks off is no answer, and not asked again', async () => {
  const { report, exitCode, requests } = await diagnoseServer((socket) => socket.destroy());
  expect(report).toContain('fail endpoint gives no answer (broken) -> See the checks of the network above.');
  expect({ exitCode, requests }).toEqual({ exitCode: 1, requests: 1 });
});

test('a web page as a refusal is a warning: a proxy in between may have written it', async () => {
  const page = http11('<!doctype html><p>no', '400 Bad Request', 'Content-Type: text/html');
  const { report, exitCode, requests } = await diagnoseServer((socket) => socket.write(page));
  expect(report).toContain(
    'warn endpoint answers with a web page (HTML, HTTP 400) -> Check that CONNECT_TOKEN_URL is the API',
  );
  expect({ exitCode, requests }).toEqual({ exitCode: 0, requests: 1 });
});

test('an authorization host that this machine cannot look up is told, and the token endpoint is asked nevertheless', async () => {
  const { report, exitCode, requests } = await diagnoseServer((socket) => socket.write(REFUSAL), {
    CONNECT_AUTHORIZE_URL: 'https://nowhere.invalid/authorize',
  });
  expect(report).toContain('fail DNS');
  expect(report).toContain('nowhere.invalid');
  expect(report).toContain('ok credentials accepted');
  expect({ exitCode, askedAgain: requests > 1 }).toEqual({ exitCode: 1, askedAgain: true });
});

test('a key that is refused where none is needed is named, and its removal is the cure', async () => {
  const refusesKeys: Responder = (socket, _number, { headers }) =>
    socket.write(headers.accesstoken === undefined ? REFUSAL : http11('{"code":2036}', '401 Unauthorized'));
  const { report, exitCode, requests } = await diagnoseServer(refusesKeys, { CONNECT_ACCESS_TOKEN_KEY: CANARIES.key });
  expect(report).toContain(
    'fail ACCESSTOKEN is refused, and not needed at all -> Remove CONNECT_ACCESS_TOKEN_KEY (option accessTokenKey), or correct it.',
  );
  expect(report).toContain('skip credentials cannot be judged until ACCESSTOKEN is right');
  expect({ exitCode, requests }).toEqual({ exitCode: 1, requests: 5 });
});

describe('where the configuration has a fault', () => {
  test('the network is looked at, and the token endpoint is not asked', async () => {
    const { report, url, exitCode, requests } = await diagnoseServer((socket) => socket.write(REFUSAL), {
      CONNECT_PKCE: 'yes',
    });
    expect(report).toContain('fail CONNECT_PKCE has a value that cannot be used');
    expect(report).toContain(`ok connection ${new URL(url).host} listens`);
    expect(report).toContain('skip endpoint not asked until the configuration is corrected');
    expect({ exitCode, requests }).toEqual({ exitCode: 1, requests: 0 });
  });

  test.each(['CONNECT_TOKEN_URL', 'CONNECT_AUTHORIZE_URL'])(
    'an unusable %s is passed over, and nothing is looked up in its stead',
    async (name) => {
      const { report, url, exitCode } = await diagnoseServer((socket) => socket.write(REFUSAL), {
        [name]: 'provider.invalid/token',
      });
      expect(report).toContain(`fail ${name} is not an absolute URL`);
      expect(report).not.toContain('DNS');
      expect(report.includes(`${new URL(url).host} listens`)).toBe(name !== 'CONNECT_TOKEN_URL');
      expect({ exitCode, sumsUp: report.includes('1 failure, 0 warnings, 1 not looked at') }).toEqual({
        exitCode: 1,
        sumsUp: true,
      });
    },
  );
});
