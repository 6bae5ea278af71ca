import { randomBytes } from 'node:crypto';
import type * as net from 'node:net';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { apiClients } from '../../../src/access/api-client';
import type { SeenRequest } from '../../support/local-server';
import { http11 } from '../../support/local-server';
import { apiWorld, json, ok, type ApiWorld } from '../../support/api-world';

let world: ApiWorld;
let respond: (socket: net.Socket, number: number, request: SeenRequest) => void;
const answerOk = (socket: net.Socket): void => {
  socket.write(ok());
};
/** Refuses every token but the one that ends with 2. */
const onlySecond = (socket: net.Socket, _number: number, { headers }: SeenRequest): void => {
  socket.write(
    headers.authorization === 'Bearer CANARY-access-2' ? ok() : json('401 Unauthorized', { success: false }),
  );
};

beforeEach(async () => {
  respond = answerOk;
  world = await apiWorld((...seen) => {
    respond(...seen);
  });
});

describe('signing', () => {
  test("every way to call goes out with the visitor's token and nothing else of theirs", async () => {
    respond = (socket, _number, { head }) => {
      socket.write(head.startsWith('HEAD') ? http11('') : ok());
    };
    const client = world.client();
    await client('/me');
    await client({ url: '/me', method: 'delete' });
    await client.request({ url: '/me', method: 'PUT', data: {} });
    // Instances of axios work destructured, whatever their types say.

    const { get, post, patch, head, options } = client;
    await get('/me');
    await post('/me', 'x');
    await patch('/me', 'x');
    await head('/me');
    await options('/me');
    expect(world.server.requests.map(({ head: line }) => line.split(' ')[0])).toEqual([
      'GET',
      'DELETE',
      'PUT',
      'GET',
      'POST',
      'PATCH',
      'HEAD',
      'OPTIONS',
    ]);
    for (const request of world.server.requests) {
      expect(request.headers.authorization).toBe('Bearer CANARY-access-1');
      expect(JSON.stringify(request)).not.toMatch(/CANARY-(?:cookie|header)/);
    }
    expect(world.server.requests[0]?.headers).toEqual({
      accept: 'application/json',
      'user-agent': 'express-connect-auth',
      'accept-encoding': 'identity',
      authorization: 'Bearer CANARY-access-1',
      host: new URL(world.base).host,
      connection: 'keep-alive',
    });
    expect(world.server.sockets.length).toBe(1);
  });

  test.each(['Authorization', 'authorization', 'AUTHORIZATION'])(
    "a caller's %s header does not replace the token",
    async (name) => {
      const client = world.client();
      client.defaults.headers.common[name] = 'Basic other';
      client.interceptors.request.use((config) => {
        config.headers.set(name, 'Basic another');
        return config;
      });
      await client.get('/me', { headers: { [name]: 'Basic third' }, auth: { username: 'a', password: 'b' } });
      expect(world.bearers()).toStrictEqual(['Bearer CANARY-access-1']);
    },
  );

  test('headers of the caller go out, but none that frame the message or a visitor would have sent', async () => {
    const headers = {
      'X-Mine': 'yes',
      accept: 'text/csv',
      Host: 'evil.example',
      Cookie: 'sid=1',
      'Content-Length': '999',
      'Transfer-Encoding': 'chunked',
      'Accept-Encoding': 'gzip',
      Connection: 'close',
      'Proxy-Authorization': 'x',
      Expect: '100-continue',
      Upgrade: 'h2c',
      'User-Agent': 'mine',
    };
    await world.client().post('/me', 'body', { headers });
    expect(world.server.requests[0]?.headers).toEqual({
      'x-mine': 'yes',
      accept: 'text/csv',
      host: new URL(world.base).host,
      'content-length': '4',
      'accept-encoding': 'identity',
      connection: 'keep-alive',
      'user-agent': 'mine',
      authorization: 'Bearer CANARY-access-1',
      'content-type': 'application/x-www-form-urlencoded',
    });
  });
});

describe('a refused token', () => {
  test('is told once, and the call made once more with the other one', async () => {
    respond = onlySecond;
    world.tokens = ['CANARY-access-1', 'CANARY-access-2'];
    const { data } = await world.client().get<unknown>('/me');
    expect(data).toEqual({ success: true, data: { id: 1 } });
    expect(world.asked).toStrictEqual([undefined, 'CANARY-access-1']);
    expect(world.bearers()).toStrictEqual(['Bearer CANARY-access-1', 'Bearer CANARY-access-2']);
  });

  test('that stays the same is not sent again', async () => {
    respond = onlySecond;
    await expect(world.client().get('/me')).rejects.toMatchObject({
      code: 'ERR_CONNECT_EXPIRED',
      status: 401,
      stage: 'api',
      provider: { status: 401 },
    });
    expect({ asked: world.asked, signedCalls: world.bearers().length }).toEqual({
      asked: [undefined, 'CANARY-access-1'],
      signedCalls: 1,
    });
  });

  test('whose successor is refused, too, ends the call', async () => {
    respond = onlySecond;
    world.tokens = ['CANARY-access-1', 'CANARY-access-3'];
    await expect(world.clientWith({ loginUrl: '/login' }).get('/me')).rejects.toMatchObject({
      code: 'ERR_CONNECT_EXPIRED',
      loginUrl: '/login',
    });
    expect({ timesAsked: world.asked.length, signedCalls: world.bearers().length }).toEqual({
      timesAsked: 2,
      signedCalls: 2,
    });
  });

  test('of twenty calls at once is named twenty times, and each is made twice', async () => {
    respond = onlySecond;
    world.tokens = ['CANARY-access-1', 'CANARY-access-2'];
    const answers = await Promise.all(Array.from({ length: 20 }, () => world.client().get('/me')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.asked.filter((refused) => refused === 'CANARY-access-1').length).toBe(20);
    expect(world.bearers().filter((bearer) => bearer?.endsWith('2')).length).toBe(20);
  });

  const form = new FormData();
  form.append('file', new Blob(['a\r\nb']), 'a.txt');
  const big = randomBytes(300_000).toString('hex');
  test.each<[string, unknown, AxiosRequestConfig, string | RegExp, string | RegExp]>([
    ['an object', { a: [1, 'é'] }, {}, '{"a":[1,"é"]}', 'application/json'],
    ['a list', [1], {}, '[1]', 'application/json'],
    ['a text', 'a=1', {}, 'a=1', 'application/x-www-form-urlencoded'],
    [
      'a text under a JSON type',
      'word',
      { headers: { 'Content-Type': 'application/json' } },
      '"word"',
      'application/json',
    ],
    [
      'JSON under a JSON type',
      '{"a":1}',
      { headers: { 'Content-Type': 'application/json' } },
      '{"a":1}',
      'application/json',
    ],
    ['a large text', big, {}, big, 'application/x-www-form-urlencoded'],
    ['a Buffer', Buffer.from('bytes'), {}, 'bytes', 'application/octet-stream'],
    ['a part of a Buffer', Buffer.from('xbytesx').subarray(1, 6), {}, 'bytes', 'application/octet-stream'],
    ['a typed array', new Uint8Array([65, 66]), { headers: { 'Content-Type': 'image/png' } }, 'AB', 'image/png'],
    ['an ArrayBuffer', new Uint8Array([67]).buffer, {}, 'C', 'application/octet-stream'],
    [
      'URLSearchParams',
      new URLSearchParams({ a: 'b c' }),
      {},
      'a=b+c',
      'application/x-www-form-urlencoded;charset=utf-8',
    ],
    [
      'an object as a form',
      { a: 1, b: 'x y' },
      { headers: { 'Content-Type': 'application/x-www-form-urlencoded' } },
      'a=1&b=x+y',
      'application/x-www-form-urlencoded',
    ],
    [
      'an object as multipart',
      { a: 1 },
      { headers: { 'Content-Type': 'multipart/form-data' } },
      /name="a"\r\n\r\n1\r\n/,
      /^multipart\/form-data; boundary=/,
    ],
    ['FormData', form, {}, /filename="a.txt"[^]*\r\n\r\na\r\nb\r\n/, /^multipart\/form-data; boundary=/],
    ['a Blob', new Blob(['{}'], { type: 'application/json' }), {}, '{}', 'application/json'],
    ['a Blob without a type', new Blob(['bytes']), {}, 'bytes', 'application/octet-stream'],
  ])('%s is sent the second time as the first time', async (_name, data, config, body, type) => {
    respond = onlySecond;
    world.tokens = ['CANARY-access-1', 'CANARY-access-2'];
    await world.client().post('/me', data, config);
    const [first, second] = world.server.requests;
    expect(second).toEqual({ ...first, headers: { ...first?.headers, authorization: 'Bearer CANARY-access-2' } });
    expect(first?.body).toEqual(typeof body === 'string' ? body : expect.stringMatching(body));
    expect(first?.headers['content-type']).toEqual(typeof type === 'string' ? type : expect.stringMatching(type));
  });

  test.each<[string, unknown]>([
    ['a big integer', { a: 1n }],
    ['a function', () => 1],
  ])('%s is no body, and the error says what is one', async (_name, data) => {
    const error = await world
      .client()
      .post('/me', data)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'body', stage: 'api' });
    expect((error as Error).message).toContain('pass a string, a JSON value');
    expect({ timesAsked: world.asked.length, requests: world.server.requests.length }).toEqual({
      timesAsked: 0,
      requests: 0,
    });
  });
});

describe('answers', () => {
  test.each<[string, Buffer, AxiosRequestConfig, unknown]>([
    ['JSON', http11('\ufeff{"success":true}'), {}, { success: true }],
    ['no content', Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), {}, ''],
    ['an empty body', http11(''), {}, ''],
    ['HEAD', Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'), { method: 'head' }, ''],
    ['text', http11('{"a":1}'), { responseType: 'text' }, '{"a":1}'],
    ['bytes', http11(Buffer.from([0, 255])), { responseType: 'arraybuffer' }, Buffer.from([0, 255])],
    ['text for a transformResponse', http11('{"a":1}'), { transformResponse: [(text: string) => text.length] }, 7],
    ['text for one that is no list', http11('{"a":1}'), { transformResponse: (text: string) => text.length }, 7],
    ['JSON for an empty list of them', http11('{"a":1}'), { transformResponse: [] }, { a: 1 }],
  ])('%s', async (_name, answer, config, data) => {
    respond = (socket) => {
      socket.write(answer);
    };
    expect((await world.client().request<unknown>({ url: '/me', ...config })).data).toEqual(data);
  });

  test('a nested __proto__ in JSON is a field and no prototype', async () => {
    respond = (socket) => {
      socket.write(http11('{"success":true,"data":{"__proto__":{"polluted":1}}}'));
    };
    const { data } = await world.client().get<{ data: Record<string, unknown> }>('/me');
    expect({ keys: Object.keys(data.data), polluted: ({} as Record<string, unknown>).polluted }).toEqual({
      keys: ['__proto__'],
      polluted: undefined,
    });
  });

  test.each([
    [1024 * 1024, {}],
    [10 * 1024 * 1024, { maxApiAnswerBytes: 10 * 1024 * 1024 }],
  ])('%i bytes are the most with %j, and one more is refused', async (most, changes) => {
    let size = most;
    respond = (socket) => {
      socket.write(http11(Buffer.alloc(size, ' ')));
    };
    const call = () => world.clientWith(changes).get<string>('/me', { responseType: 'text' });
    expect((await call()).data.length).toBe(most);
    size += 1;
    await expect(call()).rejects.toMatchObject({ code: 'ERR_CONNECT_RESPONSE', reason: 'too_large' });
  });

  test.each(['stream', 'blob', 'document', 'formdata'] as const)('responseType %s is refused', async (responseType) => {
    await expect(world.client().get('/me', { responseType })).rejects.toMatchObject({
      code: 'ERR_CONNECT_CONFIG',
      reason: 'response_type',
    });
    expect(world.asked).toStrictEqual([]);
  });

  test.each(['CONNECT', 'TRACE', 'LINK', 'GET /x'])('method %s is refused', async (method) => {
    await expect(world.client().request({ method, url: '/me' })).rejects.toMatchObject({
      code: 'ERR_CONNECT_CONFIG',
      reason: 'method',
    });
  });
});

describe('limits', () => {
  const silent = (): void => undefined;

  test('a timeout or signal of the call also ends its wait for a token', async () => {
    const client = apiClients({
      apiBaseUrl: world.base,
      timeoutMs: 3000,
      maxApiAnswerBytes: 1_048_576,
      statusByApiCode: {},
    })(() => new Promise(() => undefined));
    await expect(client.get('/me', { timeout: 30 })).rejects.toMatchObject({
      code: 'ERR_CONNECT_TIMEOUT',
      status: 504,
    });
    expect(
      axios.isCancel(await client.get('/me', { signal: AbortSignal.timeout(30) }).catch((reason: unknown) => reason)),
    ).toBe(true);
  });

  test('a signal that ends the call while its body is written sends nothing', async () => {
    const ending = new AbortController();
    const transformRequest = (): string => {
      ending.abort();
      return 'text';
    };
    const call = world.client().post('/me', 'text', { signal: ending.signal, transformRequest });
    expect(axios.isCancel(await call.catch((reason: unknown) => reason))).toBe(true);
    expect(world.bearers()).toStrictEqual([]);
  });

  test('a timeout beyond timeoutMs still ends the whole call, the wait for a token included', async () => {
    const client = apiClients({
      apiBaseUrl: world.base,
      timeoutMs: 20,
      maxApiAnswerBytes: 1_048_576,
      statusByApiCode: {},
    })(() => new Promise(() => undefined));
    await expect(client.get('/me', { timeout: 60 })).rejects.toMatchObject({
      code: 'ERR_CONNECT_TIMEOUT',
      status: 504,
    });
  });

  test('a timeout of the call ends it, and cannot exceed timeoutMs', async () => {
    respond = silent;
    await expect(world.client().get('/me', { timeout: 60 })).rejects.toMatchObject({
      code: 'ERR_CONNECT_TIMEOUT',
      status: 504,
      stage: 'api',
    });
    await expect(world.clientWith({ timeoutMs: 60 }).get('/me', { timeout: 60_000 })).rejects.toMatchObject({
      code: 'ERR_CONNECT_TIMEOUT',
    });
    await world.server.allClosed();
  });

  test.each([-1, Number.NaN, Infinity, '5' as never])('a timeout of %p is refused', async (timeout) => {
    await expect(world.client().get('/me', { timeout })).rejects.toMatchObject({
      code: 'ERR_CONNECT_CONFIG',
      reason: 'timeout',
    });
  });

  test('a signal ends the call and its connection', async () => {
    const ending = new AbortController();
    respond = () => {
      ending.abort();
    };
    const error = await world
      .client()
      .get('/me', { signal: ending.signal })
      .catch((reason: unknown) => reason);
    expect(axios.isCancel(error)).toBe(true);
    await world.server.allClosed();
  });

  test('a POST whose kept connection closes unanswered is not made again, a GET is', async () => {
    respond = (socket, number) => {
      if (number === 1 || number === 3 || number === 4) answerOk(socket);
      else socket.destroy();
    };
    const client = world.client();
    await client.get('/me');
    await client.get('/me');
    await client.get('/me');
    await expect(client.post('/me', {})).rejects.toMatchObject({ code: 'ERR_CONNECT_UNAVAILABLE', reason: 'broken' });
    expect(world.server.requests.length).toBe(5);
  });
});

describe('what is shared', () => {
  test('interceptors and defaults of one client are not those of another', async () => {
    const [one, other] = [world.client(), world.client()];
    one.interceptors.request.use((config) => {
      config.headers.set('X-One', '1');
      return config;
    });
    one.defaults.headers.common['X-Default'] = '1';
    await one.get('/me');
    await other.get('/me');
    await one.create({ headers: { 'X-Created': '1' } }).get('/me');
    const names = world.server.requests.map(({ headers }) =>
      Object.keys(headers).filter((name) => name.startsWith('x-')),
    );
    expect(names.map((list) => list.sort())).toEqual([['x-default', 'x-one'], [], ['x-created', 'x-default']]);
  });

  test("an error of the app's own interceptor comes out as it is", async () => {
    const client = world.client();
    const own = new Error('of the app');
    client.interceptors.response.use(() => {
      throw own;
    });
    await expect(client.get('/me')).rejects.toBe(own);
  });

  const evil = (): never => {
    throw new Error('evil');
  };

  test('global defaults and interceptors of axios do not reach it', async () => {
    const before = { ...axios.defaults };
    const ids = [axios.interceptors.request.use(evil), axios.interceptors.response.use(evil)] as const;
    Object.assign(axios.defaults, {
      baseURL: 'http://127.0.0.1:1',
      adapter: evil,
      transformRequest: [evil],
      transformResponse: [evil],
      timeout: 1,
      params: { evil: 1 },
      headers: { common: { 'X-Evil': '1' } },
    });
    try {
      await world.client().post('/me', { a: 1 });
      await world.client().create().get('/me');
    } finally {
      Object.assign(axios.defaults, before, { baseURL: undefined, params: undefined });
      axios.interceptors.request.eject(ids[0]);
      axios.interceptors.response.eject(ids[1]);
    }
    expect(world.server.requests.map(({ head, body, headers }) => [head, body, headers['x-evil']])).toEqual([
      ['POST /api/v2/me HTTP/1.1', '{"a":1}', undefined],
      ['GET /api/v2/me HTTP/1.1', '', undefined],
    ]);
  });

  test('a proxy named in the environment sees nothing', async () => {
    const proxy = await apiWorld(answerOk);
    const before = { ...process.env };
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'])
      process.env[name] = new URL(proxy.base).origin;
    try {
      await world.client().get('/me');
    } finally {
      process.env = before;
    }
    expect({ sockets: proxy.server.sockets.length, requests: world.server.requests.length }).toEqual({
      sockets: 0,
      requests: 1,
    });
  });

  test.each<[string, unknown]>([
    ['adapter', evil],
    ['baseURL', 'http://127.0.0.1:1'],
    ['url', '/evil'],
    ['method', 'put'],
    ['params', { evil: 1 }],
    ['paramsSerializer', evil],
    ['data', 'evil'],
    ['body', 'evil'],
    ['headers', { 'x-evil': '1' }],
    ['common', { 'x-evil': '1' }],
    ['x-evil', '1'],
    ['transformRequest', [evil]],
    ['transformResponse', [evil]],
    ['responseType', 'stream'],
    ['signal', AbortSignal.abort()],
    ['cancelToken', { throwIfRequested: evil }],
    ['mayRepeat', false],
    ['refused', 'CANARY-access-1'],
    ['loginUrl', '/evil'],
    ['socketPath', '/nowhere'],
    ['host', '127.0.0.2'],
    ['port', 1],
    ['success', false],
    ['error', 'invalid_token'],
    ['code', 401],
    ['errors', [1]],
    ['content-encoding', 'gzip'],
    ['auth', 'a:b'],
    ['proxy', { host: '127.0.0.1', port: 1 }],
  ])('a polluted Object.prototype.%s changes nothing', async (name, value) => {
    const client = world.client();
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true, enumerable: true });
    let answer: AxiosResponse<unknown>;
    try {
      answer = await client.get('/me');
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
    expect(answer.data).toEqual({ success: true, data: { id: 1 } });
    expect(world.server.requests.map(({ head, body, headers }) => [head, body, headers['x-evil']])).toEqual([
      ['GET /api/v2/me HTTP/1.1', '', undefined],
    ]);
  });
});
