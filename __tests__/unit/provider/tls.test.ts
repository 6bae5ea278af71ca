import https from 'node:https';
import tls from 'node:tls';
import type { Duplex } from 'node:stream';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, TEST_CERT, type LocalServer, grantOf } from '../../support/local-server';
import { until } from '../../support/turns';

const REFUSED = { code: 'ERR_CONNECT_UNAVAILABLE', status: 502, reason: 'unreachable', stage: 'exchange' };

const deadline = givenDeadline();
let server: LocalServer;
beforeEach(async () => {
  server = await startServer((socket) => socket.write(http11()), true);
});

const endpointWith = (agent?: https.Agent, tokenUrl = server.url) => tokenEndpoint(configFor(tokenUrl, { agent }));
const byAddress = (): string => server.url.replace('localhost', '127.0.0.1');

test('a certificate that nobody vouches for gets nothing', async () => {
  await expect(endpointWith().exchange(grantOf('code'))).rejects.toMatchObject(REFUSED);
  expect(server.bytesReceived()).toBe(0);
});

test('a private CA works by option agent, with a connection for each call', async () => {
  const endpoint = endpointWith(new https.Agent({ ca: TEST_CERT, keepAlive: true }));
  for (let call = 0; call < 3; call += 1)
    await expect(endpoint.exchange(grantOf('code'))).resolves.toMatchObject({ access_token: 'new-access' });
  expect(server.sockets.length).toBe(3);
  expect(server.requests.length).toBe(3);
});

test('a private CA with the name of another host gets nothing', async () => {
  await expect(
    endpointWith(new https.Agent({ ca: TEST_CERT }), byAddress()).exchange(grantOf('code')),
  ).rejects.toMatchObject(REFUSED);
  expect(server.bytesReceived()).toBe(0);
});

test.each([
  ['an unknown certificate', () => endpointWith(new https.Agent({ rejectUnauthorized: false }))],
  [
    'a certificate for another name',
    () => endpointWith(new https.Agent({ ca: TEST_CERT, rejectUnauthorized: false }), byAddress()),
  ],
])('an agent that tolerates %s is given nothing to send', async (_what, endpoint) => {
  await expect(endpoint().exchange(grantOf('code'))).rejects.toMatchObject(REFUSED);
  expect(server.bytesReceived()).toBe(0);
  await server.allClosed();
});

test('a kept connection that a tolerant agent made for somebody else is not used', async () => {
  const agent = new https.Agent({ rejectUnauthorized: false, keepAlive: true });
  await new Promise<void>((done, fail) => {
    https
      .get(server.url, { agent, headers: { 'Content-Length': 0 } }, (response) => {
        response.resume().on('end', done);
      })
      .on('error', fail);
  });
  await expect(endpointWith(agent).exchange(grantOf('code'))).rejects.toMatchObject(REFUSED);
  expect(server.requests.length).toBe(1);
});

/** As agents for proxies do it: the connection is handed over only when it stands. */
class LateAgent extends https.Agent {
  constructor(private readonly settings: tls.ConnectionOptions) {
    super();
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): null {
    const socket = tls.connect(
      { host: '127.0.0.1', port: server.port, servername: 'localhost', ...this.settings },
      () => {
        callback?.(null, socket);
      },
    );
    return null;
  }
}

test('an agent that hands over a finished, verified connection works', async () => {
  await expect(endpointWith(new LateAgent({ ca: TEST_CERT })).exchange(grantOf('code'))).resolves.toMatchObject({
    access_token: 'new-access',
  });
});

test('an agent that hands over a finished, unverified connection is given nothing to send', async () => {
  await expect(
    endpointWith(new LateAgent({ rejectUnauthorized: false })).exchange(grantOf('code')),
  ).rejects.toMatchObject(REFUSED);
  expect(server.bytesReceived()).toBe(0);
});

test('a handshake that never ends is ended by the deadline', async () => {
  const silent = await startServer(() => undefined);
  const endpoint = tokenEndpoint(configFor(`https://localhost:${silent.port}/token`, { timeoutMs: deadline.ms }));
  const exchange = endpoint.exchange(grantOf('code'));
  void until(() => silent.bytesReceived() > 0).then(deadline.pass);
  await expect(exchange).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT', status: 504 });
  await silent.allClosed();
});
