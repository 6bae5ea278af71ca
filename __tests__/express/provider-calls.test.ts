import type { Express } from 'express';
import { ConnectError, isConnectError, type ConnectAuth, type ConnectEvent } from '../../src';
import type { Sandbox } from '../../src/testing';
import { signIn, type TestAppParts } from '../support/app';
import { givenDeadline } from '../support/deadline';
import { connectedWorld, givenRotation, refreshingApp, tokenIn, type Time, type World } from '../support/refreshing';
import { some } from '../support/told';

let sandbox: Sandbox;
let clock: Time;
givenRotation((given, time) => ([sandbox, clock] = [given, time]));

const HOUR_MS = 3_600_000;
const time = expect.any(Number) as number;
const connection = expect.stringMatching(/^[0-9a-f]{16}$/u) as string;
const { reference, message } = some;

/** Whole milliseconds by a clock of its own: these tests set the other one hours ahead. */
function durations(events: readonly ConnectEvent[]): readonly number[] {
  return events.flatMap((event) => ('durationMs' in event ? [event.durationMs] : []));
}

/** What the app does about an error of ours that it catches: nothing. */
const caught = (error: unknown): string => (isConnectError(error) ? error.reference : 'not ours');

function routes(app: Express, connect: ConnectAuth): void {
  app.get('/me', (req, res, next) => {
    const status = Number(req.query['accept'] ?? 0);
    connect
      .client(req)
      .get('/me', status === 0 ? {} : { validateStatus: (code) => code === status })
      .then((answer) => void res.json(answer.status), next);
  });
  app.get('/caught', (req, res) => {
    connect.getToken(req).then(
      () => void res.json('fresh'),
      (error: unknown) => void res.json(caught(error)),
    );
  });
  app.get('/caught/me', (req, res) => {
    connect
      .client(req)
      .request({
        url: (req.query['url'] as string | undefined) ?? '/me',
        method: (req.query['method'] as string | undefined) ?? 'GET',
      })
      .then(
        () => void res.json('called'),
        (error: unknown) => void res.json(caught(error)),
      );
  });
  app.get('/guarded', connect.requireConnect({ onMissing: 'error' }), (_req, res) => void res.json('in'));
}

/** The visitor has signed in, and what that told is forgotten. */
async function connected(parts: TestAppParts = {}): Promise<World> {
  const world = await connectedWorld(sandbox, { ...parts, routes });
  world.events.length = 0;
  return world;
}

const visit = (world: World, path: string): ReturnType<World['fresh']> =>
  world.visitor.visit(world.app.url + path, { accept: 'application/json' });

describe('an exchange is told once', () => {
  test.each([
    [2039, { status: 400, code: 'ERR_CONNECT_ACCOUNT', apiCode: 2039 }],
    [503, { status: 503, code: 'ERR_CONNECT_UNAVAILABLE', apiCode: 503 }],
  ] as const)('when the provider refuses it with %i', async (apiCode, facts) => {
    const world = await refreshingApp(sandbox, { routes });
    sandbox.set({ errorShape: 'errorObject' });
    sandbox.force(apiCode, { on: 'exchange' });
    await signIn(world.app, sandbox, world.visitor);
    expect(world.told('exchange', 'connected')).toEqual([
      { type: 'exchange', time, durationMs: time, ...facts, message, reference },
    ]);
  });

  test('when there is no answer: without a status, and with the time that it took', async () => {
    const world = await refreshingApp(sandbox, { routes });
    sandbox.fault({ kind: 'reset' });
    await signIn(world.app, sandbox, world.visitor);
    expect(world.told('exchange')).toEqual([
      {
        type: 'exchange',
        time,
        durationMs: time,
        code: 'ERR_CONNECT_UNAVAILABLE',
        reason: 'broken',
        message,
        reference,
      },
    ]);
  });

  test('when it goes well, with a duration in whole milliseconds that no change of the clock touches', async () => {
    const world = await refreshingApp(sandbox, { routes });
    sandbox.fault({ kind: 'hold', when: 'before' });
    const signingIn = signIn(world.app, sandbox, world.visitor);
    await sandbox.waiting(1);
    clock.pass(-HOUR_MS);
    sandbox.release();
    expect((await signingIn).status).toBe(302);
    const [durationMs = -1] = durations(world.told('exchange'));
    expect(Number.isInteger(durationMs)).toBe(true);
    expect(durationMs).toBeGreaterThanOrEqual(0);
    expect(durationMs).toBeLessThan(HOUR_MS / 2);
  });
});

describe('a refresh is told once, however many wait for it', () => {
  /** Of a refresh. */
  const deadline = givenDeadline(60_000);

  test('when it goes well', async () => {
    const world = await connected();
    await world.expireIn(-1);
    await Promise.all([visit(world, '/caught'), visit(world, '/caught'), visit(world, '/guarded')]);
    expect(world.told('refreshed', 'refresh_failed', 'error')).toEqual([
      { type: 'refreshed', time, connection, generation: 1, durationMs: time, status: 200 },
    ]);
  });

  test.each([
    [
      'for good',
      () => sandbox.set({ deadGrantAs: 'invalid_grant' }),
      { kind: 'terminal', code: 'ERR_CONNECT_EXPIRED', status: 401, providerStatus: 400, oauthError: 'invalid_grant' },
    ],
    [
      'by a number',
      () => sandbox.set({ deadGrantAs: 403 }),
      { kind: 'refused', code: 'ERR_CONNECT_EXPIRED', status: 401, providerStatus: 403, apiCode: 403 },
    ],
  ] as const)('when the provider refuses it %s', async (_words, prepare, facts) => {
    const world = await connected();
    prepare();
    sandbox.revoke((await world.stored()).access_token);
    await world.expireIn(-1);
    const answer = JSON.parse((await visit(world, '/caught')).body) as string;
    expect(world.told('refresh_failed', 'error')).toEqual([
      {
        type: 'refresh_failed',
        time,
        stage: 'refresh',
        connection,
        ...facts,
        durationMs: time,
        message,
        reference: answer,
      },
      {
        type: 'error',
        time,
        stage: 'refresh',
        code: 'ERR_CONNECT_EXPIRED',
        status: 401,
        reason: facts.kind === 'terminal' ? 'invalid_grant' : 'refused',
        message,
        reference: answer,
      },
    ]);
  });

  test('when the provider is away', async () => {
    const world = await connected();
    sandbox.force(503, { on: 'refresh' });
    await world.expireIn(-1);
    const answers = await Promise.all([visit(world, '/caught'), visit(world, '/caught')]);
    const references = answers.map(({ body }) => JSON.parse(body) as string);
    expect(world.told('refresh_failed')).toMatchObject([{ kind: 'transient', providerStatus: 503 }]);
    // The failure that both have met is one, and has one reference.
    expect(world.told('refresh_failed', 'error').map((event) => event.reference)).toEqual([
      references[0],
      ...references,
    ]);
    expect(new Set(references).size).toBe(1);
  });

  test('when it takes too long', async () => {
    const world = await connected();
    await world.expireIn(-1);
    sandbox.fault({ kind: 'silence' }, { on: 'refresh' });
    const asked = visit(world, '/caught');
    await deadline.passDuring(() => sandbox.calls.refresh === 1);
    await asked;
    const told = world.told('refresh_failed');
    expect(told).toEqual([
      {
        type: 'refresh_failed',
        time,
        stage: 'refresh',
        connection,
        kind: 'ambiguous',
        code: 'ERR_CONNECT_TIMEOUT',
        status: 503,
        durationMs: time,
        message,
        reference,
      },
    ]);
  });
});

describe('an API call is told once per request to the API', () => {
  test('when it goes well, under the hash of its connection', async () => {
    const world = await connectedWorld(sandbox, { routes });
    await visit(world, '/me');
    const [told] = world.told('connected');
    expect(world.told('api_call', 'error')).toEqual([
      { type: 'api_call', time, connection: told?.connection, method: 'GET', durationMs: time, status: 200 },
    ]);
  });

  test.each([
    [404, { status: 404, code: 'ERR_CONNECT_API', apiCode: 404 }],
    [2039, { status: 400, code: 'ERR_CONNECT_ACCOUNT', apiCode: 2039 }],
  ] as const)('when the API refuses it with %i, also where the app catches that', async (apiCode, facts) => {
    const world = await connected();
    sandbox.set({ errorShape: 'errorObject' });
    sandbox.force(apiCode, { on: 'api' });
    const { body } = await visit(world, '/caught/me?method=DELETE');
    expect(world.events).toEqual([
      {
        type: 'api_call',
        time,
        connection,
        method: 'DELETE',
        durationMs: time,
        ...facts,
        message,
        reference: JSON.parse(body) as string,
      },
    ]);
  });

  test('when there is no answer', async () => {
    const world = await connected();
    sandbox.fault({ kind: 'reset' }, { on: 'api' });
    await visit(world, '/me');
    expect(world.events).toEqual([
      {
        type: 'api_call',
        time,
        connection,
        method: 'GET',
        durationMs: time,
        code: 'ERR_CONNECT_UNAVAILABLE',
        reason: 'broken',
        message,
        reference,
      },
    ]);
  });

  test('a refused token that a refresh cures is a failed call, a refresh and a call that went well', async () => {
    const world = await connected();
    clock.pass(10_000);
    sandbox.expireAccessTokens();
    expect((await visit(world, '/me')).status).toBe(200);
    expect(world.events).toMatchObject([
      { type: 'api_call', status: 401, code: 'ERR_CONNECT_EXPIRED', reference },
      { type: 'refreshed', status: 200 },
      { type: 'api_call', status: 200 },
    ]);
    expect(world.events.map((event) => event.reference === undefined)).toEqual([false, true, true]);
    expect(new Set(world.events.map((event) => event.connection)).size).toBe(1);
  });

  test('a token that is refused for good has the reference of the last refusal', async () => {
    const world = await connected();
    clock.pass(10_000);
    sandbox.force(401, { on: 'api', times: 2 });
    const { body } = await visit(world, '/caught/me');
    const [first, refreshed, second, ...more] = world.events;
    expect([first, refreshed, second, more]).toMatchObject([
      { type: 'api_call', status: 401, reference },
      { type: 'refreshed' },
      { type: 'api_call', status: 401, code: 'ERR_CONNECT_EXPIRED', reference: JSON.parse(body) as string },
      [],
    ]);
    expect(first?.reference).not.toBe(second?.reference);
  });

  test('an answer that validateStatus accepts has failed for nobody', async () => {
    const world = await connected();
    sandbox.set({ errorShape: 'errorObject' });
    sandbox.force(404, { on: 'api' });
    expect((await visit(world, '/me?accept=404')).body).toBe('404');
    expect(world.events).toEqual([
      { type: 'api_call', time, connection, method: 'GET', durationMs: time, status: 404 },
    ]);
  });

  test('a call that the app aborts is not told', async () => {
    const aborting = new AbortController();
    const world = await connectedWorld(sandbox, {
      routes: (app, connect) =>
        void app.get('/aborted', (req, res) => {
          connect
            .client(req)
            .get('/me', { signal: aborting.signal })
            .catch(() => res.json('aborted'));
        }),
    });
    world.events.length = 0;
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'api' });
    const asked = visit(world, '/aborted');
    await sandbox.waiting(1);
    aborting.abort();
    expect((await asked).body).toBe('"aborted"');
    expect(world.events).toEqual([]);
  });
});

describe('what the app catches is told all the same, and once', () => {
  const REQUIRED = { type: 'error', time, stage: 'refresh', code: 'ERR_CONNECT_REQUIRED', status: 401, message };

  test.each(['/caught', '/caught/me'])('nobody is connected, %s', async (path) => {
    const world = await refreshingApp(sandbox, { routes });
    const { body } = await visit(world, path);
    expect(world.events).toEqual([{ ...REQUIRED, reference: JSON.parse(body) as string }]);
  });

  test.each(['/fresh', '/me', '/guarded'])('nobody is connected, and the error goes on from %s', async (path) => {
    const world = await refreshingApp(sandbox, { routes });
    const { body } = await visit(world, path);
    const { instance } = JSON.parse(body) as { instance: string };
    expect(world.events).toEqual([{ ...REQUIRED, reference: instance.split(':').at(-1) }]);
  });

  test.each([
    ['an address outside of apiBaseUrl', '?url=http://127.0.0.1:9/', 'url'],
    ['a method that nobody knows', '?method=BREW', 'method'],
  ])('a call that cannot be made: %s', async (_words, query, reason) => {
    const world = await connected();
    const { body } = await visit(world, `/caught/me${query}`);
    expect(world.events).toEqual([
      {
        type: 'error',
        time,
        stage: 'api',
        code: 'ERR_CONNECT_CONFIG',
        status: 500,
        reason,
        message,
        reference: JSON.parse(body) as string,
      },
    ]);
  });

  test('a call in an interceptor, and the call that waits for it, fail once', async () => {
    const world = await refreshingApp(sandbox, {
      routes: (app, connect) =>
        void app.get('/nested', (req, res) => {
          const client = connect.client(req);
          const outer = client.create();
          outer.interceptors.request.use(async (config) => {
            await client.get('/first');
            return config;
          });
          outer.get('/me').catch((error: unknown) => res.json(caught(error)));
        }),
    });
    const { body } = await visit(world, '/nested');
    expect(world.events).toEqual([{ ...REQUIRED, reference: JSON.parse(body) as string }]);
  });

  test('getToken in onConnect, whose error refuses the sign-in', async () => {
    let connect: ConnectAuth | undefined;
    const world = await refreshingApp(sandbox, {
      options: { onConnect: (req) => connect?.getToken(req).then(() => undefined) },
      routes: (_app, mounted) => void (connect = mounted),
    });
    expect((await signIn(world.app, sandbox, world.visitor)).status).toBe(401);
    expect(world.events.map(({ type }) => type)).toEqual(['exchange', 'error']);
  });

  test('an error object that onConnect throws again and again is told each time', async () => {
    const refusal = new ConnectError('ERR_CONNECT_FORBIDDEN');
    Object.freeze(refusal);
    const world = await refreshingApp(sandbox, {
      options: {
        onConnect: () => {
          throw refusal;
        },
      },
    });
    await signIn(world.app, sandbox, world.visitor);
    await signIn(world.app, sandbox, world.visitor);
    expect(world.told('error').map((event) => event.reference)).toEqual([refusal.reference, refusal.reference]);
  });
});

test('a page load that the guard sends to sign in has met no failure', async () => {
  const world = await refreshingApp(sandbox, {
    routes: (app, connect) => app.get('/page', connect.requireConnect(), (_req, res) => void res.json('in')),
  });
  expect((await world.visitor.visit(`${world.app.url}/page`)).status).toBe(302);
  expect(world.events).toEqual([]);
});

test('the token is the same with and without a listener', async () => {
  const world = await connected();
  expect(tokenIn(await world.fresh()).access_token).toBe((await world.stored()).access_token);
  expect(world.events).toEqual([]);
});
