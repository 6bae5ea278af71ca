import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, startApp, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

// A genid that gives an id again, which another visitor has or had: express-session then puts what the newcomer writes
// over that session. What is in it is not the newcomer's, and the disconnect of a stranger does not end it.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());

/** The ids of the sessions to come. */
let ids: string[];

async function start(): Promise<TestApp> {
  return startApp(sandbox, {
    session: { genid: () => ids.shift() ?? 'no more' },
    options: { afterDisconnect: '/' },
    routes: (app, connect) => {
      app.get('/basket', (req, res) => void res.json((req.session as { basket?: string }).basket ?? null));
      app.get('/fill', (req, res) => {
        Object.assign(req.session, { basket: 'apples' });
        res.send('filled');
      });
      app.get('/dead', (req, res, next) => {
        req.session.connectToken = { access_token: 'a', refresh_token: 'made-up', type: 'bearer', expires_at: 1000 };
        connect.getToken(req).then((token) => void res.json(token), next);
      });
    },
  });
}

/** A visitor with a basket whose account is connected: their session was `old` and is `new`. */
async function connected(app: TestApp): Promise<{ visitor: Browser; callback: string }> {
  const visitor = browser();
  ids = ['old', 'new'];
  await visitor.visit(`${app.url}/fill`);
  const callback = await beginSignIn(app, sandbox, visitor);
  expect((await visitor.visit(callback)).status).toBe(302);
  return { visitor, callback };
}

const disconnect = (app: TestApp, visitor: Browser) =>
  visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');

async function holds(app: TestApp, visitor: Browser): Promise<readonly unknown[]> {
  const [token, basket] = [await visitor.visit(`${app.url}/token`), await visitor.visit(`${app.url}/basket`)];
  return [JSON.parse(token.body) !== null, JSON.parse(basket.body) as unknown];
}

const NOTHING = [false, null];
const ALL = [true, 'apples'];

test.each(['new', 'old'])('a stranger who is given the %s id disconnects nobody', async (id) => {
  const app = await start();
  const { visitor } = await connected(app);
  const stranger = browser();
  ids = [id, 'next', 'another', 'one more'];
  expect((await disconnect(app, stranger)).status).toBe(204);
  expect([await holds(app, stranger), await holds(app, visitor)]).toEqual([NOTHING, ALL]);
});

test.each(['new', 'old'])('a stranger who is given the %s id, and has seen the callback, joins nobody', async (id) => {
  const app = await start();
  const { visitor, callback } = await connected(app);
  const stranger = browser();
  ids = [id, 'next', 'another', 'one more'];
  expect((await stranger.visit(callback)).status).toBe(403);
  expect([await holds(app, stranger), await holds(app, visitor)]).toEqual([NOTHING, ALL]);
});

test('a stranger who is given the id of a connected visitor, with a dead token of their own, gets no other', async () => {
  const app = await start();
  await connected(app);
  ids = ['new'];
  const answer = await browser().visit(`${app.url}/dead`, { accept: 'application/json' });
  expect([answer.status, (JSON.parse(answer.body) as { code?: string }).code]).toEqual([401, 'ERR_CONNECT_EXPIRED']);
});

test('a visitor who disconnects with the cookie of a moment ago is disconnected', async () => {
  const app = await start();
  const visitor = browser();
  ids = ['old', 'new'];
  await visitor.visit(`${app.url}/fill`);
  const before = visitor.fork();
  await visitor.visit(await beginSignIn(app, sandbox, visitor));
  ids = ['next', 'another', 'one more'];
  expect((await disconnect(app, before)).status).toBe(204);
  expect(await holds(app, visitor)).toEqual([false, 'apples']);
});
