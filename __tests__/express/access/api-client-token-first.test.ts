import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import { Readable } from 'node:stream';
import axios from 'axios';
import type { RequestHandler } from 'express';
import { apiClients, type ConnectClient } from '../../../src/access/api-client';
import { ConnectError } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import type { ConnectToken } from '../../../src/token';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';
import { withApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

/** Whoever has no token costs no memory: a body is not read before there is something to sign the call with. */

const MIB = 1024 * 1024;

describe('a visitor who is not connected', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await startSandbox();
  });

  /** The recipe: an upload is handed on as it comes. Tells how much of it had been read when the call failed. */
  async function upload(path: string, check: (status: number | undefined, readBytes: number) => void): Promise<void> {
    let readBytes = -1;
    const routes = (app: { post: (path: string, handler: RequestHandler) => unknown }, client: Client): void => {
      app.post('/files', (req, res, next) => {
        client(req)
          .post('/files', req, { headers: { 'Content-Type': 'application/octet-stream' } })
          .then(
            () => void res.end('kept'),
            (error: unknown) => {
              readBytes = req.socket.bytesRead;
              next(error);
            },
          );
      });
    };
    await withApp(sandbox, { routes: (app, connect) => routes(app, connect.client) }, async ({ url }) => {
      const request = http.request(`${url}${path}`, { method: 'POST', agent: false });
      try {
        request.on('error', () => undefined);
        // Never ended: nobody could answer who waits for all of it.
        request.write(Buffer.alloc(9 * MIB, 'x'));
        const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
        check(answer.statusCode, readBytes);
      } finally {
        request.destroy();
      }
    });
  }
  type Client = (req: Parameters<RequestHandler>[0]) => ConnectClient;

  test('is refused at once when uploading, and the upload has not been read', async () => {
    await upload('/files', (status, readBytes) => {
      expect(status).toBe(401);
      expect(readBytes).toBeLessThan(MIB);
    });
  });
});

describe('while the token is awaited', () => {
  let world: ApiWorld;
  let give: (token: ConnectToken) => void;
  let deny: (error: Error) => void;
  let client: ConnectClient;
  beforeEach(async () => {
    world = await apiWorld((socket) => socket.write(ok()));
    const token = new Promise<ConnectToken>((resolve, reject) => {
      give = resolve;
      deny = reject;
    });
    // Whether or not a call waits for it.
    token.catch(() => undefined);
    const config = { apiBaseUrl: world.base, timeoutMs: 3000, maxApiAnswerBytes: MIB };
    client = apiClients(config, () => token)({} as never);
  });

  const TOKEN: ConnectToken = { access_token: 'CANARY-access', type: 'bearer' };
  const REFUSED_BODY = { code: 'ERR_CONNECT_CONFIG', reason: 'body' };
  const denied = (): ConnectError => new ConnectError('ERR_CONNECT_REQUIRED');
  const soon = (): Promise<void> => new Promise(setImmediate);

  /** Bodies that tell whether they have been read. */
  const BODIES: readonly (readonly [string, (onRead: () => void) => unknown])[] = [
    [
      'a stream of Node',
      (onRead) =>
        new Readable({
          read() {
            onRead();
            this.push('bytes');
            this.push(null);
          },
        }),
    ],
    [
      'a stream of the web',
      (onRead) =>
        new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              onRead();
              controller.enqueue(Buffer.from('bytes'));
              controller.close();
            },
          },
          { highWaterMark: 0 },
        ),
    ],
    [
      'an iterable stream of another make',
      (onRead) => ({
        pipe: () => undefined,
        async *[Symbol.asyncIterator]() {
          await soon();
          onRead();
          yield 'bytes';
        },
      }),
    ],
    [
      'a Blob',
      (onRead) => {
        const blob = new Blob(['bytes']);
        const read = blob.arrayBuffer.bind(blob);
        return Object.assign(blob, {
          arrayBuffer: () => {
            onRead();
            return read();
          },
        });
      },
    ],
  ];

  test.each(BODIES)('%s is not read; then it is sent whole', async (_what, make) => {
    let reads = 0;
    const call = client.post(
      '/me',
      make(() => (reads += 1)),
    );
    for (let turn = 0; turn < 5; turn += 1) await soon();
    expect(reads).toBe(0);
    give(TOKEN);
    await call;
    expect({ reads, bodies: world.server.requests.map(({ body }) => body) }).toEqual({ reads: 1, bodies: ['bytes'] });
  });

  test.each(BODIES)('%s is not read when there is no token', async (_what, make) => {
    let reads = 0;
    const call = client
      .post(
        '/me',
        make(() => (reads += 1)),
      )
      .catch((error: unknown) => error);
    deny(denied());
    expect(await call).toMatchObject({ code: 'ERR_CONNECT_REQUIRED', status: 401 });
    await soon();
    expect({ reads, requests: world.server.requests.length }).toEqual({ reads: 0, requests: 0 });
  });

  test('a stream is closed when there is no token, or the call is cancelled', async () => {
    const [unsigned, cancelled] = [new Readable({ read: () => undefined }), new Readable({ read: () => undefined })];
    const caller = new AbortController();
    const first = client.post('/me', unsigned).catch((error: unknown) => error);
    const second = client.post('/me', cancelled, { signal: caller.signal }).catch((error: unknown) => error);
    await soon();
    caller.abort();
    expect(axios.isCancel(await second)).toBe(true);
    deny(denied());
    await first;
    expect({ unsignedDestroyed: unsigned.destroyed, cancelledDestroyed: cancelled.destroyed }).toEqual({
      unsignedDestroyed: true,
      cancelledDestroyed: true,
    });
  });

  test('a stream of the web is cancelled at its source when there is no token', async () => {
    let cancelled = false;
    const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
    const call = client.post('/me', stream).catch((error: unknown) => error);
    deny(denied());
    await call;
    expect(cancelled).toBe(true);
  });

  test('a stream that fails ends the call, not the process', async () => {
    const missing = createReadStream('/nowhere/at/all');
    const call = client.post('/me', missing).catch((error: unknown) => error);
    // Not events.once(): that rejects on the 'error' before.
    await new Promise<void>((done) => missing.on('close', done));
    give(TOKEN);
    expect(await call).toMatchObject(REFUSED_BODY);
    expect(world.server.requests.length).toBe(0);
  });

  test('a stream that fails after the call has been refused harms nobody', async () => {
    const stream = new Readable({ read: () => undefined });
    const call = client.post('/me', stream).catch((error: unknown) => error);
    stream.destroy(new Error('late'));
    deny(denied());
    expect(await call).toMatchObject({ code: 'ERR_CONNECT_REQUIRED' });
  });
});
