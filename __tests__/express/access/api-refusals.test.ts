import type http from 'node:http';
import type { Sandbox } from '../../../src/testing';
import { http11, startServer } from '../../support/local-server';
import { connectedWorld, givenRotation, tokenIn, verdict, type Time, type World } from '../../support/refreshing';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

/** An API that refuses every token with these words. */
async function refusedBy(
  status: string,
  body: string,
  ...headers: readonly string[]
): Promise<World & { calls(): number }> {
  const api = await startServer((socket) => socket.write(http11(body, status, ...headers)));
  const world = await connectedWorld(sandbox, {
    options: { apiBaseUrl: `http://127.0.0.1:${api.port}` },
    routes: (app, connect) => {
      app.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get<unknown>('/me')
          .then(({ data }) => void res.json(data), next);
      });
    },
  });
  return { ...world, calls: () => api.requests.length };
}

const JSON_ONLY: http.OutgoingHttpHeaders = { accept: 'application/json' };
const call = ({ visitor, app }: World) => visitor.visit(`${app.url}/me`, JSON_ONLY);

test.each([
  [
    '401, in the challenge',
    '401 Unauthorized',
    '',
    'WWW-Authenticate: Bearer realm="api", error="insufficient_scope", scope="reports"',
  ],
  ['401, in the challenge without quotes', '401 Unauthorized', '', 'WWW-Authenticate: Bearer error=insufficient_scope'],
  ['401, in the body', '401 Unauthorized', '{"error":"insufficient_scope"}', 'Content-Type: application/json'],
  ['403, in the challenge', '403 Forbidden', '', 'WWW-Authenticate: Bearer error="insufficient_scope"'],
  ['403, in the body', '403 Forbidden', '{"error":{"type":"insufficient_scope"}}', 'Content-Type: application/json'],
])('insufficient_scope (%s) is 403, and costs no refresh and no second call', async (_where, status, body, header) => {
  const world = await refusedBy(status, body, header);
  const answer = await call(world);
  expect({ status: answer.status, body: JSON.parse(answer.body) as unknown }).toMatchObject({
    status: 403,
    body: { code: 'ERR_CONNECT_FORBIDDEN', reason: 'insufficient_scope' },
  });
  expect(JSON.parse(answer.body)).not.toHaveProperty('loginUrl');
  expect({ refreshCalls: sandbox.calls.refresh, apiCalls: world.calls() }).toEqual({ refreshCalls: 0, apiCalls: 1 });
});

test('an API that refuses every token costs one refresh, however often it is called', async () => {
  const world = await refusedBy('401 Unauthorized', '');
  for (let calls = 0; calls < 12; calls += 1) {
    expect(verdict(await call(world))).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
    time.pass(10_000);
  }
  // The first call is made twice, and after that nothing is hoped for.
  expect({ refreshCalls: sandbox.calls.refresh, apiCalls: world.calls() }).toEqual({ refreshCalls: 1, apiCalls: 13 });
});

test('the token that the API has refused right after its refresh is refreshed when it is due', async () => {
  const world = await refusedBy('401 Unauthorized', '');
  await call(world);
  await world.expireIn(-1);
  expect((await world.fresh()).status).toBe(200);
  expect(sandbox.calls.refresh).toBe(2);
  // That is another token, which a refresh may help.
  time.pass(10_000);
  await call(world);
  expect(sandbox.calls.refresh).toBe(3);
});

test('a token that worked for more than a minute after such a refresh may be refused and refreshed again', async () => {
  const world = await connectedWorld(sandbox);
  const first = tokenIn(await world.refused((await world.stored()).access_token));
  time.pass(61_000);
  const second = tokenIn(await world.refused(first.access_token));
  expect(second.access_token).not.toBe(first.access_token);
  expect(sandbox.calls.refresh).toBe(2);
});

describe('a token of which nobody knows when it expires', () => {
  beforeEach(() => sandbox.set({ expiresAt: 'missing', lifetimeSeconds: 20 }));

  test('is refreshed for a refusal whenever it has run out, also within a minute after such a refresh', async () => {
    const world = await connectedWorld(sandbox);
    let token = (await world.stored()).access_token;
    for (let refreshes = 1; refreshes <= 3; refreshes += 1) {
      time.pass(21_000);
      expect(sandbox.works(token)).toBe(false);
      token = tokenIn(await world.refused(token)).access_token;
      expect({ works: sandbox.works(token), refreshCalls: sandbox.calls.refresh }).toEqual({
        works: true,
        refreshCalls: refreshes,
      });
    }
  });

  test('costs an API that refuses every token one refresh a minute', async () => {
    const world = await refusedBy('401 Unauthorized', '');
    for (let seconds = 0; seconds < 180; seconds += 10) {
      expect(verdict(await call(world))).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
      time.pass(10_000);
    }
    expect(sandbox.calls.refresh).toBe(3);
  });
});
