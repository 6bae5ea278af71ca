import type { Request } from 'express';
import { connectErrorFrom, type ConnectAuth, type ConnectError } from '../../../src';
import { apiWorld, json, ok, type ApiWorld } from '../../support/api-world';
import { cleanup } from '../../support/cleanup';
import { startServer } from '../../support/local-server';
import { runRecipe } from './recipe';

type FetchAs = (connect: ConnectAuth, req: Request, path: string) => Promise<unknown>;

let world: ApiWorld;
let answers: Buffer[];
beforeEach(async () => {
  answers = [];
  world = await apiWorld((socket) => socket.write(answers.shift() ?? ok()));
});

/** The recipe as it is printed, with the API of this test. */
function recipe(): FetchAs {
  const { fetchAs } = runRecipe('function fetchAs', {
    modules: { 'express-connect-auth': { connectErrorFrom } },
    globals: { process: { env: { CONNECT_API_BASE_URL: world.base } } },
  }) as { readonly fetchAs: FetchAs };
  return fetchAs;
}

/** A visitor whose refused token is renewed once. */
const asked: (string | undefined)[] = [];
const connect = {
  getToken: (_req: Request, ask?: { refused?: string }) => {
    asked.push(ask?.refused);
    return Promise.resolve({ access_token: ask?.refused === undefined ? 'first' : 'second', type: 'bearer' });
  },
} as unknown as ConnectAuth;
const req = {} as never;
cleanup(() => void asked.splice(0));

const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no failure',
    (error: unknown) => error,
  );

test('it gives the body of a success, and asks for another token once after 401', async () => {
  expect(await recipe()(connect, req, '/me')).toEqual({ success: true, data: { id: 1 } });
  answers = [json('401 No', { error: { code: 401 } })];
  expect(await recipe()(connect, req, '/me?a=1')).toEqual({ success: true, data: { id: 1 } });
  expect(world.bearers()).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
  expect(world.server.requests.map(({ head }) => head.split(' ')[1])).toEqual([
    '/api/v2/me',
    '/api/v2/me?a=1',
    '/api/v2/me?a=1',
  ]);
});

test.each([
  ['a code inside 200', json('200 OK', { error: { code: 2039 } }), 409, 'ERR_CONNECT_ACCOUNT'],
  ['a limit', json('429 Slow', {}, 'Retry-After: 7'), 429, 'ERR_CONNECT_RATE_LIMITED'],
  ['maintenance', json('503 Busy', {}), 503, 'ERR_CONNECT_UNAVAILABLE'],
])('%s is thrown as client(req) would throw it', async (_what, answer, status, code) => {
  answers = [answer];
  const theirs = await failure(recipe()(connect, req, '/me'));
  answers = [answer];
  const ours = (await failure(world.client().get('/me'))) as ConnectError;
  expect(theirs).toMatchObject({ status, code, provider: { ...ours.provider } });
  expect(ours).toMatchObject({ status, code });
});

test('a token that is refused again is told once, and does not go round', async () => {
  answers = [json('401 No', {}), json('401 No', {})];
  expect(await failure(recipe()(connect, req, '/me'))).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED' });
  expect(world.server.requests.length).toBe(2);
});

test('no path, and no redirect, takes the token anywhere else than below apiBaseUrl', async () => {
  const elsewhere = await startServer((socket) => socket.write(ok()));
  const { port } = elsewhere;
  const { port: here } = world.server;
  const paths = [
    `http://127.0.0.1:${port}/me`,
    `//127.0.0.1:${port}/me`,
    `\\\\127.0.0.1:${port}\\me`,
    `/../../elsewhere`,
    '/..%2f..%2felsewhere/../../../x',
    `@127.0.0.1:${port}/me`,
    `.evil.example:${port}/me`,
    `http://127.0.0.1:${here}/api/v2x/me`,
    `http://127.0.0.1:${here}/other`,
    `/\t/127.0.0.1:${port}/me`,
    'data:text/plain,x',
    `http://me:pw@127.0.0.1:${here}/api/v2/me`,
  ];
  for (const path of paths) await failure(recipe()(connect, req, path));
  const targets = world.server.requests.map(({ head }) => head.split(' ')[1]);
  expect(targets.filter((target) => !target?.startsWith('/api/v2/'))).toEqual([]);

  answers = [json('307 There', {}, `Location: http://127.0.0.1:${port}/me`)];
  expect(await failure(recipe()(connect, req, '/me'))).toMatchObject({
    code: 'ERR_CONNECT_RESPONSE',
    reason: 'redirect',
  });
  expect(elsewhere.requests).toEqual([]);
});
