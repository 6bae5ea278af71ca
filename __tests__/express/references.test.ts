import { inspect } from 'node:util';
import axios from 'axios';
import { ConnectError, connectErrorHandler, type ConnectEvent } from '../../src';
import type { Sandbox } from '../../src/testing';
import {
  beginSignIn,
  browser,
  signIn,
  startApp,
  type Answer,
  type Browser,
  type TestApp,
  type TestAppParts,
} from '../support/app';
import { latch } from '../support/refreshing';
import { startSandbox } from '../support/sandbox';
import { REFERENCE } from '../support/told';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});
afterEach(() => sandbox.reset());

const onPage = ({ body }: Answer): string | undefined => /Reference ([0-9A-Z]+)</u.exec(body)?.[1];
const inProblem = ({ body }: Answer): unknown => (JSON.parse(body) as { instance?: unknown }).instance;
const urn = (reference: string | undefined): string => `urn:express-connect-auth:failure:${reference}`;

async function given(parts: TestAppParts = {}): Promise<{ app: TestApp; events: ConnectEvent[]; visitor: Browser }> {
  const events: ConnectEvent[] = [];
  const app = await startApp(sandbox, {
    ...parts,
    options: { onEvent: (event) => void events.push(event), ...parts.options },
    routes: (express, connect) => {
      express.get('/guarded', connect.requireConnect({ onMissing: 'error' }), (_req, res) => void res.json('in'));
      express.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get('/me')
          .then(({ data }) => void res.json(data), next);
      });
      express.get('/fresh', (req, res, next) => {
        connect.getToken(req).then(() => void res.json('fresh'), next);
      });
      parts.routes?.(express, connect);
    },
  });
  return { app, events, visitor: browser() };
}

const referencesIn = (events: readonly ConnectEvent[]): (string | undefined)[] =>
  events.map(({ reference }) => reference);

describe.each([
  ['a forged callback', '/connect/callback?code=c&state=forged'],
  ['the guard', '/guarded'],
  ['getToken', '/fresh'],
  ['an API call of somebody who is not connected', '/me'],
])('the reference of a failure at %s', (_where, path) => {
  test('is the same on the page and in the event', async () => {
    const { app, events, visitor } = await given();
    const reference = onPage(await visitor.visit(app.url + path));
    expect(reference).toMatch(REFERENCE);
    expect(referencesIn(events)).toEqual([reference]);
  });

  test('is the same in problem+json, as instance, and in the event', async () => {
    const { app, events, visitor } = await given();
    const instance = inProblem(await visitor.visit(app.url + path, { accept: 'application/json' }));
    expect(referencesIn(events).map(urn)).toEqual([instance]);
  });
});

test('a failed exchange has one reference: of the call, of the answer and on the page', async () => {
  const { app, events, visitor } = await given();
  sandbox.force(2039, { on: 'exchange' });
  const reference = onPage(await signIn(app, sandbox, visitor));
  expect(events.map((event) => [event.type, event.reference])).toEqual([
    ['exchange', reference],
    ['error', reference],
  ]);
});

test('what goes well has no reference', async () => {
  const { app, events, visitor } = await given();
  await signIn(app, sandbox, visitor);
  expect((await visitor.visit(`${app.url}/me`)).status).toBe(200);
  expect(events.map((event) => [event.type, event.reference])).toEqual([
    ['exchange', undefined],
    ['connected', undefined],
    ['api_call', undefined],
  ]);
});

test('a page of the app gets the reference, and two failures have two', async () => {
  const seen: string[] = [];
  const { app, events, visitor } = await given({
    options: {
      renderError: (error, _req, res) => {
        seen.push(error.reference);
        res.send('own page');
      },
    },
  });
  for (const state of ['one', 'two']) await visitor.visit(`${app.url}/connect/callback?code=c&state=${state}`);
  expect(seen).toEqual(referencesIn(events));
  expect(new Set(seen).size).toBe(2);
});

/** Two callbacks at once, whose one exchange fails. */
async function doubleClick(parts: TestAppParts): Promise<{ answers: readonly Answer[]; events: ConnectEvent[] }> {
  const bothHere = latch();
  let callbacks = 0;
  const { app, visitor, events } = await given({
    ...parts,
    before: [
      (req, _res, next) => {
        next();
        if (req.path === '/connect/callback' && ++callbacks === 2) bothHere.open();
      },
    ],
  });
  const callback = (await beginSignIn(app, sandbox, visitor)).replace(/code=[^&]+/u, 'code=unknown');
  sandbox.fault({ kind: 'hold', when: 'before' });
  const doubled = [visitor.fork().visit(callback), visitor.fork().visit(callback)];
  await Promise.all([sandbox.waiting(1), bothHere.wait()]);
  sandbox.release();
  return { answers: await Promise.all(doubled), events };
}

test('requests that share the exchange of one callback share its failure and its reference', async () => {
  const { answers, events } = await doubleClick({});
  const references = answers.map(onPage);
  expect(referencesIn(events)).toEqual([references[0], ...references]);
  expect(new Set(references).size).toBe(1);
});

test('an error keeps a reference that it is given, shows it when it is logged, and none is like another', () => {
  const first = new ConnectError('ERR_CONNECT_API');
  expect(new ConnectError('ERR_CONNECT_API', { reference: first.reference }).reference).toBe(first.reference);
  expect(inspect(first)).toContain(first.reference);
  const many = Array.from({ length: 2000 }, () => new ConnectError('ERR_CONNECT_API').reference);
  expect(many.filter((reference) => !REFERENCE.test(reference))).toEqual([]);
  expect(new Set(many).size).toBe(2000);
  // Every character of the alphabet comes, at every place.
  for (let place = 0; place < 8; place += 1) expect(new Set(many.map((text) => text[place])).size).toBe(32);
});

test('an error of an older copy of this package is answered without a reference', async () => {
  const older = Object.assign(new ConnectError('ERR_CONNECT_API'), { reference: undefined });
  const app = await startApp(sandbox, { routes: (express) => express.get('/old', (_req, _res, next) => next(older)) });
  const visitor = browser();
  expect((await visitor.visit(`${app.url}/old`)).body).not.toMatch(/reference/iu);
  expect(inProblem(await visitor.visit(`${app.url}/old`, { accept: 'application/json' }))).toBeUndefined();
});

describe('an error handler', () => {
  const PATHS = ['/connect/callback?code=c&state=forged', '/guarded', '/fresh', '/me', '/own', '/axios'];

  test('tells an error of the app itself, and nothing again that was told where it arose', async () => {
    const handled: ConnectEvent[] = [];
    const { app, events, visitor } = await given({
      options: { renderErrors: false },
      routes: (express) => {
        express.get('/own', (_req, _res, next) => next(new ConnectError('ERR_CONNECT_FORBIDDEN')));
        express.get('/axios', (_req, _res, next) => {
          void axios.get(`${sandbox.apiBaseUrl}/me`).catch(next);
        });
        express.use(connectErrorHandler({ onEvent: (event) => handled.push(event) }));
      },
    });
    const shown: (string | undefined)[] = [];
    for (const path of PATHS) shown.push(onPage(await visitor.visit(app.url + path)));
    expect(new Set(shown).size).toBe(PATHS.length);
    expect([...referencesIn(events), ...referencesIn(handled)]).toEqual(shown);
    expect(handled.map((event) => event.type === 'error' && event.code)).toEqual([
      'ERR_CONNECT_FORBIDDEN',
      'ERR_CONNECT_EXPIRED',
    ]);
  });

  test('tells one error object of the app each time that it comes', async () => {
    const handled: ConnectEvent[] = [];
    const again = new ConnectError('ERR_CONNECT_FORBIDDEN');
    const { app, visitor } = await given({
      routes: (express) => {
        express.get('/own', (_req, _res, next) => next(again));
        express.use(connectErrorHandler({ onEvent: (event) => handled.push(event) }));
      },
    });
    await visitor.visit(`${app.url}/own`);
    await visitor.visit(`${app.url}/own`);
    expect(referencesIn(handled)).toEqual([again.reference, again.reference]);
  });

  test('tells none of two callbacks again that share a failure', async () => {
    const handled: ConnectEvent[] = [];
    const { events } = await doubleClick({
      options: { renderErrors: false },
      routes: (express) => express.use(connectErrorHandler({ onEvent: (event) => handled.push(event) })),
    });
    expect([events.map(({ type }) => type), handled]).toEqual([['exchange', 'error', 'error'], []]);
  });
});

test('an error that an older copy of this package has made has none, on the page, in problem+json and in the event', async () => {
  const older = Object.create(new ConnectError('ERR_CONNECT_FORBIDDEN', { stage: 'api' }), {
    reference: { value: undefined },
  }) as ConnectError;
  const events: ConnectEvent[] = [];
  const app = await startApp(sandbox, {
    routes: (express) => {
      express.get('/older', (_req, _res, next) => next(older));
      express.use(connectErrorHandler({ onEvent: (event) => void events.push(event) }));
    },
  });
  const page = await browser().visit(`${app.url}/older`, { accept: 'text/html' });
  expect([page.status, onPage(page), page.body.includes('undefined')]).toEqual([403, undefined, false]);
  const problem = await browser().visit(`${app.url}/older`, { accept: 'application/json' });
  expect([problem.status, inProblem(problem)]).toEqual([403, undefined]);
  expect(events.map(({ type }) => type)).toEqual(['error', 'error']);
  expect(referencesIn(events)).toEqual([undefined, undefined]);
});
