import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import tls from 'node:tls';
import { http11, startServer, TEST_CERT } from '../../support/local-server';
import { buildCli, type BuiltCli } from '../../support/cli/built-cli';
import { serve } from '../../support/serve';
import { CANARIES, diagnose, diagnoseBy, type Variables } from '../../support/cli/patient';

/** What the way to an https provider tells, up to its certificate. */

afterEach(() => {
  jest.restoreAllMocks();
});

const fixture = (name: string): string => join(__dirname, name);

const sound = (tokenUrl: string): Variables => ({
  CONNECT_CLIENT_ID: 'an-id',
  CONNECT_CLIENT_SECRET: CANARIES.secret,
  CONNECT_REDIRECT_URI: 'https://site.example/connect/callback',
  CONNECT_AUTHORIZE_URL: tokenUrl.replace('/token', '/authorize'),
  CONNECT_TOKEN_URL: tokenUrl,
});

/** What NODE_EXTRA_CA_CERTS would do at the start of this process. */
function trust(authority: string): void {
  const create = tls.createSecureContext;
  jest.spyOn(tls, 'createSecureContext').mockImplementation((options) => create({ ...options, ca: authority }));
}

const REFUSAL = http11('{"error":"invalid_grant"}', '400 Bad Request');

test('a certificate that nobody vouches for is named, and nothing is sent', async () => {
  const server = await startServer((socket) => socket.write(http11()), true);
  const { report, exitCode } = await diagnose(sound(server.url));
  expect(report).toContain(`fail TLS localhost:${server.port} has a certificate that no known authority has signed`);
  expect(report).toContain('-> If it is a private CA, start Node with NODE_EXTRA_CA_CERTS=ca.pem');
  expect(report).toContain('skip endpoint not asked until the network works');
  expect({ exitCode, bytesReceived: server.bytesReceived() }).toEqual({ exitCode: 1, bytesReceived: 0 });
});

test('of a trusted certificate the end is told in days', async () => {
  const server = await startServer((socket) => socket.write(REFUSAL), true);
  trust(TEST_CERT);
  const days = Math.floor((Date.parse(new X509Certificate(TEST_CERT).validTo) - Date.now()) / 86_400_000);
  const { report, exitCode } = await diagnose(sound(server.url));
  expect(report).toContain(
    `ok TLS localhost:${server.port} has a trusted certificate (TLSv1.3), valid for ${days} days`,
  );
  expect(report).toContain('ok endpoint answers (4 made-up codes)');
  expect({ exitCode, requests: server.requests.length }).toEqual({ exitCode: 0, requests: 4 });
});

test('a certificate for another name is named, and nothing is sent', async () => {
  const server = await startServer((socket) => socket.write(REFUSAL), true);
  trust(TEST_CERT);
  const { report, exitCode } = await diagnose(sound(server.url.replace('localhost', '127.0.0.1')));
  expect(report).toContain(
    `fail TLS 127.0.0.1:${server.port} has a certificate for another name -> Use the host name that the certificate is for`,
  );
  expect({ exitCode, bytesReceived: server.bytesReceived() }).toEqual({ exitCode: 1, bytesReceived: 0 });
});

test('an expired certificate is named', async () => {
  const cert = readFileSync(fixture('fixtures/test-only-expired-cert.pem'), 'utf8');
  const server = createServer({ cert, key: readFileSync(fixture('fixtures/test-only-expired-key.pem')) });
  const { port } = await serve(server);
  trust(cert);
  const { report, exitCode } = await diagnose(sound(`https://localhost:${port}/token`));
  expect(report).toContain(
    `fail TLS localhost:${port} has an expired certificate -> Ask the operator of that host to renew it;`,
  );
  expect(exitCode).toBe(1);
});

describe('as a process of its own', () => {
  let cli: BuiltCli;
  beforeAll(() => {
    cli = buildCli();
  });

  // Node reads NODE_EXTRA_CA_CERTS once, when a process starts.
  test('the cure works: NODE_EXTRA_CA_CERTS', async () => {
    const server = await startServer((socket) => socket.write(REFUSAL), true);
    const trusting = {
      ...sound(server.url),
      NODE_EXTRA_CA_CERTS: fixture('../../support/fixtures/test-only-cert.pem'),
    };
    const { report, exitCode } = await diagnoseBy((...call) => cli.run(...call), trusting);
    expect(report).toMatch(
      /ok DNS localhost has .* ok TLS localhost:\d+ has a trusted certificate \(TLSv1\.3\), valid for \d+ days/,
    );
    expect(exitCode).toBe(0);
  });
});
