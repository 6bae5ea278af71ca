import * as http from 'node:http';
import * as net from 'node:net';
import type { WireRequest } from '../../../src/provider/http/wire';
import { nodeTransport, type Transport } from '../../../src/provider/http/transport';
import { tokenEndpoint, type TokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, type LocalServer, type Responder, grantOf } from '../../support/local-server';

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

const codesSeen = (local: LocalServer): readonly string[] =>
  local.requests.map(({ body }) => (JSON.parse(body) as { code: string }).code);

test('a kept connection is used again', async () => {
  const [local, endpoint] = await endpointOf(answer);
  for (const code of ['a', 'b', 'c']) await endpoint.exchange(grantOf(code));
  expect({ codes: codesSeen(local), connections: local.sockets.length }).toEqual({
    codes: ['a', 'b', 'c'],
    connections: 1,
  });
});

test('one that its server closes after each answer costs no sign-in, and sends no code twice', async () => {
  const [local, endpoint] = await endpointOf((socket) => {
    socket.end(http11());
  });
  const codes = Array.from({ length: 30 }, (_, n) => `code-${n}`);
  for (const code of codes) await expect(endpoint.exchange(grantOf(code))).resolves.toEqual(TOKEN);
  expect(codesSeen(local)).toEqual(codes);
});

test.each([
  ['closes', hangUp],
  ['is reset', (socket: net.Socket): void => void socket.resetAndDestroy()],
])('a code is not sent again after a kept connection that has it %s', async (_how, end) => {
  const [local, endpoint] = await endpointOf(inTurn(answer, end, answer));
  await endpoint.exchange(grantOf('first'));
  await expect(endpoint.exchange(grantOf('second'))).rejects.toMatchObject({
    code: 'ERR_CONNECT_UNAVAILABLE',
    reason: 'broken',
  });
  expect(codesSeen(local)).toEqual(['first', 'second']);
});

describe('a request that may be written again', () => {
  const get = (url: string): WireRequest => ({
    url,
    method: 'GET',
    headers: {},
    body: undefined,
    mayRepeat: true,
    signal: undefined,
  });
  async function transportOf(respond: Responder, timeoutMs = 30_000): Promise<[LocalServer, Transport, string]> {
    server = await startServer(respond);
    return [server, nodeTransport({ timeoutMs }), server.url];
  }

  test('is, once, on a fresh connection, after a kept one that closes without an answer', async () => {
    const [local, send, url] = await transportOf(inTurn(answer, hangUp, answer));
    await send(get(url));
    expect(await send(get(url))).toMatchObject({ kind: 'answer', answer: { status: 200 } });
    expect({ requests: local.requests.length, connections: local.sockets.length }).toEqual({
      requests: 3,
      connections: 2,
    });
  });

  test('is not a third time', async () => {
    const [local, send, url] = await transportOf(inTurn(answer, hangUp));
    await send(get(url));
    expect(await send(get(url))).toEqual({ kind: 'fault', fault: 'broken' });
    expect(local.requests.length).toBe(3);
  });

  test('is not when its connection was fresh', async () => {
    const [local, send, url] = await transportOf(inTurn(hangUp));
    expect(await send(get(url))).toEqual({ kind: 'fault', fault: 'broken' });
    expect(local.requests.length).toBe(1);
  });

  test.each([
    ['one byte', 'H'],
    ['half a header', 'HTTP/1.1 200 OK\r\nContent-'],
    ['headers', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'],
  ])('is not once %s of an answer has come', async (_what, bytes) => {
    const half = (socket: net.Socket): void => void socket.end(bytes);
    const [local, send, url] = await transportOf(inTurn(answer, half, answer));
    await send(get(url));
    expect(await send(get(url))).toEqual({ kind: 'fault', fault: 'broken' });
    expect(local.requests.length).toBe(2);
  });

  test('is not after the deadline', async () => {
    const [local, send, url] = await transportOf(inTurn(answer, passDeadline), deadline.ms);
    await send(get(url));
    expect(await send(get(url))).toEqual({ kind: 'fault', fault: 'timeout' });
    expect(local.requests.length).toBe(2);
  });

  test('has one deadline together with its repeat', async () => {
    let pass = (): void => undefined;
    const first = (socket: net.Socket): void => {
      // Of the first attempt; one that began anew with the repeat would not be ended.
      pass = deadline.pick();
      hangUp(socket);
    };
    const [local, send, url] = await transportOf(
      inTurn(answer, first, () => setImmediate(pass)),
      deadline.ms,
    );
    await send(get(url));
    expect(await send(get(url))).toEqual({ kind: 'fault', fault: 'timeout' });
    expect(local.requests.length).toBe(3);
    await local.allClosed();
  });
});

test('an agent that has nothing but dead connections reaches nobody', async () => {
  class AlwaysReusing extends http.Agent {
    addRequest(
      request: http.ClientRequest & { reusedSocket: boolean; onSocket(socket: unknown, error: Error): void },
    ): void {
      request.reusedSocket = true;
      request.onSocket(null, new Error('gone'));
    }
  }
  const [local, endpoint] = await endpointOf(answer, { agent: new AlwaysReusing() });
  await expect(endpoint.exchange(grantOf('code'))).rejects.toMatchObject({
    code: 'ERR_CONNECT_UNAVAILABLE',
    reason: 'unreachable',
  });
  expect(local.sockets.length).toBe(0);
});

test('leaves nothing on a kept connection that would grow with its calls', async () => {
  const connections: net.Socket[] = [];
  const connect = jest.spyOn(http.Agent.prototype, 'createConnection').mockImplementation((options) => {
    const connection = net.connect(options as net.NetConnectOpts);
    connections.push(connection);
    return connection;
  });
  const [, endpoint] = await endpointOf(answer);
  const listeners = (): number => {
    const [connection] = connections;
    return connection?.eventNames().reduce((count, name) => count + connection.listenerCount(name), 0) ?? 0;
  };
  await endpoint.exchange(grantOf('a'));
  const afterOne = listeners();
  for (const code of ['b', 'c', 'd']) await endpoint.exchange(grantOf(code));
  connect.mockRestore();
  expect({ connections: connections.length, listeners: listeners() }).toEqual({ connections: 1, listeners: afterOne });
});

test("the app's agent is the one that connects, and keeps no connection of ours", async () => {
  const agent = new http.Agent({ keepAlive: true });
  const [local, endpoint] = await endpointOf(answer, { agent });
  await endpoint.exchange(grantOf('a'));
  await endpoint.exchange(grantOf('b'));
  expect(local.requests.map(({ headers }) => headers.connection)).toEqual(['close', 'close']);
  expect({ connections: local.sockets.length, kept: Object.keys(agent.freeSockets) }).toEqual({
    connections: 2,
    kept: [],
  });
});

test("a wait for the app's agent counts against the deadline", async () => {
  const agent = new http.Agent({ maxSockets: 1 });
  const [local, endpoint] = await endpointOf(passDeadline, { agent, timeoutMs: deadline.ms });
  const calls = await Promise.allSettled([endpoint.exchange(grantOf('a')), endpoint.exchange(grantOf('b'))]);
  expect(calls).toMatchObject([
    { reason: { code: 'ERR_CONNECT_TIMEOUT' } },
    { reason: { code: 'ERR_CONNECT_TIMEOUT' } },
  ]);
  expect(local.requests.length).toBeLessThanOrEqual(2);
  await local.allClosed();
});
