import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { PassThrough, type Duplex } from 'node:stream';
import { refreshFailure } from '../../../src/provider/token/refresh-failure';
import { tokenEndpoint, type TokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { isConnectError } from '../../../src';
import { cleanup } from '../../support/cleanup';
import { configFor, http11, startServer, TEST_CERT, type LocalServer, grantOf } from '../../support/local-server';

/** What a proxy may say in its own name. */
const TOKEN = http11('{"access_token":"of-the-proxy","refresh_token":"of-the-proxy","type":"bearer"}', '201 Created');
const DEAD = http11('{"error":"invalid_grant"}', '400 Bad Request');
const LOGIN = http11('<html>', '407 Proxy Authentication Required');

type Handover = (answer: Buffer) => http.Agent;

/** Hands a socket of its own making to the request, and the answer over it once the request listens. */
class ReplayingAgent extends http.Agent {
  constructor(
    private readonly socket: Duplex,
    private readonly answer: Buffer,
  ) {
    super();
    Object.assign(this, { protocol: 'https:' });
  }

  addRequest(request: http.ClientRequest): void {
    request.once('socket', () => {
      this.socket.push(this.answer);
      this.socket.push(null);
    });
    // Node takes any stream.
    (request.onSocket.bind(request) as (socket: Duplex) => void)(this.socket);
  }
}

/** Connects in a way of its own. */
class ConnectingAgent extends https.Agent {
  constructor(private readonly connect: () => Duplex) {
    super();
  }

  override createConnection(): Duplex {
    return this.connect();
  }
}

let server: LocalServer;
beforeEach(async () => {
  server = await startServer((socket) => socket.write(http11()), true);
});

/** Where nobody is: what answers in its name is somebody else. */
const PROVIDER = 'https://provider.example/token';

function withClaims(socket: Duplex, claims: object): Duplex {
  return Object.assign(socket, claims);
}

const HANDOVERS: readonly (readonly [string, Handover])[] = [
  ['a socket that was never connected', (answer) => new ReplayingAgent(new net.Socket(), answer)],
  ['a stream that is no socket', (answer) => new ReplayingAgent(new PassThrough(), answer)],
  [
    'a stream that says of itself that it is encrypted and authorized',
    (answer) =>
      new ReplayingAgent(
        withClaims(new PassThrough(), { encrypted: true, authorized: true, secureConnecting: false }),
        answer,
      ),
  ],
  [
    'a stream that says so only when it has been written to',
    (answer) => {
      const stream = withClaims(new PassThrough(), { encrypted: true, authorized: true });
      return new ConnectingAgent(() => {
        setImmediate(() => stream.emit('secureConnect'));
        setImmediate(() => stream.push(answer));
        return stream;
      });
    },
  ],
];

function refusalOf(endpoint: TokenEndpoint, call: 'exchange' | 'refresh'): Promise<unknown> {
  const made = call === 'exchange' ? endpoint.exchange(grantOf('code')) : endpoint.refresh('token');
  return made.then(
    () => 'accepted',
    (error: unknown) => error,
  );
}

describe.each(HANDOVERS)('an answer to an https request over %s', (_how, agentFor) => {
  test.each([
    ['a token', TOKEN],
    ['a dead grant', DEAD],
    ['a demand for credentials', LOGIN],
  ])('counts for nothing when it is %s', async (_what, answer) => {
    const exchanged = await refusalOf(tokenEndpoint(configFor(PROVIDER, { agent: agentFor(answer) })), 'exchange');
    expect(exchanged).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', status: 502, reason: 'unreachable' });

    const refreshed = await refusalOf(tokenEndpoint(configFor(PROVIDER, { agent: agentFor(answer) })), 'refresh');
    expect(refreshed).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'unreachable', stage: 'refresh' });
    if (!isConnectError(refreshed)) throw new Error('no ConnectError');
    expect(refreshFailure(refreshed)).toEqual({ kind: 'not_sent' });
  });
});

test('a plain connection to the proxy, which speaks first, counts for nothing and is told nothing', async () => {
  let heard = 0;
  const proxy = net.createServer((socket) => {
    socket.on('error', () => undefined).on('data', (bytes) => (heard += bytes.byteLength));
    socket.write(TOKEN);
  });
  cleanup(() => proxy.close());
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  const { port } = proxy.address() as net.AddressInfo;
  const agent = new ConnectingAgent(() => net.connect(port, '127.0.0.1'));
  const refusal = await refusalOf(tokenEndpoint(configFor(PROVIDER, { agent })), 'exchange');
  expect(refusal).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'unreachable' });
  expect(heard).toBe(0);
});

test.each(['exchange', 'refresh'] as const)(
  'an agent that asks a proxy without TLS for an https address, as http-proxy-agent does, is named at once (%s)',
  async (call) => {
    const proxy = net.createServer((socket) => socket.on('error', () => undefined));
    cleanup(() => proxy.close());
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    const { port } = proxy.address() as net.AddressInfo;
    const agent = new ConnectingAgent(() => net.connect(port, '127.0.0.1'));
    const refusal = await refusalOf(tokenEndpoint(configFor(PROVIDER, { agent, timeoutMs: 1000 })), call);
    expect(refusal).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', status: 502, reason: 'unreachable' });
    expect((refusal as Error).message).toContain('https-proxy-agent');
  },
);

test.each([
  ['with another servername', { servername: 'localhost' }],
  ['with a checkServerIdentity of its own', { checkServerIdentity: () => undefined }],
])(
  'a TLS connection to somebody else, made %s, is told nothing, trusted certificate or not',
  async (_how, settings) => {
    const connect = (): Duplex => tls.connect({ host: '127.0.0.1', port: server.port, ca: TEST_CERT, ...settings });
    const endpoint = tokenEndpoint(configFor(PROVIDER, { agent: new ConnectingAgent(connect) }));
    expect(await refusalOf(endpoint, 'exchange')).toMatchObject({
      code: 'ERR_CONNECT_UNAVAILABLE',
      reason: 'unreachable',
    });
    expect(server.bytesReceived()).toBe(0);
  },
);

test('over http, too, an answer that comes before anything was asked counts for nothing', async () => {
  const stream = withClaims(new PassThrough(), { connecting: true });
  const agent = new ConnectingAgent(() => {
    setImmediate(() => stream.push(TOKEN));
    return stream;
  });
  Object.assign(agent, { protocol: 'http:' });
  const refusal = await refusalOf(tokenEndpoint(configFor('http://127.0.0.1:1/token', { agent })), 'exchange');
  expect(refusal).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'unreachable' });
});

test('no TLS session is taken up again, so that every connection shows its certificate', async () => {
  const reused: boolean[] = [];
  const agent = new https.Agent({ ca: TEST_CERT });
  const connect = agent.createConnection.bind(agent) as (...args: unknown[]) => tls.TLSSocket;
  Object.assign(agent, {
    createConnection(...args: unknown[]) {
      const socket = connect(...args);
      return socket.once('secureConnect', () => reused.push(socket.isSessionReused()));
    },
  });
  const endpoint = tokenEndpoint(configFor(server.url, { agent }));
  for (let call = 0; call < 2; call += 1) {
    await expect(endpoint.exchange(grantOf('code'))).resolves.toMatchObject({ access_token: 'new-access' });
  }
  expect(reused).toEqual([false, false]);
});
