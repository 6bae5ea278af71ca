import type * as net from 'node:net';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ConnectError } from '../../../src/errors/connect-error';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { nodeTransport } from '../../../src/provider/http/transport';
import { givenDeadline } from '../../support/deadline';
import { configFor, http11, startServer, TOKEN_JSON, type LocalServer, grantOf } from '../../support/local-server';
import { turns } from '../../support/turns';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
/** Far more than socket buffers take up by themselves, far less than what is offered. */
const FLAT_BYTES = 16 * 1024 * 1024;

const BOMB = gzipSync(Buffer.alloc(50_000_000));

const deadline = givenDeadline();
let elsewhere: LocalServer;
beforeAll(async () => {
  elsewhere = await startServer((socket) => socket.write(http11()));
});

function pour(socket: net.Socket, bytes = Infinity): void {
  const chunk = Buffer.alloc(65_536, 'x');
  let left = bytes;
  function more(): void {
    while (left > 0 && !socket.destroyed) {
      left -= chunk.byteLength;
      if (!socket.write(chunk)) return;
    }
  }
  socket.on('drain', more);
  more();
}

/** A byte in each turn of the event loop. */
function drip(socket: net.Socket, text: string, next = 0): void {
  if (socket.destroyed) return;
  socket.write(text.charAt(next % text.length));
  setImmediate(drip, socket, text, next + 1);
}

const redirects = [
  '301 Moved Permanently',
  '302 Found',
  '303 See Other',
  '307 Temporary Redirect',
  '308 Permanent Redirect',
].map(
  (status) =>
    [
      status,
      (socket: net.Socket) => {
        socket.write(http11(TOKEN_JSON, status, `Location: ${elsewhere.url}`));
      },
      502,
      'ERR_CONNECT_RESPONSE',
      'redirect',
      'kept',
    ] as const,
);

type Fault = readonly [
  string,
  (socket: net.Socket) => void,
  number,
  ConnectError['code'],
  string | undefined,
  'kept' | 'closed',
];
const FAULTS: readonly Fault[] = [
  ...redirects,
  [
    'gzip bomb',
    (s) => {
      s.write(http11(BOMB, '200 OK', 'Content-Encoding: gzip'));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'encoded',
    'closed',
  ],
  [
    'corrupt gzip',
    (s) => {
      s.write(http11('\x1f\x8bnonsense', '200 OK', 'Content-Encoding: gzip'));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'encoded',
    'closed',
  ],
  [
    'gzip announced as a list',
    (s) => {
      s.write(http11(TOKEN_JSON, '200 OK', 'Content-Encoding: identity, gzip'));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'encoded',
    'closed',
  ],
  [
    'compressed 503',
    (s) => {
      s.write(http11(gzipSync('<html>'), '503 Busy', 'Content-Encoding: gzip'));
    },
    503,
    'ERR_CONNECT_UNAVAILABLE',
    undefined,
    'closed',
  ],
  [
    '50 MB',
    (s) => {
      s.write(`${HEAD}Content-Length: 50000000\r\n\r\n`);
      pour(s, 50_000_000);
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'too_large',
    'closed',
  ],
  [
    'endless body',
    (s) => {
      s.write(`${HEAD}\r\n`);
      pour(s);
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'too_large',
    'closed',
  ],
  [
    'endless chunks',
    (s) => {
      s.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n`);
      pour(s);
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'too_large',
    'closed',
  ],
  [
    'one byte over the cap',
    (s) => {
      s.write(http11(' '.repeat(65_537 - TOKEN_JSON.length) + TOKEN_JSON));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'too_large',
    'closed',
  ],
  [
    'endless headers',
    (s) => {
      s.write('HTTP/1.1 200 OK\r\nX: ');
      pour(s);
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'large 500',
    (s) => {
      s.write('HTTP/1.1 500 Oops\r\n\r\n');
      pour(s);
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    undefined,
    'closed',
  ],
  [
    'dripped body',
    (s) => {
      s.write(`${HEAD}Content-Length: 5000\r\n\r\n`);
      drip(s, TOKEN_JSON);
    },
    504,
    'ERR_CONNECT_TIMEOUT',
    undefined,
    'closed',
  ],
  [
    'dripped headers',
    (s) => {
      drip(s, `${HEAD}X-Slow: yes\r\n`);
    },
    504,
    'ERR_CONNECT_TIMEOUT',
    undefined,
    'closed',
  ],
  [
    'no HTTP after 100 Continue',
    (s) => {
      s.write('HTTP/1.1 100 Continue\r\n\r\n220 mail.example ESMTP\r\n');
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  ['silence', () => undefined, 504, 'ERR_CONNECT_TIMEOUT', undefined, 'closed'],
  [
    'silence after the headers',
    (s) => {
      s.write(`${HEAD}Content-Length: 5\r\n\r\n`);
    },
    504,
    'ERR_CONNECT_TIMEOUT',
    undefined,
    'closed',
  ],
  [
    'silence after the token',
    (s) => {
      s.write(`${HEAD}Content-Length: 500\r\n\r\n${TOKEN_JSON}`);
    },
    504,
    'ERR_CONNECT_TIMEOUT',
    undefined,
    'closed',
  ],
  [
    'reset',
    (s) => {
      s.resetAndDestroy();
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'close without an answer',
    (s) => {
      s.end();
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'close in the middle',
    (s) => {
      s.end(`${HEAD}Content-Length: 500\r\n\r\n${TOKEN_JSON}`);
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'reset in the middle',
    (s) => {
      s.write(`${HEAD}Content-Length: 500\r\n\r\n${TOKEN_JSON}`, () => {
        s.resetAndDestroy();
      });
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'no HTTP at all',
    (s) => {
      s.end('220 mail.example ESMTP\r\n');
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'switching protocols',
    (s) => {
      s.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'HTML',
    (s) => {
      s.write(http11('<!doctype html><title>Welcome</title>', '200 OK', 'Content-Type: text/html'));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'no_token',
    'kept',
  ],
  [
    'HTML 503',
    (s) => {
      s.write(http11('<h1>Down</h1>', '503 Service Unavailable', 'Retry-After: 5'));
    },
    503,
    'ERR_CONNECT_UNAVAILABLE',
    undefined,
    'kept',
  ],
  [
    'truncated JSON',
    (s) => {
      s.write(http11(TOKEN_JSON.slice(0, -1)));
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'no_token',
    'kept',
  ],
  [
    'surplus bytes',
    (s) => {
      s.write(Buffer.concat([http11(), Buffer.from('surplus')]));
    },
    502,
    'ERR_CONNECT_UNAVAILABLE',
    'broken',
    'closed',
  ],
  [
    'no content',
    (s) => {
      s.write('HTTP/1.1 204 No Content\r\n\r\n');
    },
    502,
    'ERR_CONNECT_RESPONSE',
    'http_status',
    'kept',
  ],
];

describe.each(['exchange', 'refresh'] as const)('at the %s', (stage) => {
  test.each(FAULTS)(
    '%s is answered in time, after one request, and leaves nothing behind',
    async (_fault, respond, status, code, reason, socketFate) => {
      const server = await startServer((socket) => {
        // The deadline of the whole call: one that began anew with the answer's first bytes would not be ended.
        const pass = deadline.pick();
        respond(socket);
        if (code === 'ERR_CONNECT_TIMEOUT') void turns(20).then(pass);
      });
      const endpoint = tokenEndpoint(configFor(server.url, { timeoutMs: deadline.ms }));
      const made =
        stage === 'exchange' ? endpoint.exchange(grantOf('CANARY-presented')) : endpoint.refresh('CANARY-presented');
      const error: unknown = await made.catch((reason: unknown) => reason);

      expect(error).toMatchObject({ name: 'ConnectError', code, status, stage });
      expect((error as ConnectError).reason).toBe(reason);
      expect(server.requests.length).toBe(1);
      expect(elsewhere.sockets.length).toBe(0);
      expect(error).not.toHaveProperty('cause');
      expect(inspect(error, { showHidden: true, depth: Infinity })).not.toMatch(
        /CANARY|127\.0\.0\.1|access_token|new-access/,
      );
      if (socketFate === 'closed') await server.allClosed();
      expect(server.sockets[0]!.bytesWritten).toBeLessThan(FLAT_BYTES);
    },
  );
});

test('an answer of exactly the cap is read', async () => {
  const server = await startServer((socket) =>
    socket.write(http11(' '.repeat(65_536 - TOKEN_JSON.length) + TOKEN_JSON)),
  );
  await expect(tokenEndpoint(configFor(server.url)).exchange(grantOf('code'))).resolves.toMatchObject({
    access_token: 'new-access',
  });
});

test.each([
  ['identity', 'Content-Encoding: identity'],
  ['nothing', 'Content-Encoding:'],
  ['upper case', 'Content-Encoding: IDENTITY'],
])('content-encoding that says %s is no encoding', async (_what, header) => {
  const server = await startServer((socket) => socket.write(http11(TOKEN_JSON, '200 OK', header)));
  await expect(tokenEndpoint(configFor(server.url)).exchange(grantOf('code'))).resolves.toMatchObject({
    access_token: 'new-access',
  });
});

test.each([
  [
    'chunks',
    `${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${TOKEN_JSON.length.toString(16)}\r\n${TOKEN_JSON}\r\n0\r\n\r\n`,
  ],
  ['an end by closing', `HTTP/1.0 200 OK\r\n\r\n${TOKEN_JSON}`],
  ['a hint before it', `HTTP/1.1 103 Early Hints\r\n\r\n${http11().toString()}`],
])('an answer with %s is read whole', async (_how, text) => {
  const server = await startServer((socket) => socket.end(text));
  await expect(tokenEndpoint(configFor(server.url)).exchange(grantOf('code'))).resolves.toMatchObject({
    access_token: 'new-access',
  });
});

test('a server that is not there is unreachable', async () => {
  const server = await startServer(() => undefined);
  await server.close();
  await expect(tokenEndpoint(configFor(server.url)).exchange(grantOf('code'))).rejects.toMatchObject({
    code: 'ERR_CONNECT_UNAVAILABLE',
    status: 502,
    reason: 'unreachable',
    stage: 'exchange',
  });
});

test('a request whose signal has ended before is not sent', async () => {
  const server = await startServer((socket) => socket.write(http11()));
  const send = nodeTransport({ timeoutMs: 3000 });
  const request = { url: server.url, method: 'GET', headers: {}, body: undefined, mayRepeat: false };
  expect(await send({ ...request, signal: AbortSignal.abort() })).toEqual({ kind: 'fault', fault: 'aborted' });
  expect(server.sockets.length).toBe(0);
  expect(await send({ ...request, signal: new AbortController().signal })).toMatchObject({
    kind: 'answer',
    answer: { status: 200 },
  });
});

test('a name that does not exist is unreachable', async () => {
  await expect(
    tokenEndpoint(configFor('http://nowhere.invalid/token')).exchange(grantOf('code')),
  ).rejects.toMatchObject({
    code: 'ERR_CONNECT_UNAVAILABLE',
    reason: 'unreachable',
  });
});
