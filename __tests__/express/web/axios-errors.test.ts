import http from 'node:http';
import { inspect } from 'node:util';
import axios from 'axios';
import express, { type ErrorRequestHandler } from 'express';
import { connectErrorHandler, type ConnectError, type ConnectErrorHandlerOptions } from '../../../src';
import { browser } from '../../support/app';
import { apiWorld, type ApiWorld } from '../../support/api-world';
import { cleanup } from '../../support/cleanup';
import { http11 } from '../../support/local-server';
import { serve } from '../../support/serve';

const TOKEN = 'accesstokenCANARY7f31';
const SECRET_PATH = 'pathCANARY9b02';
const ANSWERED = 'bodyCANARY4c77';

let world: ApiWorld;
let answer: Buffer;
beforeEach(async () => {
  world = await apiWorld((socket) => socket.write(answer));
});

const refusal = (status: string, body: object, ...headers: readonly string[]): Buffer =>
  http11(
    JSON.stringify({ ...body, note: ANSWERED }),
    status,
    'Content-Type: application/json',
    `X-Note: ${ANSWERED}`,
    ...headers,
  );

/** An app that calls the API by axios itself. `/call` lets the error of axios out. */
async function appWith(
  options: ConnectErrorHandlerOptions,
  last: ErrorRequestHandler,
  base = world.base,
): Promise<string> {
  const app = express();
  app.get('/call', (_req, _res, next) => {
    axios
      .post(`${base}/${SECRET_PATH}`, { secret: TOKEN }, { headers: { Authorization: `Bearer ${TOKEN}` } })
      .then(() => next(), next);
  });
  app.use(connectErrorHandler(options), last);
  return (await serve(http.createServer(app as unknown as http.RequestListener))).url;
}

const notReached: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(599).send('passed on');
};

test.each([
  ['401 No', {}, 401, 'ERR_CONNECT_EXPIRED'],
  ['400 Bad', { error: { code: 2039 } }, 409, 'ERR_CONNECT_ACCOUNT'],
  ['400 Bad', { code: 2036 }, 500, 'ERR_CONNECT_CONFIG'],
  ['500 Oh', {}, 502, 'ERR_CONNECT_UNAVAILABLE'],
  ['404 No', {}, 404, 'ERR_CONNECT_API'],
])('an error of axios with the answer %s %j becomes %i %s', async (status, body, expected, code) => {
  answer = refusal(status, body);
  const url = await appWith({}, notReached);
  const got = await browser().visit(`${url}/call`, { accept: 'application/json' });
  const problem = JSON.parse(got.body) as Record<string, unknown>;
  expect({ status: got.status, code: problem['code'], type: got.headers['content-type'] }).toEqual({
    status: expected,
    code,
    type: 'application/problem+json',
  });
});

test('Retry-After is passed on, and statusByApiCode and loginUrl count', async () => {
  answer = refusal('429 Slow', {}, 'Retry-After: 7');
  const url = await appWith({ statusByApiCode: { 429: 529 }, loginUrl: '/in' }, notReached);
  const limited = await browser().visit(`${url}/call`, {});
  expect([limited.status, limited.headers['retry-after']]).toEqual([529, '7']);
  answer = refusal('401 No', {});
  const page = await browser().visit(`${url}/call`, { accept: 'text/html' });
  expect(page.status).toBe(401);
  expect(page.body).toContain('<a href="/in">Start again</a>');
});

test('an error of axios without an answer, and what only looks like one, is passed on', async () => {
  const unreachable = await serve(http.createServer());
  await unreachable.close();
  const url = await appWith({}, notReached, unreachable.url);
  expect((await browser().visit(`${url}/call`, {})).body).toBe('passed on');

  const app = express();
  const odd: readonly unknown[] = [
    { isAxiosError: true, response: 'text' },
    Object.assign(new Error('mine'), { response: { status: 500 } }),
    Object.defineProperty(new Error('mine'), 'isAxiosError', {
      get: () => {
        throw new Error('getter');
      },
    }),
    { isAxiosError: true },
    undefined,
  ];
  app.get('/odd/:index', (req, _res, next) => next(odd[Number(req.params.index)] ?? 'nothing'));
  app.use(connectErrorHandler(), notReached);
  const served = await serve(http.createServer(app as unknown as http.RequestListener));
  for (let index = 0; index < odd.length; index += 1) {
    expect((await browser().visit(`${served.url}/odd/${index}`, {})).body).toBe('passed on');
  }
});

test('nothing of the call and nothing of the answer is shown: page, problem, error and what it prints', async () => {
  const seen: ConnectError[] = [];
  const printed: string[] = [];
  const spies = (['log', 'error', 'warn', 'info', 'debug'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation((...args) => void printed.push(inspect(args))),
  );
  cleanup(() => spies.forEach((spy) => spy.mockRestore()));
  answer = refusal('403 No', { error: ANSWERED, message: ANSWERED }, `WWW-Authenticate: Bearer realm="${ANSWERED}"`);
  const standard = await appWith({}, notReached);
  const own = await appWith(
    { render: (error, _req, res) => (seen.push(error), void res.end(inspect(error, { showHidden: true, depth: 20 }))) },
    notReached,
  );
  const shown: string[] = [];
  for (const url of [standard, own]) {
    for (const accept of ['text/html', 'application/json']) {
      const got = await browser().visit(`${url}/call`, { accept });
      expect(got.status).toBe(403);
      shown.push(got.body, JSON.stringify(got.headers));
    }
  }
  expect(seen).toHaveLength(2);
  const dumps = seen.map((error) => [
    error.message,
    error.stack,
    JSON.stringify(error),
    inspect(error, { showHidden: true, depth: 20 }),
  ]);
  const all = [shown, printed, dumps].flat(2).join('\n');
  for (const secret of [TOKEN, SECRET_PATH, ANSWERED, String(world.server.port)]) expect(all).not.toContain(secret);
  expect(seen.map((error) => [error.cause, error.code])).toEqual(Array(2).fill([undefined, 'ERR_CONNECT_FORBIDDEN']));
});
