import * as http from 'node:http';
import * as net from 'node:net';
import { tokenEndpoint, type TokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, type LocalServer, type Responder } from '../../support/local-server';

const TOKEN = { access_token: 'new-access', refresh_token: 'new-refresh', type: 'bearer' };
const answer = (socket: net.Socket): void => {
  socket.write(http11());
};
const hangUp = (socket: net.Socket): void => {
  socket.destroy();
};

/** Answers the n-th request by the n-th responder, and any later one by the last. */
function inTurn(...responders: readonly ((socket: net.Socket) => void)[]): Responder {
  return (socket, number) => {
    responders[Math.min(number, responders.length) - 1]?.(socket);
  };
}

const deadline = givenDeadline();
const passDeadline = (): void => {
  setImmediate(deadline.pass);
};

let server: LocalServer | undefined;

async function endpointOf(
  respond: Responder,
  changes: Parameters<typeof configFor>[1] = {},
): Promise<[LocalServer, TokenEndpoint]> {
  server = await startServer(respond);
  return [server, tokenEndpoint(configFor(server.url, changes))];
}

test.each([
  ['our own agent', () => ({})],
  ["the app's agent", () => ({ agent: new http.Agent({ keepAlive: true }) })],
])(
  'with %s, a request on a kept connection that closes without an answer is repeated once on a fresh one',
  async (_whose, changes) => {
    const [local, endpoint] = await endpointOf(inTurn(answer, hangUp, answer), changes());
    await endpoint.exchange('first');
    await expect(endpoint.exchange('second')).resolves.toEqual(TOKEN);
    expect(local.requests.map(({ body }) => (JSON.parse(body) as { code: string }).code)).toEqual([
      'first',
      'second',
      'second',
    ]);
    expect(local.sockets.length).toBe(2);
  },
);

test('is repeated after a reset, too', async () => {
  const [local, endpoint] = await endpointOf(
    inTurn(
      answer,
      (socket) => {
        socket.resetAndDestroy();
      },
      answer,
    ),
  );
  await endpoint.refresh('rt');
  await expect(endpoint.refresh('rt')).resolves.toEqual(TOKEN);
  expect(local.requests.length).toBe(3);
});

test('is not repeated twice', async () => {
  const [local, endpoint] = await endpointOf(inTurn(answer, hangUp));
  await endpoint.exchange('code');
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'broken' });
  expect(local.requests.length).toBe(3);
  expect(local.sockets.length).toBe(2);
});

test('is not repeated when its connection was fresh', async () => {
  const [local, endpoint] = await endpointOf(inTurn(hangUp));
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'broken' });
  expect(local.requests.length).toBe(1);
});

test.each([
  ['one byte', 'H'],
  ['half a header', 'HTTP/1.1 200 OK\r\nContent-'],
  ['headers', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
])('is not repeated once %s of an answer has come', async (_what, bytes) => {
  const [local, endpoint] = await endpointOf(
    inTurn(
      answer,
      (socket) => {
        socket.end(bytes);
      },
      answer,
    ),
  );
  await endpoint.exchange('code');
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'broken' });
  expect(local.requests.length).toBe(2);
});

test('is not repeated after the deadline', async () => {
  const [local, endpoint] = await endpointOf(inTurn(answer, passDeadline), { timeoutMs: deadline.ms });
  await endpoint.exchange('code');
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT' });
  expect(local.requests.length).toBe(2);
});

test('has one deadline together with its repeat', async () => {
  let pass = (): void => undefined;
  const [local, endpoint] = await endpointOf(
    inTurn(
      answer,
      (socket) => {
        // Of the first attempt; one that began anew with the repeat would not be ended.
        pass = deadline.pick();
        hangUp(socket);
      },
      () => setImmediate(pass),
    ),
    { timeoutMs: deadline.ms },
  );
  await endpoint.exchange('code');
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT', status: 504 });
  expect(local.requests.length).toBe(3);
  await local.allClosed();
});

test('drops other kept connections unused, for what closed one has likely closed all', async () => {
  const held: net.Socket[] = [];
  const [local, endpoint] = await endpointOf((socket, number) => {
    // The first three are answered together, so that there are three connections.
    if (number <= 3) held.push(socket);
    if (number === 3) held.forEach(answer);
    if (number === 4) hangUp(socket);
    if (number > 4) answer(socket);
  });
  await Promise.all(['a', 'b', 'c'].map((code) => endpoint.exchange(code)));
  await expect(endpoint.exchange('d')).resolves.toEqual(TOKEN);
  expect(local.requests.length).toBe(5);
  expect(local.sockets.length).toBe(4);
});

test('gives up on an agent that has nothing but dead connections', async () => {
  class AlwaysReusing extends http.Agent {
    addRequest(
      request: http.ClientRequest & { reusedSocket: boolean; onSocket(socket: unknown, error: Error): void },
    ): void {
      request.reusedSocket = true;
      request.onSocket(null, new Error('gone'));
    }
  }
  const [local, endpoint] = await endpointOf(answer, { agent: new AlwaysReusing() });
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'broken' });
  expect(local.sockets.length).toBe(0);
});

test('leaves nothing on a kept connection that would grow with its calls', async () => {
  const agent = new http.Agent({ keepAlive: true });
  const connections: net.Socket[] = [];
  const [, endpoint] = await endpointOf(answer, {
    agent: Object.assign(agent, {
      createConnection(options: net.NetConnectOpts) {
        connections.push(net.connect(options));
        return connections.at(-1);
      },
    }),
  });
  const listeners = (): number => {
    const [connection] = connections;
    return connection?.eventNames().reduce((count, name) => count + connection.listenerCount(name), 0) ?? 0;
  };
  await endpoint.exchange('a');
  const afterOne = listeners();
  for (const code of ['b', 'c', 'd']) await endpoint.exchange(code);
  expect({ connections: connections.length, listeners: listeners() }).toEqual({ connections: 1, listeners: afterOne });
});

test("the app's agent is the one that connects", async () => {
  const [local, endpoint] = await endpointOf(answer, { agent: new http.Agent() });
  await Promise.all([endpoint.exchange('a'), endpoint.exchange('b')]);
  expect(local.requests.map(({ headers }) => headers.connection)).toEqual(['close', 'close']);
});

test("a wait for the app's agent counts against the deadline", async () => {
  const agent = new http.Agent({ maxSockets: 1 });
  const [local, endpoint] = await endpointOf(passDeadline, { agent, timeoutMs: deadline.ms });
  const calls = await Promise.allSettled([endpoint.exchange('a'), endpoint.exchange('b')]);
  expect(calls).toMatchObject([
    { reason: { code: 'ERR_CONNECT_TIMEOUT' } },
    { reason: { code: 'ERR_CONNECT_TIMEOUT' } },
  ]);
  expect(local.requests.length).toBeLessThanOrEqual(2);
  await local.allClosed();
});
