import type * as net from 'node:net';
import { refreshFailure } from '../../../src/provider/token/refresh-failure';
import type { ConnectError } from '../../../src/errors/connect-error';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, grantOf } from '../../support/local-server';
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
  await expect(endpoint.exchange(grantOf('code'))).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT' });
  answer(server.sockets[0]!);
  await expect(refreshed).resolves.toMatchObject({ access_token: 'new-access' });
});

test('a refresh has a deadline of its own', async () => {
  const server = await startServer(() => setImmediate(deadline.pass));
  const endpoint = tokenEndpoint(configFor(server.url, { timeoutMs: 60_000, refreshTimeoutMs: deadline.ms }));
  await expect(endpoint.refresh('rt')).rejects.toMatchObject({ code: 'ERR_CONNECT_TIMEOUT', stage: 'refresh' });
});

test.each([
  ['closes', hangUp],
  ['is reset', (socket: net.Socket): void => void socket.resetAndDestroy()],
])(
  'a kept connection that %s after it has the request leaves the outcome unknown: nothing is sent twice',
  async (_how, end) => {
    const server = await startServer((socket, number) => {
      [answer, end, answer][number - 1]?.(socket);
    });
    const endpoint = tokenEndpoint(configFor(server.url));
    await endpoint.refresh('first');
    const error = (await endpoint.refresh('second').catch((thrown: unknown) => thrown)) as ConnectError;
    expect({ reason: error.reason, requests: server.requests.length }).toEqual({ reason: 'broken', requests: 2 });
    expect(refreshFailure(error)).toEqual({ kind: 'ambiguous' });
    await expect(endpoint.refresh('third')).resolves.toMatchObject({ access_token: 'new-access' });
  },
);
