import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { configFor, http11, startServer, type LocalServer } from '../../support/local-server';
import { compiledModules } from '../../support/packed';

/**
 * What only a process of its own can show: its end, its environment, and a prototype polluted for Node's own code, too
 * (in jest that has other prototypes than the tests).
 */
const PRELUDE = `
  const { tokenEndpoint } = require('./dist/provider/token/token-endpoint.js');
  const config = JSON.parse(process.env.CONFIG);
  const grant = { code: 'code', redirectUri: 'http://127.0.0.1/connect/callback' };
  const outcome = (promise) => promise.then((token) => token.access_token, (error) => error.code + ' ' + (error.reason ?? ''));
`;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

async function run(script: string, server: LocalServer, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['-e', `${PRELUDE}(async () => { ${script} })();`], {
    cwd: compiledModules(),
    env: { PATH: process.env.PATH, CONFIG: JSON.stringify(configFor(server.url)), ...env },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { exitCode: child.exitCode, output: output.trim(), errors };
}

let server: LocalServer;
beforeEach(async () => {
  server = await startServer((socket) => socket.write(http11()));
});

test('neither a kept connection nor a timer keeps a process alive', async () => {
  const { exitCode, output } = await run(
    `
    const bad = tokenEndpoint({ ...config, tokenUrl: 'not a URL' });
    console.log(await outcome(tokenEndpoint(config).exchange(grant)), await outcome(bad.exchange(grant)));
    // Itself no reason to live on, this timer sees whether there is another one.
    setTimeout(() => { console.log('kept alive'); }, 1000).unref();
  `,
    server,
  );
  expect(output).toBe('new-access ERR_CONNECT_CONFIG');
  expect(exitCode).toBe(0);
});

test('proxies named in the environment see nothing', async () => {
  const proxy = await startServer((socket) => socket.write(http11()));
  const address = `http://127.0.0.1:${proxy.port}`;
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];
  const env = Object.fromEntries(names.map((name) => [name, address] as const));
  const { output } = await run(
    `
    console.log(await outcome(tokenEndpoint(config).exchange(grant)));
    console.log(await outcome(tokenEndpoint({ ...config, tokenUrl: 'https://127.0.0.1:1/' }).exchange(grant)));
  `,
    server,
    { ...env, NODE_USE_ENV_PROXY: '1' },
  );
  expect(output).toBe('new-access\nERR_CONNECT_UNAVAILABLE unreachable');
  expect(proxy.sockets.length).toBe(0);
});

test('NODE_TLS_REJECT_UNAUTHORIZED=0 makes no certificate good', async () => {
  const secure = await startServer((socket) => socket.write(http11()), true);
  const { output } = await run(
    `
    const https = require('node:https');
    console.log(await outcome(tokenEndpoint(config).exchange(grant)));
    console.log(await outcome(tokenEndpoint({ ...config, agent: new https.Agent() }).exchange(grant)));
    // That the variable does work here is shown by a plain request.
    https.get(config.tokenUrl, { headers: { 'Content-Length': 0 } }, (res) => { console.log(res.statusCode); res.resume(); });
  `,
    secure,
    { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  );
  expect(output).toBe('ERR_CONNECT_UNAVAILABLE unreachable\nERR_CONNECT_UNAVAILABLE unreachable\n200');
  expect(secure.requests.length).toBe(1);
});

test('global defaults and interceptors of axios, and a polluted Object.prototype, change nothing on the wire', async () => {
  const elsewhere = await startServer((socket) => socket.write(http11('{"access_token":"evil"}')));
  // Closes each connection, so that each call makes one.
  const target = await startServer((socket) => socket.end(http11(undefined, '200 OK', 'Connection: close')));
  const { output, errors } = await run(
    `
    const { default: axios } = await import('axios');
    const evil = () => { console.log('evil called'); throw new Error('evil'); };
    const address = ['http://127.0.0.1', ${elsewhere.port}];
    for (const it of [axios, require('axios')]) {
      Object.assign(it.defaults, {
        baseURL: address.join(':'), adapter: evil, transformRequest: [evil], transformResponse: [evil], timeout: 1, params: { evil: 1 },
        auth: { username: 'evil', password: 'evil' }, proxy: { host: '127.0.0.1', port: ${elsewhere.port} }, validateStatus: () => false,
      });
      Object.assign(it.defaults.headers.common, { 'X-Evil': '1', Authorization: 'evil' });
      it.interceptors.request.use(evil);
      it.interceptors.response.use(evil);
    }
    const endpoint = tokenEndpoint(config);
    // timeout is left out: it is the name of an event, and Node itself makes no usable connection then.
    const pollution = {
      adapter: evil, transformRequest: [evil], transformResponse: [evil], baseURL: address.join(':'), url: address.join(':'), method: 'PUT',
      params: { evil: 1 }, data: 'evil', body: 'evil', cancelToken: { throwIfRequested: evil },
      auth: 'evil:evil', proxy: { host: '127.0.0.1', port: ${elsewhere.port} }, headers: { 'X-Evil': '1' }, common: { 'X-Evil': '1' },
      'x-evil': '1', validateStatus: evil, paramsSerializer: evil, beforeRedirect: evil, transport: { request: evil }, response: { data: 1 },
      socketPath: '/nowhere', host: '127.0.0.2', hostname: '127.0.0.2', port: ${elsewhere.port}, defaultPort: ${elsewhere.port}, path: '/evil',
      lookup: evil, createConnection: evil, localAddress: '203.0.113.1', family: 6, agent: false, maxHeaderSize: 1, setHost: false,
      access_token: 'evil', refresh_token: 'evil', error: 'invalid_grant', code: 2036, scope: 'evil', codeVerifier: 'evil',
      stage: 'evil', answer: {}, fault: 'timeout', kind: 'fault', unacceptable: 'encoded', token: {}, 'retry-after': '5', 'content-encoding': 'gzip', clientSecret: 'evil', accessTokenKey: 'evil',
    };
    for (const [name, value] of Object.entries(pollution)) {
      Object.prototype[name] = value;
      const result = await outcome(endpoint.refresh('rt')).finally(() => { delete Object.prototype[name]; });
      console.log(name, result);
    }
  `,
    target,
  );
  expect(errors).toBe('');
  for (const line of output.split('\n')) expect(line.trim()).toMatch(/^[\w-]+ new-access$/);
  expect(output.split('\n').length).toBeGreaterThan(40);
  expect(elsewhere.sockets.length).toBe(0);
  const [first, ...rest] = target.requests;
  for (const request of rest) expect(request).toEqual(first);
  expect(first?.headers).not.toHaveProperty('x-evil');
});

test('what goes wrong after an answer, or after giving up, reaches nobody', async () => {
  const faulty = await startServer((socket, number) => {
    if (number === 1)
      socket.write(http11(), () => {
        setImmediate(() => {
          socket.resetAndDestroy();
        });
      });
    if (number === 2) socket.resetAndDestroy();
    if (number === 3)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n', () => {
        socket.resetAndDestroy();
      });
    if (number === 4)
      socket.write(http11('x', '200 OK', 'Content-Encoding: gzip'), () => {
        socket.resetAndDestroy();
      });
    // Who has given up hangs up.
    if (number === 5)
      socket.once('end', () => {
        socket.resetAndDestroy();
      });
  });
  const { exitCode, output, errors } = await run(
    `
    for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => { console.log(event, error); });
    const [patient, hasty] = [config, { ...config, timeoutMs: 100 }].map(tokenEndpoint);
    for (let call = 1; call <= 5; call += 1) {
      console.log(await outcome((call < 5 ? patient : hasty).exchange(grant)));
      await new Promise((done) => setTimeout(done, 100));
    }
  `,
    faulty,
  );
  expect(output.split('\n').map((line) => line.trim())).toEqual([
    'new-access',
    'ERR_CONNECT_UNAVAILABLE broken',
    'ERR_CONNECT_UNAVAILABLE broken',
    'ERR_CONNECT_RESPONSE encoded',
    'ERR_CONNECT_TIMEOUT',
  ]);
  expect(errors).toBe('');
  expect(exitCode).toBe(0);
});
