import type { Sandbox } from '../../../src/testing';
import { connectAuth } from '../../../src';
import { beginSignIn, browser, signIn, startApp } from '../../support/app';
import { faultyStore } from '../../support/faulty-store';
import { latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

const SCRIPT = { accept: 'application/json' };
const FORM = { 'sec-fetch-site': 'same-origin' };
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

async function polluted<T>(name: string, value: unknown, work: () => Promise<T>): Promise<T> {
  Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
  try {
    return await work();
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
}

describe('whoever knows a former session only does not get the session that a later one has become', () => {
  test('with a sign-in that was begun and finished in the later one', async () => {
    const app = await startApp(sandbox);
    const victim = browser();
    const one = await beginSignIn(app, sandbox, victim);
    const attacker = victim.fork();
    await victim.visit(one);
    const two = await beginSignIn(app, sandbox, victim);
    await victim.visit(two);
    const got = await attacker.visit(two, SCRIPT);
    expect([got.status, got.headers['set-cookie']]).toEqual([403, undefined]);
  });
  test('with a sign-in of their own, carried along and finished by the visitor in the later one', async () => {
    const app = await startApp(sandbox);
    const attacker = browser();
    const own = await beginSignIn(app, sandbox, attacker);
    const victim = attacker.fork();
    await signIn(app, sandbox, victim);
    await victim.visit(own);
    const got = await attacker.visit(own, SCRIPT);
    expect([got.status, got.headers['set-cookie']]).toEqual([403, undefined]);
  });
  test('through a disconnect', async () => {
    const app = await startApp(sandbox);
    const victim = browser();
    await signIn(app, sandbox, victim);
    const attacker = victim.fork();
    await victim.visit(`${app.url}/connect/disconnect`, FORM, 'POST');
    const url = await beginSignIn(app, sandbox, victim);
    await victim.visit(url);
    expect((await attacker.visit(url, SCRIPT)).status).toBe(403);
  });
  test('with a sign-in that they have finished, after a sign-in by another instance (one move)', async () => {
    let second: ReturnType<typeof connectAuth> | undefined;
    const app = await startApp(sandbox, {
      routes: (x) => {
        x.use('/two', (req, res, next) => {
          second ??= connectAuth({
            ...sandbox.connectOptions,
            sessionKey: 'second',
            redirectUri: `http://${String(req.headers.host)}/two/connect/callback`,
          });
          second(req, res, next);
        });
      },
    });
    const attacker = browser();
    const own = await beginSignIn(app, sandbox, attacker);
    await attacker.visit(own);
    const victim = attacker.fork();
    await signIn(app, sandbox, victim, '/two/connect/authorize');
    const got = await attacker.visit(own, SCRIPT);
    expect([got.status, got.headers['set-cookie']]).toEqual([403, undefined]);
  });
  test('without the state that the sign-in had', async () => {
    const app = await startApp(sandbox, { options: { allowMissingState: true } });
    const visitor = browser();
    const url = await beginSignIn(app, sandbox, visitor);
    const old = visitor.fork();
    await visitor.visit(url);
    const bare = new URL(url);
    bare.searchParams.delete('state');
    expect((await old.visit(bare.href, SCRIPT)).status).toBe(403);
  });
  test('and is told so when the session that it became has ended', async () => {
    const app = await startApp(sandbox);
    const visitor = browser();
    const url = await beginSignIn(app, sandbox, visitor);
    const old = visitor.fork();
    await visitor.visit(url);
    await visitor.visit(`${app.url}/connect/disconnect`, FORM, 'POST');
    const answer = await old.visit(url, SCRIPT);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { reason: 'used' }]);
  });
  test('while the duplicate of the callback that made it does', async () => {
    const app = await startApp(sandbox);
    const visitor = browser();
    const url = await beginSignIn(app, sandbox, visitor);
    const old = visitor.fork();
    await visitor.visit(url);
    expect((await old.visit(url, SCRIPT)).status).toBe(302);
  });
});

test('an onConnect that takes the session away is answered with 403', async () => {
  const app = await startApp(sandbox, {
    session: { unset: 'destroy' },
    options: { onConnect: (req) => void Object.assign(req, { session: null }) },
  });
  expect((await signIn(app, sandbox, browser())).status).toBe(403);
});

test('a session whose id a middleware renews, with all it holds, can start a sign-in', async () => {
  const app = await startApp(sandbox, {
    before: [
      (req, _res, next) => {
        if (!req.url.includes('rotate')) {
          next();
          return;
        }
        const data = Object.fromEntries(Object.entries(req.session).filter(([name]) => name !== 'cookie'));
        req.session.regenerate(() => {
          Object.assign(req.session, data);
          next();
        });
      },
    ],
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  expect((await visitor.visit(`${app.url}/connect/authorize?rotate=1`, SCRIPT)).status).toBe(302);
});

test('a disconnect is final for a request in flight, whatever rank stands on Object.prototype', async () => {
  const gate = latch();
  const app = await startApp(sandbox, {
    routes: (x, connect) => {
      x.get('/slow', (req, res) => {
        gate
          .wait()
          .then(() => connect.getToken(req))
          .then(
            (t) => res.json(t),
            () => res.status(401).end(),
          );
      });
    },
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  const slow = visitor.fork().visit(`${app.url}/slow`, SCRIPT);
  await gate.reached;
  await polluted('rank', 'evil', () => visitor.visit(`${app.url}/connect/disconnect`, FORM, 'POST'));
  gate.open();
  expect((await slow).status).toBe(401);
});

test.each(['evil', { pending: [], spent: [] }])('signIns on Object.prototype (%j) changes no replay', async (value) => {
  const app = await startApp(sandbox);
  const visitor = browser();
  const url = await beginSignIn(app, sandbox, visitor);
  await visitor.visit(url);
  const other = await beginSignIn(app, sandbox, visitor);
  expect((await polluted('signIns', value, () => visitor.visit(url, SCRIPT))).status).toBe(302);
  expect((await visitor.visit(other, SCRIPT)).status).toBe(302);
});

test('a claim whose save fails spends nothing, also when an older copy is saved meanwhile', async () => {
  const { store } = faultyStore();
  let fails = false;
  const gate = latch();
  const slow = latch();
  const set = store.set.bind(store);
  store.set = (id, session, done) => {
    const isClaim = (session as { req?: { url?: string } }).req?.url?.includes('callback') === true;
    if (!fails || !isClaim) return set(id, session, done);
    fails = false;
    void gate.wait().then(() => done?.(new Error('no')));
  };
  const app = await startApp(sandbox, {
    store,
    routes: (x) =>
      x.get('/slow', (req, res) => {
        void slow.wait().then(() => res.send(Object.assign(req.session, { a: 1 }).id));
      }),
  });
  const visitor = browser();
  const url = await beginSignIn(app, sandbox, visitor);
  const older = visitor.fork().visit(`${app.url}/slow`);
  await slow.reached;
  fails = true;
  const claim = visitor.fork().visit(url, SCRIPT);
  await gate.reached;
  slow.open();
  await older;
  gate.open();
  expect((await claim).status).toBe(503);
  expect((await visitor.visit(url, SCRIPT)).status).toBe(302);
});
