import type { Express } from 'express';
import { MemoryStore } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, withApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { tokensIn } from '../../support/stored';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.release());

const NAME = 'connect.sid';
const SCRIPT = { accept: 'application/json' };

function routes(express: Express): void {
  express.get('/login', (req, res) => {
    Object.assign(req.session, { user: req.query['as'] });
    res.send('in');
  });
  express.get('/who', (req, res) => {
    const { user = null } = req.session as { user?: unknown };
    res.json({ name: user, connected: req.session.connectToken !== undefined });
  });
}

const within = (check: (app: TestApp) => Promise<void>, parts: Parameters<typeof withApp>[1] = {}): Promise<void> =>
  withApp(sandbox, { routes, ...parts }, check);

/** Somebody who is logged in to the app. */
async function person(app: TestApp, user: string): Promise<Browser> {
  const visitor = browser();
  await visitor.visit(`${app.url}/login?as=${user}`);
  return visitor;
}

/** Who the app takes a browser for, and whether an account is connected. */
async function who(app: TestApp, visitor: Browser): Promise<unknown> {
  return JSON.parse((await visitor.visit(`${app.url}/who`)).body) as unknown;
}

const disconnect = (app: TestApp, visitor: Browser, headers: Record<string, string> = {}): Promise<Answer> =>
  visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin', ...headers }, 'POST');

const pairOf = (visitor: Browser): string => `${NAME}=${visitor.cookies.get(NAME) ?? ''}`;
const idOf = (visitor: Browser): string =>
  /^s:(.+)\.[^.]*$/u.exec(decodeURIComponent(visitor.cookies.get(NAME) ?? ''))?.[1] ?? '';
const codeOf = (answer: Answer): unknown => (JSON.parse(answer.body) as { code?: unknown }).code;

/** What a stranger who knows a session id can put into a Cookie header, and what only its owner has. */
const FORGED: readonly [string, (id: string) => string][] = [
  ['in another cookie, with a signature made up', (id) => `lang=s:${id}.x`],
  ['in another cookie, encoded', (id) => `lang=s%3A${id}.x`],
  ['in another cookie, in quotes', (id) => `lang="s:${id}."`],
  ['in another cookie, with a signature of the right length', (id) => `lang=s%3A${id}.${'A'.repeat(43)}`],
  ['without a name', (id) => `=s:${id}.${'A'.repeat(43)}`],
  ['under the right name, with a signature made up', (id) => `${NAME}=s%3A${id}.${'A'.repeat(43)}`],
];

describe.each(FORGED)('a session id %s', (_words, forged) => {
  test('moves nobody into the session of a callback that is completed', async () => {
    await within(async (app) => {
      const owner = await person(app, 'owner');
      const callback = await beginSignIn(app, sandbox, owner);
      const old = idOf(owner);
      await owner.visit(callback);
      const victim = await person(app, 'victim');
      const cookie = `${pairOf(victim)}; ${forged(old)}`;
      expect((await victim.visit(callback, { ...SCRIPT, cookie })).status).toBe(403);
      const stranger = browser();
      const answer = await stranger.visit(callback, { ...SCRIPT, cookie: forged(old) });
      expect({ status: answer.status, code: codeOf(answer), setCookie: answer.headers['set-cookie'] }).toEqual({
        status: 403,
        code: 'ERR_CONNECT_STATE',
        setCookie: undefined,
      });
      expect({
        victim: await who(app, victim),
        stranger: await who(app, stranger),
        owner: await who(app, owner),
      }).toEqual({
        victim: { name: 'victim', connected: false },
        stranger: { name: null, connected: false },
        owner: { name: 'owner', connected: true },
      });
    });
  });

  test('moves nobody into the session of a callback that is being exchanged', async () => {
    await within(async (app) => {
      const owner = await person(app, 'owner');
      const callback = await beginSignIn(app, sandbox, owner);
      const cookie = forged(idOf(owner));
      sandbox.fault({ kind: 'hold', when: 'before' });
      const running = owner.visit(callback);
      await sandbox.waiting();
      const stranger = browser();
      expect((await stranger.visit(callback, { ...SCRIPT, cookie })).status).toBe(403);
      sandbox.release();
      expect({
        status: (await running).status,
        stranger: await who(app, stranger),
        owner: await who(app, owner),
      }).toEqual({
        status: 302,
        stranger: { name: null, connected: false },
        owner: { name: 'owner', connected: true },
      });
    });
  });

  test('that its owner sends along on purpose is remembered for nobody', async () => {
    await within(async (app) => {
      const attacker = await person(app, 'attacker');
      const callback = await beginSignIn(app, sandbox, attacker);
      const planted = forged(idOf(attacker));
      // Of two cookies of one name express-session reads the first; otherwise the planted one stands in front.
      const both = planted.startsWith(NAME) ? [pairOf(attacker), planted] : [planted, pairOf(attacker)];
      expect((await attacker.visit(callback, { ...SCRIPT, cookie: both.join('; ') })).status).toBe(302);
      const victim = await person(app, 'victim');
      for (const cookie of [`${pairOf(victim)}; ${planted}`, planted]) {
        expect((await victim.visit(callback, { ...SCRIPT, cookie })).status).toBe(403);
      }
      expect([await who(app, victim), await who(app, attacker)]).toEqual([
        { name: 'victim', connected: false },
        { name: 'attacker', connected: true },
      ]);
    });
  });

  test('ends nobody else’s connection after the session has moved', async () => {
    await within(async (app) => {
      const owner = await person(app, 'owner');
      const callback = await beginSignIn(app, sandbox, owner);
      const old = idOf(owner);
      await owner.visit(callback);
      expect((await disconnect(app, browser(), { cookie: forged(old) })).status).toBe(204);
      expect({ owner: await who(app, owner), storedTokens: await tokensIn(app) }).toEqual({
        owner: { name: 'owner', connected: true },
        storedTokens: 1,
      });
    });
  });
});

describe('the very cookie that express-session has verified', () => {
  test('connects a double click whose first answer was dropped', async () => {
    await within(async (app) => {
      const owner = await person(app, 'owner');
      const callback = await beginSignIn(app, sandbox, owner, '/connect/authorize?returnTo=/in');
      const second = owner.fork();
      await owner.visit(callback);
      const answer = await second.visit(callback);
      expect({ status: answer.status, location: answer.location, sessionId: idOf(second) }).toEqual({
        status: 302,
        location: '/in',
        sessionId: idOf(owner),
      });
      expect({ second: await who(app, second), tokenCalls: sandbox.calls.token }).toEqual({
        second: { name: 'owner', connected: true },
        tokenCalls: 1,
      });
    });
  });

  test('under another name is another cookie', async () => {
    await within(async (app) => {
      const owner = await person(app, 'owner');
      const callback = await beginSignIn(app, sandbox, owner);
      const renamed = pairOf(owner).replace(NAME, 'lang');
      await owner.visit(callback);
      expect((await browser().visit(callback, { ...SCRIPT, cookie: renamed })).status).toBe(403);
    });
  });

  test('does not take a visitor out of a session of their own', async () => {
    await within(async (app) => {
      const attacker = await person(app, 'attacker');
      const callback = await beginSignIn(app, sandbox, attacker);
      const old = pairOf(attacker);
      await attacker.visit(callback);
      const victim = await person(app, 'victim');
      const cookie = `${pairOf(victim)}; ${old}`;
      expect((await victim.visit(callback, { ...SCRIPT, cookie })).status).toBe(403);
      expect(await who(app, victim)).toEqual({ name: 'victim', connected: false });
    });
  });
});

describe('any number of other cookies in front of that of the session', () => {
  const COUNTS = [50, 1000];
  const crowd = (count: number): string => Array.from({ length: count }, (_none, index) => `j${index}=1`).join('; ');

  test.each(COUNTS)('%i: a visitor signs in, clicks twice and disconnects', async (count) => {
    await within(async (app) => {
      const visitor = await person(app, 'owner');
      const headers = (): Record<string, string> => ({ ...SCRIPT, cookie: `${crowd(count)}; ${pairOf(visitor)}` });
      const started = await visitor.visit(`${app.url}/connect/authorize?returnTo=/in`, headers());
      const callback = await sandbox.allow(started.location);
      const twice = { ...headers() };
      const landed = await visitor.visit(callback, headers());
      expect([landed.status, landed.location]).toEqual([302, '/in']);
      const second = await browser().visit(callback, twice);
      expect([second.status, second.location]).toEqual([302, '/in']);
      const old = visitor.fork();
      const ended = await disconnect(app, visitor, headers());
      expect({ status: ended.status, storedTokens: await tokensIn(app) }).toEqual({ status: 204, storedTokens: 0 });
      expect([await who(app, visitor), await who(app, old)]).toEqual([
        { name: 'owner', connected: false },
        { name: null, connected: false },
      ]);
    });
  });

  test.each(COUNTS)('%i: a session that ends while a sign-in starts is not brought back', async (count) => {
    const gone = { now: false };
    await within(
      async (app) => {
        const visitor = browser();
        await visitor.visit(`${app.url}/connect/authorize`);
        gone.now = true;
        const answer = await visitor.visit(`${app.url}/connect/authorize`, {
          ...SCRIPT,
          cookie: `${crowd(count)}; ${pairOf(visitor)}`,
        });
        expect({ status: answer.status, code: codeOf(answer), sessions: await app.sessions() }).toEqual({
          status: 503,
          code: 'ERR_CONNECT_STORE',
          sessions: {},
        });
      },
      {
        before: [
          (req, _res, next) => {
            if (gone.now) req.sessionStore.destroy(req.sessionID, () => next());
            else next();
          },
        ],
      },
    );
  });
});

describe('sessions that have moved again and again', () => {
  /** Lets the session of a visitor move `times` times. @returns a browser with the cookie of the beginning */
  async function moved(app: TestApp, visitor: Browser, times: number): Promise<Browser> {
    await visitor.visit(`${app.url}/connect/authorize`);
    const first = visitor.fork();
    for (let move = 1; move < times; move += 1) {
      await disconnect(app, visitor);
      await visitor.visit(`${app.url}/connect/authorize`);
    }
    await signIn(app, sandbox, visitor);
    return first;
  }

  /** Counts the reads of a store. */
  function counted(): { store: MemoryStore; reads: () => number } {
    const store = new MemoryStore();
    const get = store.get.bind(store);
    let reads = 0;
    store.get = (id, done) => {
      reads += 1;
      get(id, done);
    };
    return { store, reads: () => reads };
  }

  test('are followed three times by the first cookie', async () => {
    await within(async (app) => {
      const visitor = await person(app, 'owner');
      const first = await moved(app, visitor, 3);
      expect((await disconnect(app, first)).status).toBe(204);
      expect({ visitor: await who(app, visitor), storedTokens: await tokensIn(app) }).toEqual({
        visitor: { name: 'owner', connected: false },
        storedTokens: 0,
      });
    });
  });

  test.each([1, 20, 100])(
    'are asked for no state that did not move them, with the old cookie %i times',
    async (count) => {
      const { store, reads } = counted();
      await within(
        async (app) => {
          const visitor = await person(app, 'owner');
          const first = await moved(app, visitor, 1);
          const headers = { ...SCRIPT, cookie: Array.from({ length: count }, () => pairOf(first)).join('; ') };
          const before = reads();
          const answer = await browser().visit(`${app.url}/connect/callback?state=another&code=any`, headers);
          expect({ status: answer.status, code: codeOf(answer) }).toEqual({ status: 403, code: 'ERR_CONNECT_STATE' });
          // That of express-session.
          expect(reads() - before).toBe(1);
        },
        { store },
      );
    },
  );

  test('are not followed further: the answer says so, and costs no more', async () => {
    const { store, reads } = counted();
    await within(
      async (app) => {
        const visitor = await person(app, 'owner');
        const first = await moved(app, visitor, 12);
        const before = reads();
        const answer = await disconnect(app, first);
        // The one of express-session, ours of the session that is no more, and three of where it went.
        expect(reads() - before).toBeLessThanOrEqual(5);
        expect({ status: answer.status, code: codeOf(answer), retryAfter: answer.headers['retry-after'] }).toEqual({
          status: 503,
          code: 'ERR_CONNECT_LEDGER',
          retryAfter: '1',
        });
        expect({ visitor: await who(app, visitor), storedTokens: await tokensIn(app) }).toEqual({
          visitor: { name: 'owner', connected: true },
          storedTokens: 1,
        });
        expect({ status: (await disconnect(app, visitor)).status, storedTokens: await tokensIn(app) }).toEqual({
          status: 204,
          storedTokens: 0,
        });
      },
      { store },
    );
  });
});
