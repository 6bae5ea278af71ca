import { expectTypeOf } from 'expect-type';
import { MemoryStore } from 'express-session';
import { memoryLedger } from '../../src';
import type {
  AdoptedEvent,
  ApiCallEvent,
  ConnectEvent,
  ConnectEventListener,
  ConnectedEvent,
  DisconnectedEvent,
  EndedEvent,
  EndedReason,
  ErrorEvent,
  ExchangeEvent,
  LedgerErrorEvent,
  LedgerForgotEvent,
  RefreshFailedEvent,
  RefreshFailureKind,
  RefreshedEvent,
  ConnectErrorCode,
  ConnectStage,
  RefreshLedger,
  ConnectToken,
} from '../../src';
import type { Sandbox } from '../../src/testing';
import { browser, signIn, startApp, type Browser, type TestApp } from '../support/app';
import { cleanup } from '../support/cleanup';
import { watchProcess } from '../support/faulty-store';
import { findSecrets } from '../support/find-secret';
import { startSandbox } from '../support/sandbox';
import { some } from '../support/told';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

interface World {
  readonly app: TestApp;
  readonly visitor: Browser;
  /** Session documents of the store, as text. */
  readonly texts: Record<string, string>;
  /** Asks for the token. */
  fresh(): Promise<number>;
  /** As if the token had been got long ago. */
  age(): void;
  disconnect(): Promise<number>;
}

async function startWorld(onEvent: ConnectEventListener, ledger: RefreshLedger = memoryLedger()): Promise<World> {
  const store = new MemoryStore();
  const { sessions: texts } = store as unknown as { sessions: Record<string, string> };
  const app = await startApp(sandbox, {
    store,
    options: { onEvent, ledger },
    routes: (express, connect) =>
      void express.get('/fresh', connect.requireConnect({ onMissing: 'error' }), (req, res) => {
        res.json(req.session.connectToken);
      }),
  });
  const visitor = browser();
  return {
    app,
    visitor,
    texts,
    fresh: async () => (await visitor.visit(`${app.url}/fresh`, { accept: 'application/json' })).status,
    age() {
      for (const [id, text] of Object.entries(texts))
        texts[id] = text.replace(/"expires_at":\d+/u, '"expires_at":1000');
    },
    disconnect: async () =>
      (await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST')).status,
  };
}

const time = expect.any(Number) as number;
const connection = expect.stringMatching(/^[0-9a-f]{16}$/u) as string;
const { reference, message } = some;

test('one connection tells its whole story under one hash, without a token or its connectionId', async () => {
  const events: ConnectEvent[] = [];
  const world = await startWorld((event) => void events.push(event));
  const startedMs = Date.now();
  await signIn(world.app, sandbox, world.visitor);
  const tokens = [world.texts];
  const seen: string[] = [JSON.stringify(tokens)];
  world.age();
  const stale = { ...world.texts };
  expect(await world.fresh()).toBe(200);
  seen.push(JSON.stringify(world.texts));
  Object.assign(world.texts, stale);
  expect(await world.fresh()).toBe(200);
  expect(await world.fresh()).toBe(200);
  // The current one now: the next refresh is due, and fails.
  Object.assign(world.texts, JSON.parse(seen[1] ?? '{}'));
  world.age();
  sandbox.force(503, { on: 'refresh' });
  expect(await world.fresh()).toBe(503);
  expect(await world.disconnect()).toBe(204);
  expect(events).toEqual([
    { type: 'exchange', time, durationMs: time, status: 200 },
    { type: 'connected', time, connection },
    { type: 'refreshed', time, connection, generation: 1, durationMs: time, status: 200 },
    { type: 'adopted', time, connection, generation: 1 },
    { type: 'adopted', time, connection, generation: 1 },
    {
      type: 'refresh_failed',
      time,
      stage: 'refresh',
      connection,
      kind: 'transient',
      code: 'ERR_CONNECT_UNAVAILABLE',
      status: 503,
      providerStatus: 503,
      durationMs: time,
      oauthError: 'temporarily_unavailable',
      message,
      reference,
    },
    { type: 'error', time, stage: 'refresh', code: 'ERR_CONNECT_UNAVAILABLE', status: 503, message, reference },
    { type: 'ended', time, connection, reason: 'disconnected' },
    { type: 'disconnected', time, connection },
  ]);
  expect(new Set(events.flatMap((event) => ('connection' in event ? [event.connection] : []))).size).toBe(1);
  expect(events.every((event) => Object.isFrozen(event) && event.time >= startedMs && event.time <= Date.now())).toBe(
    true,
  );
  const secrets = seen
    .flatMap((text) => [...text.matchAll(/\\?"(?:access_token|refresh_token|connection)\\?":\\?"([^"\\]+)/gu)])
    .map(([, value]) => ({ name: 'secret', value: value ?? '' }));
  const connectionIds = secrets
    .filter(({ value }) => value.includes('.') && value.length < 30)
    .map(({ value }) => ({ name: 'connectionId', value: value.split('.', 1)[0] ?? '' }));
  expect({ secrets: secrets.length, connectionIds: connectionIds.length }).toEqual({ secrets: 6, connectionIds: 2 });
  expect(findSecrets(JSON.stringify(events), [...secrets, ...connectionIds])).toEqual([]);
});

test('a dead grant is told as terminal, with the registered name', async () => {
  const events: ConnectEvent[] = [];
  const world = await startWorld((event) => void events.push(event));
  await signIn(world.app, sandbox, world.visitor);
  for (const [id, text] of Object.entries(world.texts)) {
    world.texts[id] = text.replace(/"refresh_token":"[^"]+"/u, '"refresh_token":"unknown-to-the-provider"');
  }
  world.age();
  expect(await world.fresh()).toBe(401);
  expect(events.slice(2)).toEqual([
    {
      type: 'refresh_failed',
      time,
      stage: 'refresh',
      connection,
      kind: 'terminal',
      code: 'ERR_CONNECT_EXPIRED',
      status: 401,
      providerStatus: 400,
      durationMs: time,
      oauthError: 'invalid_grant',
      message,
      reference,
    },
    { type: 'ended', time, connection, reason: 'invalid_grant' },
    {
      type: 'error',
      time,
      stage: 'refresh',
      code: 'ERR_CONNECT_EXPIRED',
      status: 401,
      reason: 'invalid_grant',
      message,
      reference,
    },
  ]);
});

test.each([
  ['acquire', 'refresh', ['ledger_error', 'error']],
  ['settle', 'refresh', ['ledger_error', 'refreshed']],
  ['fail', 'refresh', ['refresh_failed', 'ledger_error', 'error']],
  ['revoke', 'disconnect', ['ledger_error', 'error']],
] as const)('a ledger that fails at %s is told, with nothing of its words', async (operation, step, types) => {
  const events: ConnectEvent[] = [];
  const ledger = memoryLedger();
  let failing = false;
  const broken: RefreshLedger = {
    ...ledger,
    [operation]: (...args: never[]) =>
      failing
        ? Promise.reject(new Error('redis://:ledgercanary@10.1.2.3'))
        : (ledger[operation] as (...given: never[]) => Promise<unknown>)(...args),
  };
  const world = await startWorld((event) => void events.push(event), broken);
  await signIn(world.app, sandbox, world.visitor);
  world.age();
  failing = true;
  if (operation === 'fail') sandbox.force(503, { on: 'refresh' });
  const status = step === 'disconnect' ? await world.disconnect() : await world.fresh();
  expect(status).toBe(operation === 'settle' ? 200 : 503);
  failing = false;
  const told = events.slice(2);
  expect(told.map(({ type }) => type).slice(0, types.length)).toEqual(types);
  expect(told.find(({ type }) => type === 'ledger_error')).toEqual({
    type: 'ledger_error',
    time,
    connection,
    operation,
    reason: 'refused',
    // Nobody gets an error where a new token could not be recorded.
    ...(operation === 'settle' ? {} : { reference }),
  });
  // The one that the visitor sees.
  expect(new Set(told.flatMap((event) => ('reference' in event ? [event.reference] : []))).size).toBe(
    operation === 'settle' ? 0 : 1,
  );
  expect(JSON.stringify(events)).not.toContain('ledgercanary');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('of the listener');
    },
  ],
  ['rejects', () => Promise.reject(new Error('of the listener'))],
  ['never settles', () => new Promise(() => undefined)],
  ['changes the event', (event: ConnectEvent) => Object.assign(event, { type: 'forged' })],
] as const)('a listener that %s changes nothing', async (_what, listener) => {
  const watched = watchProcess();
  cleanup(() => watched.stop());
  let heard = 0;
  const world = await startWorld((event) => {
    heard += 1;
    return listener(event);
  });
  expect((await signIn(world.app, sandbox, world.visitor)).status).toBe(302);
  world.age();
  expect(await world.fresh()).toBe(200);
  sandbox.force(500, { on: 'refresh' });
  world.age();
  expect(await world.fresh()).toBe(503);
  expect(await world.disconnect()).toBe(204);
  expect(await world.fresh()).toBe(401);
  expect(heard).toBe(8);
  await new Promise((resolve) => setImmediate(resolve));
  expect(watched.seen).toEqual([]);
});

test('two connections have two hashes, and none is a hash that tokens lead to', async () => {
  const events: ConnectEvent[] = [];
  const world = await startWorld((event) => void events.push(event));
  await signIn(world.app, sandbox, world.visitor);
  await signIn(world.app, sandbox, browser());
  expect(new Set(events.flatMap(({ connection }) => connection ?? [])).size).toBe(2);
});

test('the type of an event follows from its name', () => {
  const tell = (event: ConnectEvent): string => {
    switch (event.type) {
      case 'exchange':
        expectTypeOf(event).toEqualTypeOf<ExchangeEvent>();
        return event.code ?? String(event.status);
      case 'api_call':
        expectTypeOf(event).toEqualTypeOf<ApiCallEvent>();
        return event.method;
      case 'connected':
        expectTypeOf(event).toEqualTypeOf<ConnectedEvent>();
        return event.connection;
      case 'refreshed':
        expectTypeOf(event).toEqualTypeOf<RefreshedEvent>();
        return String(event.generation + event.durationMs);
      case 'adopted':
        expectTypeOf(event).toEqualTypeOf<AdoptedEvent>();
        return String(event.generation);
      case 'refresh_failed':
        expectTypeOf(event).toEqualTypeOf<RefreshFailedEvent>();
        expectTypeOf(event.kind).toEqualTypeOf<RefreshFailureKind>();
        return event.kind;
      case 'disconnected':
        expectTypeOf(event).toEqualTypeOf<DisconnectedEvent>();
        return event.connection;
      case 'ended':
        expectTypeOf(event).toEqualTypeOf<EndedEvent>();
        expectTypeOf(event.reason).toEqualTypeOf<EndedReason>();
        return event.reason;
      case 'ledger_error':
        expectTypeOf(event).toEqualTypeOf<LedgerErrorEvent>();
        return event.operation;
      case 'ledger_forgot':
        expectTypeOf(event).toEqualTypeOf<LedgerForgotEvent>();
        return `${event.what} ${event.count}`;
      case 'error':
        expectTypeOf(event).toEqualTypeOf<ErrorEvent>();
        expectTypeOf(event.code).toEqualTypeOf<ConnectErrorCode>();
        expectTypeOf(event.stage).toEqualTypeOf<ConnectStage>();
        return event.code;
    }
  };
  expectTypeOf<ConnectEvent['time']>().toEqualTypeOf<number>();
  expectTypeOf<Extract<ConnectEvent, { token: unknown }>>().toEqualTypeOf<never>();
  expectTypeOf<Exclude<keyof ConnectEvent & keyof ConnectToken, 'type' | 'connection'>>().toEqualTypeOf<never>();
  expect(tell({ type: 'connected', time: 1, connection: '00' })).toBe('00');
});
