import type * as net from 'node:net';
import { refreshFailure } from '../../../src/provider/token/refresh-failure';
import type { ConnectError } from '../../../src/errors/connect-error';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, type LocalServer } from '../../support/local-server';
import { until } from '../../support/turns';

const deadline = givenDeadline();

const answer = (socket: net.Socket): void => {
  socket.write(http11());
};
const hangUp = (socket: net.Socket): void => {
  socket.destroy();
};

test('a refresh outlasts the timeout of an exchange', async () => {
  // Both requests are there when the time passes; the refresh comes first.
  const server = await startServer((_socket, number) => {
    if (number === 2) setImmediate(deadline.pass);
  });
  const endpoint = tokenEndpoint(configFor(server.url, { timeoutMs: deadline.ms, refreshTimeoutMs: undefined }));
  const refreshed = endpoint.refresh('rt');
  await until(() => server.requests.length === 1);
  await expect(endpoint.exchange('code')).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT' });
  answer(server.sockets[0]!);
  await expect(refreshed).resolves.toMatchObject({ access_token: 'new-access' });
});

test('a refresh has a deadline of its own', async () => {
  const server = await startServer(() => setImmediate(deadline.pass));
  const endpoint = tokenEndpoint(configFor(server.url, { timeoutMs: 60_000, refreshTimeoutMs: deadline.ms }));
  await expect(endpoint.refresh('rt')).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT', stage: 'refresh' });
});

describe('onRepeat', () => {
  /** Refreshes twice over one kept connection, the second time meeting `responders`; counts the calls of onRepeat. */
  async function refreshAgain(
    ...responders: readonly ((socket: net.Socket, server: LocalServer) => void)[]
  ): Promise<{ repeats: number; result: unknown; requests: number }> {
    let repeats = 0;
    const onRepeat = (): void => {
      repeats += 1;
    };
    const server: LocalServer = await startServer((socket, number) => {
      [answer, ...responders][number - 1]?.(socket, server);
    });
    const endpoint = tokenEndpoint(configFor(server.url));
    await endpoint.refresh('first', { onRepeat });
    expect(repeats).toBe(0);
    const result = await endpoint.refresh('second', { onRepeat }).catch((error: unknown) => error);
    return { repeats, result, requests: server.requests.length };
  }

  test('is called once when the request was written again, and the repeat succeeds', async () => {
    const again = await refreshAgain(hangUp, answer);
    expect(again).toMatchObject({ repeats: 1, requests: 3, result: { access_token: 'new-access' } });
  });

  test('is called when the repeat is refused, too', async () => {
    const refuse = (socket: net.Socket): void => {
      socket.write(http11('{"error":"invalid_grant"}', '400 Bad Request'));
    };
    expect(await refreshAgain(hangUp, refuse)).toMatchObject({ repeats: 1, result: { code: 'ERR_CONNECT_EXPIRED' } });
  });

  test('is not called when the connection broke with an answer begun', async () => {
    const half = (socket: net.Socket): void => {
      socket.end('HTTP/1.1 200 OK\r\n');
    };
    expect(await refreshAgain(half)).toMatchObject({ repeats: 0, result: { reason: 'broken' } });
  });

  test('a repeat that finds nobody leaves the outcome unknown, for the first attempt may have arrived', async () => {
    const leave = (socket: net.Socket, server: LocalServer): void => {
      void server.close();
      socket.destroy();
    };
    const { repeats, result } = await refreshAgain(leave);
    expect({ repeats, reason: (result as ConnectError).reason }).toEqual({ repeats: 1, reason: 'broken' });
    expect(refreshFailure(result as ConnectError)).toEqual({ kind: 'ambiguous' });
  });
});
