import { memoryLedger, type ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Browser, type TestApp } from '../../support/app';
import { HeldStore } from '../../support/held-store';
import type { Latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

/** A process, and what of its store the next request for this path is to wait for, after express-session has read. */
interface Process {
  readonly app: TestApp;
  readonly store: HeldStore;
  readonly hold: (path: string, operation: 'get' | 'set') => Promise<Latch>;
}

/** @param takesCookies - whether middleware of the app takes the cookies from a request once its session is loaded */
async function startProcess(
  options: Partial<ConnectAuthOptions> = {},
  store = new HeldStore(),
  takesCookies = false,
): Promise<Process> {
  let planned: { path: string; operation: 'get' | 'set'; take: (gate: Latch) => void } | undefined;
  const app = await startApp(sandbox, {
    store,
    options,
    before: [
      (req, _res, next) => {
        if (req.path === planned?.path) {
          planned.take(store.hold(planned.operation));
          planned = undefined;
        }
        if (takesCookies) delete req.headers.cookie;
        next();
      },
    ],
    routes: (own) => {
      own.get('/login', (req, res) => {
        Object.assign(req.session, { user: 'v' });
        res.send('welcome');
      });
      own.get('/destroy', (req, res) => req.session.destroy(() => void res.send('bye')));
      own.get('/regenerate', (req, res) => req.session.regenerate(() => void res.send('bye')));
    },
  });
  return {
    app,
    store,
    hold: (path, operation) =>
      new Promise((take) => {
        planned = { path, operation, take };
      }),
  };
}

/** An address of one process at another. */
const at = ({ app }: Process, url: string): string => `${app.url}${new URL(url).pathname}${new URL(url).search}`;

/** Two processes: stores of their own on the same documents, one ledger. */
async function twoProcesses(): Promise<readonly [Process, Process]> {
  const ledger = memoryLedger();
  const first = await startProcess({ ledger });
  const redirectUri = `${first.app.url}/connect/callback`;
  return [first, await startProcess({ ledger, redirectUri }, new HeldStore(first.store.documents))];
}

/** A visitor who is logged in to the app, and the id of the session. */
async function loggedIn({ app, store }: Process): Promise<{ visitor: Browser; id: string }> {
  const visitor = browser();
  await visitor.visit(`${app.url}/login`);
  return { visitor, id: Object.keys(store.documents)[0] ?? '' };
}

/** Sends a request, and when it has come to its own operation of the store, does something else. */
async function during(
  { store, hold }: Process,
  operation: 'get' | 'set',
  [visitor, url]: readonly [Browser, string],
  meanwhile: () => Promise<unknown>,
  method: 'GET' | 'POST' = 'GET',
): Promise<{ status: number; reason: unknown; alive: number }> {
  const held = hold(new URL(url).pathname, operation);
  const answering = visitor.fork().visit(url, SCRIPT, method);
  const gate = await held;
  await gate.reached;
  await meanwhile();
  gate.open();
  const { status, body } = await answering;
  const alive = Object.values(store.documents).filter((text) => text.includes('"user":"v"')).length;
  return { status, reason: body === '' ? undefined : (JSON.parse(body) as { reason?: unknown }).reason, alive };
}

const SCRIPT = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };

const OPERATIONS = ['get', 'set'] as const;
const WAYS = OPERATIONS.flatMap((operation) => ['/destroy', '/regenerate'].map((path) => [operation, path] as const));

describe.each(WAYS)('a session that ends during the %s of our own, by %s,', (operation, path) => {
  test('is not brought back by the start of a sign-in', async () => {
    const own = await startProcess();
    const { visitor } = await loggedIn(own);
    const logOut = (): Promise<unknown> => visitor.fork().visit(own.app.url + path);
    expect(await during(own, operation, [visitor, `${own.app.url}/connect/authorize`], logOut)).toEqual({
      status: 503,
      reason: 'gone',
      alive: 0,
    });
  });

  test('is not brought back by a callback, whose code is not exchanged', async () => {
    const own = await startProcess();
    const { visitor } = await loggedIn(own);
    const callback = await beginSignIn(own.app, sandbox, visitor);
    const logOut = (): Promise<unknown> => visitor.fork().visit(own.app.url + path);
    expect(await during(own, operation, [visitor, callback], logOut)).toEqual({
      status: 403,
      reason: 'no_session',
      alive: 0,
    });
    expect(sandbox.calls.exchange).toBe(0);
  });

  test('is not brought back by a disconnect that has followed it with the old cookie', async () => {
    const own = await startProcess();
    const { visitor } = await loggedIn(own);
    const late = visitor.fork();
    await signIn(own.app, sandbox, visitor);
    const logOut = (): Promise<unknown> => visitor.fork().visit(own.app.url + path);
    const ended = during(own, operation, [late, `${own.app.url}/connect/disconnect`], logOut, 'POST');
    expect(await ended).toMatchObject({ status: 204, alive: 0 });
  });
});

test.each(['/destroy', '/regenerate'])(
  'a session whose cookie the app hides, and which ends by %s while we save it, is not brought back',
  async (path) => {
    const own = await startProcess({}, new HeldStore(), true);
    const { visitor } = await loggedIn(own);
    const logOut = (): Promise<unknown> => visitor.fork().visit(own.app.url + path);
    expect(await during(own, 'set', [visitor, `${own.app.url}/connect/authorize`], logOut)).toEqual({
      status: 503,
      reason: 'gone',
      alive: 0,
    });
  },
);

describe('a session that another process moves while we save it', () => {
  test('by a first sign-in is not brought back by the start of another', async () => {
    const [own, other] = await twoProcesses();
    const { visitor, id } = await loggedIn(own);
    const callback = at(other, await beginSignIn(own.app, sandbox, visitor));
    const answer = await during(own, 'set', [visitor, `${own.app.url}/connect/authorize`], () =>
      visitor.fork().visit(callback),
    );
    expect(answer).toEqual({ status: 503, reason: 'gone', alive: 1 });
    expect(own.store.documents[id]).toBeUndefined();
  });

  test('by a disconnect is not brought back by the start of a sign-in', async () => {
    const [own, other] = await twoProcesses();
    const { visitor } = await loggedIn(own);
    await signIn(own.app, sandbox, visitor);
    const [id = ''] = Object.keys(own.store.documents);
    const answer = await during(own, 'set', [visitor, `${own.app.url}/connect/authorize`], () =>
      visitor.fork().visit(`${other.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST'),
    );
    expect(answer).toEqual({ status: 503, reason: 'gone', alive: 1 });
    expect(own.store.documents[id]).toBeUndefined();
  });

  test('by the other of two clicks is not brought back by this one', async () => {
    const [own, other] = await twoProcesses();
    const { visitor, id } = await loggedIn(own);
    const callback = await beginSignIn(own.app, sandbox, visitor);
    const answer = await during(own, 'set', [visitor, callback], () => visitor.fork().visit(at(other, callback)));
    expect(answer).toEqual({ status: 403, reason: 'no_session', alive: 1 });
    expect(own.store.documents[id]).toBeUndefined();
  });
});

test('a session that nobody ends is saved', async () => {
  const own = await startProcess();
  const { visitor } = await loggedIn(own);
  const nothing = (): Promise<void> => Promise.resolve();
  const start = `${own.app.url}/connect/authorize`;
  expect(await during(own, 'set', [visitor, start], nothing)).toEqual({ status: 302, reason: undefined, alive: 1 });
});
