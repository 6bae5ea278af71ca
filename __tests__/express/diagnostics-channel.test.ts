import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectEvent } from '../../src';
import type { Sandbox } from '../../src/testing';
import { browser, signIn, startApp, type TestApp } from '../support/app';
import { cleanup } from '../support/cleanup';
import { watchProcess } from '../support/faulty-store';
import { startSandbox } from '../support/sandbox';

const CHANNEL = 'express-connect-auth';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

type Subscriber = (message: unknown, name: string | symbol) => void;

/** Until the test ends. */
function subscribed(subscriber: Subscriber): void {
  subscribe(CHANNEL, subscriber);
  cleanup(() => void unsubscribe(CHANNEL, subscriber));
}

function startWith(onEvent?: (event: ConnectEvent) => void): Promise<TestApp> {
  return startApp(sandbox, {
    options: onEvent === undefined ? {} : { onEvent },
    routes: (express, connect) =>
      void express.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get('/me')
          .then(({ data }) => void res.json(data), next);
      }),
  });
}

/** A sign-in, a call, a failure and the end of the connection. */
async function journey(app: TestApp): Promise<readonly number[]> {
  const visitor = browser();
  const signedIn = await signIn(app, sandbox, visitor);
  const called = await visitor.visit(`${app.url}/me`);
  const forged = await visitor.visit(`${app.url}/connect/callback?code=a&state=b`);
  const left = await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
  return [signedIn, called, forged, left].map(({ status }) => status);
}

const STATUSES = [302, 200, 403, 204];
const TYPES = ['exchange', 'connected', 'api_call', 'error', 'ended', 'disconnected'];

test('subscribers get the very events that onEvent gets, in the same order', async () => {
  const [published, told]: [unknown[], ConnectEvent[]] = [[], []];
  subscribed((message, name) => void published.push(name === CHANNEL ? message : name));
  const app = await startWith((event) => told.push(event));
  expect(await journey(app)).toEqual(STATUSES);
  expect(told.map(({ type }) => type)).toEqual(TYPES);
  expect(published).toHaveLength(told.length);
  expect(published.every((message, index) => message === told[index] && Object.isFrozen(message))).toBe(true);
});

test('an app without onEvent publishes all the same, and nothing after the last subscriber has gone', async () => {
  const types: unknown[] = [];
  const subscriber: Subscriber = (message) => void types.push((message as ConnectEvent).type);
  subscribed(subscriber);
  const app = await startWith();
  await journey(app);
  expect(types).toEqual(TYPES);
  unsubscribe(CHANNEL, subscriber);
  expect(await journey(app)).toEqual(STATUSES);
  expect(types).toEqual(TYPES);
});

test('a subscriber that throws or writes to the event harms no request and no other listener', async () => {
  const watched = watchProcess();
  cleanup(() => watched.stop());
  const fault = new Error('of the subscriber');
  const [published, told]: [unknown[], ConnectEvent[]] = [[], []];
  subscribed(() => {
    throw fault;
  });
  subscribed((message) => void published.push(Reflect.set(message as object, 'type', 'forged')));
  const app = await startWith((event) => told.push(event));
  expect(await journey(app)).toEqual(STATUSES);
  await new Promise((resolve) => setImmediate(resolve));
  expect({ published, told: told.map(({ type }) => type) }).toEqual({ published: TYPES.map(() => false), told: TYPES });
  // Node's own rule for every channel: reported by the process, outside of the request.
  expect(watched.seen).toEqual(TYPES.map(() => fault));
});
