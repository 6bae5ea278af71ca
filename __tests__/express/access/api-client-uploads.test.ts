import { once } from 'node:events';
import http from 'node:http';
import express, { type Application } from 'express';
import { connectErrorHandler, type ConnectError } from '../../../src';
import type { ApiClientConfig } from '../../../src/access/api-client';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';
import { serve } from '../../support/serve';

jest.setTimeout(20_000);

let world: ApiWorld;
let site: Application;
let url: string;
let changes: Partial<ApiClientConfig>;

beforeEach(async () => {
  changes = {};
  world = await apiWorld((socket) => {
    socket.write(ok());
  });
  site = express();
  site.post('/read-before', (req, _res, next) => {
    req.resume().once('end', () => {
      next();
    });
  });
  site.post('/looked-into', (req, _res, next) => {
    // Stays there, as one that waits for more does.
    req.on('readable', () => undefined);
    next();
  });
  site.post('/broken-off-before', (req, _res, next) => {
    req.once('close', () => {
      next();
    });
    site.emit('reached');
  });
  // The app hands the visitor's upload to the API as it comes.
  site.post(/./, (req, res, next) => {
    const call = world.clientWith(changes).post('/me', req, { headers: { 'Content-Type': 'text/plain' } });
    call.then(
      () => void res.json({ kept: true }),
      (error: unknown) => {
        site.emit('refused', error);
        next(error);
      },
    );
    site.emit('passed on', req);
  });
  site.use(connectErrorHandler());
  ({ url } = await serve(http.createServer(site)));
});

/** A visitor who has begun an upload and reads what is answered, whether or not the upload is over. */
function upload(path = '/upload'): {
  readonly request: http.ClientRequest;
  readonly answer: Promise<readonly [number | undefined, string]>;
} {
  const request = http.request(url + path, { method: 'POST', headers: { Accept: 'application/json' } });
  const answer = new Promise<readonly [number | undefined, string]>((resolve, reject) => {
    request.on('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.once('end', () => {
        resolve([response.statusCode, text]);
      });
    });
  });
  return { request, answer };
}

test("a visitor's upload is passed on", async () => {
  const { request, answer } = upload();
  request.write('first ');
  request.end('second');
  expect(await answer).toEqual([200, '{"kept":true}']);
  expect(world.server.requests.map(({ body }) => body)).toEqual(['first second']);
});

test('an upload over 10 MiB is refused, and the visitor, who may send it to its end, reads so on a connection that lives', async () => {
  const { request, answer } = upload();
  // At once: a request whose answer has come says no more when it has room again.
  request.end(Buffer.alloc(14 * 1024 * 1024, 'a'));
  const [passedOn] = (await once(site, 'passed on')) as [http.IncomingMessage];
  const ended = once(passedOn, 'end');
  const [status, text] = await answer;
  expect([status, JSON.parse(text)]).toMatchObject([500, { code: 'ERR_CONNECT_CONFIG' }]);
  await ended;
  expect(world.server.requests.length).toBe(0);
});

test('an answer that the app has got itself and hands on is closed when it is over 10 MiB', async () => {
  const source = http.createServer((_req, res) => {
    const more = (): void => {
      while (res.write(Buffer.alloc(65_536)) && !res.destroyed);
    };
    res.on('drain', more);
    more();
  });
  const [answer] = (await once(http.get((await serve(source)).url), 'response')) as [http.IncomingMessage];
  await expect(world.client().post('/me', answer)).rejects.toMatchObject({
    code: 'ERR_CONNECT_CONFIG',
    reason: 'body',
  });
  expect(answer.destroyed).toBe(true);
});

test('an upload into which a middleware has looked is passed on whole', async () => {
  const { request, answer } = upload('/looked-into');
  request.end('all of it');
  expect(await answer).toEqual([200, '{"kept":true}']);
  expect(world.server.requests.map(({ body }) => body)).toEqual(['all of it']);
});

test('an upload that stops half-way is answered', async () => {
  changes = { timeoutMs: 200 };
  const { request, answer } = upload();
  request.write('the first half');
  const [status, text] = await answer;
  expect([status, JSON.parse(text)]).toMatchObject([500, { code: 'ERR_CONNECT_CONFIG' }]);
});

test('an upload that the visitor breaks off ends the call, and nothing is sent', async () => {
  const { request, answer } = upload();
  request.write('the first half');
  await once(site, 'passed on');
  const refused = once(site, 'refused');
  request.destroy();
  await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  const [error] = (await refused) as [ConnectError];
  expect(error).toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'body', stage: 'api' });
  expect(world.server.requests.length).toBe(0);
});

test.each(['read', 'broken off'])('an upload that was %s before the call is no body', async (fate) => {
  const { request, answer } = upload(`/${fate.replace(' ', '-')}-before`);
  const heard = answer.then(
    ([status]) => status,
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  const refused = once(site, 'refused');
  request.write('all of it');
  if (fate === 'read') request.end();
  else await once(site, 'reached').then(() => request.destroy());
  const [error] = (await refused) as [ConnectError];
  expect(error).toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'body', stage: 'api' });
  expect(await heard).toEqual(fate === 'read' ? 500 : 'ECONNRESET');
  expect(world.server.requests.length).toBe(0);
});
