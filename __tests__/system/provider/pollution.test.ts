import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { configFor, http11, startServer, type LocalServer } from '../../support/local-server';
import { compiledModules } from '../../support/packed';
import { OPTIONS } from '../docs/names';

/**
 * An `Object.prototype` that some other package lets strangers write to. In a process of its own, so that Node's code
 * meets it as well; names by which streams and events of Node break on their own are left out (`signal`, `read`, `timeout`). What is compared: the options as read, an error and its headers, and requests as they arrive.
 */
const NAMES: readonly string[] = [
  ...OPTIONS,
  ...['loginUrl', 'ownPaths', 'reason', 'status', 'headers', 'provider', 'retryAfterSeconds', 'detailByReason'],
  ...['onMissing', 'render', 'details', 'default', 'presence', 'httpStatus', 'refresh', 'withToken', 'mayRepeat'],
  ...['port', 'host', 'hostname', 'path', 'protocol', 'auth', 'socketPath', 'lookup', 'family', 'localAddress'],
  ...['createConnection', 'defaultPort', 'setHost', 'setDefaultHeaders', 'insecureHTTPParser', 'maxHeaderSize'],
  ...['_defaultAgent', 'servername', 'checkServerIdentity', 'rejectUnauthorized', 'ca', 'secureContext'],
  ...['session', 'socket', 'onread', 'proxyEnv', 'noDelay', 'keepAlive'],
  ...['access_token', 'refresh_token', 'error', 'code', 'success', 'unacceptable', 'repeated', 'X-Evil', 'x-evil'],
];

const SCRIPT = `
  const { readOptions } = require('./dist/options/read.js');
  const { ConnectError } = require('./dist/errors/connect-error.js');
  const { tokenEndpoint } = require('./dist/provider/token/token-endpoint.js');
  const { apiClients } = require('./dist/access/api-client.js');
  const [config, names, elsewhere] = JSON.parse(process.env.GIVEN);
  const sound = { clientId: 'id', clientSecret: 'secret', redirectUri: 'https://site.example/connect/callback' };
  const grant = { code: 'code', redirectUri: sound.redirectUri };
  const outcome = (promise) => promise.then((token) => JSON.stringify(token), (error) => error.code + ' ' + error.reason);
  const settings = { apiBaseUrl: config.tokenUrl, timeoutMs: 5000, maxApiAnswerBytes: 1000 };
  const token = { access_token: 'at', type: 'bearer' };
  const seen = async () => {
    const error = new ConnectError('ERR_CONNECT_STATE', { stage: 'callback' });
    const headers = [];
    for (const name in error.headers) headers.push(name + ': ' + error.headers[name]);
    let options;
    try {
      const read = readOptions(sound);
      // As the parts of the package read it: each copies what it needs.
      const { ...copy } = read;
      options = JSON.stringify(Object.fromEntries(Object.keys(read).sort().map((name) => [name, copy[name] ?? null])));
    } catch (refusal) { options = 'refused'; }
    return [
      options, [error.status, error.detail, error.reason, error.loginUrl, error.retryAfterSeconds, ...headers].join('; '),
      await outcome(tokenEndpoint(config).exchange(grant)),
      // Without a port in its URL, where nobody listens.
      await outcome(tokenEndpoint({ ...config, tokenUrl: 'http://127.0.0.2/token', timeoutMs: 1000 }).exchange(grant)),
      await outcome(apiClients(settings)(async () => token).get('/me').then(({ data }) => data)),
    ];
  };
  (async () => {
    const clean = await seen();
    console.log(JSON.stringify({ clean }));
    const values = ['evil', elsewhere, { 'X-Evil': '1', status: 200 }, false, () => 'evil'];
    for (const name of names) for (const value of values) {
      Object.prototype[name] = value;
      const found = await seen().finally(() => { delete Object.prototype[name]; });
      // A refusal at start-up is loud, and nothing of a stranger's is used.
      const changed = found.filter((text, index) => text !== clean[index] && text !== 'refused');
      if (changed.length > 0) console.log(JSON.stringify([name, String(value), changed]));
    }
  })();
`;

let target: LocalServer;
let elsewhere: LocalServer;
beforeEach(async () => {
  target = await startServer((socket) => socket.end(http11(undefined, '200 OK', 'Connection: close')));
  elsewhere = await startServer((socket) => socket.end(http11('{"access_token":"evil"}')));
});
afterEach(async () => {
  await target.close();
  await elsewhere.close();
});

test('no name on a polluted Object.prototype changes what is read, thrown or sent', async () => {
  const given = [{ ...configFor(target.url), refreshTimeoutMs: 5000 }, NAMES, elsewhere.port];
  const child = spawn(process.execPath, ['-e', SCRIPT], {
    cwd: compiledModules(),
    env: { PATH: process.env.PATH, GIVEN: JSON.stringify(given) },
  });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  const [clean = '', ...changes] = output.trim().split('\n');
  expect(errors).toBe('');
  expect(clean).toContain('new-access');
  expect(changes).toEqual([]);
  expect(elsewhere.sockets.length).toBe(0);
  expect(new Set(target.requests.map(({ head, headers, body }) => JSON.stringify([head, headers, body]))).size).toBe(2);
});
