import type * as net from 'node:net';
import axios from 'axios';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';
import { http11 } from '../../support/local-server';

let world: ApiWorld;
let respond: (socket: net.Socket) => void;
beforeEach(async () => {
  respond = (socket) => {
    socket.write(ok());
  };
  world = await apiWorld((socket) => {
    respond(socket);
  });
});

const heads = (): readonly string[] => world.server.requests.map(({ head }) => head);

test('a call without an address goes to apiBaseUrl itself', async () => {
  await world.client().request({});
  expect(heads()).toEqual(['GET /api/v2 HTTP/1.1']);
});

test('a client that has lost its baseURL takes whole addresses only, and still none outside', async () => {
  const client = world.client();
  delete client.defaults.baseURL;
  await client.get(`${world.base}/me`);
  for (const url of ['/me', new URL('/other', world.base).href]) {
    await expect(client.get(url)).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'url' });
  }
  expect(heads()).toEqual(['GET /api/v2/me HTTP/1.1']);
});

test('an interceptor that takes the method away leaves a GET', async () => {
  const client = world.client();
  client.interceptors.request.use((config) => {
    delete config.method;
    return config;
  });
  await client.delete('/me');
  expect(heads()).toEqual(['GET /api/v2/me HTTP/1.1']);
});

test.each([
  ['post', '0'],
  ['put', '0'],
  ['patch', '0'],
  ['query', '0'],
  ['get', undefined],
  ['delete', undefined],
  ['options', undefined],
])('%s without a body tells the length %s', async (method, length) => {
  await world.client().request({ url: '/me', method });
  const [request] = world.server.requests;
  expect({
    contentLength: request?.headers['content-length'],
    contentType: request?.headers['content-type'],
    body: request?.body,
  }).toEqual({ contentLength: length, contentType: undefined, body: '' });
});

test('a status without a registered phrase has none', async () => {
  respond = (socket) => {
    socket.write(http11('{"success":true}', '299 Fine by us', 'Content-Type: application/json'));
  };
  const { status, statusText, data } = await world.client().get<unknown>('/me');
  expect({ status, statusText, data }).toEqual({ status: 299, statusText: '', data: { success: true } });
});

test('an API that is not there is told apart from one that breaks off', async () => {
  respond = (socket) => {
    socket.destroy();
  };
  const broken = await world
    .client()
    .post('/me')
    .catch((reason: unknown) => reason);
  expect(broken).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', status: 502, stage: 'api', reason: 'broken' });
  expect((broken as Error).message).toContain('the call may have been carried out');
  await world.server.close();
  const away = await world
    .client()
    .post('/me')
    .catch((reason: unknown) => reason);
  expect(away).toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', status: 502, stage: 'api', reason: 'unreachable' });
  expect((away as Error).message).toContain('No connection to apiBaseUrl');
});

test('a cancelToken is refused before a token is asked for', async () => {
  const call = world.client().get('/me', { cancelToken: axios.CancelToken.source().token });
  await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'cancel_token', stage: 'api' });
  expect({ timesAsked: world.asked.length, requests: world.server.requests.length }).toEqual({
    timesAsked: 0,
    requests: 0,
  });
});

test.each<[string, unknown]>([
  ['an object', { a: 1 }],
  ['a number', 1],
])('a transformRequest of the app that leaves %s is told that this is no body', async (_name, left) => {
  const call = world.client().post('/me', {}, { transformRequest: [() => left] });
  await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'body', stage: 'api' });
  expect({ timesAsked: world.asked.length, requests: world.server.requests.length }).toEqual({
    timesAsked: 0,
    requests: 0,
  });
});

test('a call that ends in a refused token tells where to connect again', async () => {
  respond = (socket) => {
    socket.write(http11('{"success":false}', '401 Unauthorized', 'Content-Type: application/json'));
  };
  const client = world.clientWith({ loginUrl: '/login' });
  await expect(client.post('/me', 'x')).rejects.toMatchObject({
    code: 'ERR_CONNECT_EXPIRED',
    reason: undefined,
    loginUrl: '/login',
    provider: { status: 401 },
  });
});
