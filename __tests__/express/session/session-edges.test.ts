import { MemoryStore, type SessionData } from 'express-session';
import { ConnectError, memoryLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import {
  beginSignIn,
  browser,
  signIn,
  startApp,
  withApp,
  type Answer,
  type TestApp,
  type TestAppParts,
} from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { givenDeadline } from '../../support/deadline';
import { startSandbox } from '../../support/sandbox';
import { turns } from '../../support/turns';

/** A store whose reads can be held back, so that requests overlap in the order a test wants. */
class GatedStore extends MemoryStore {
  reads = 0;
  private readonly held: (() => void)[] = [];
  private toHold = 0;
  /** The next `n` reads wait for `release`. */
  holdNext(n: number): void {
    this.toHold = n;
  }
  /** Resolves once `n` reads wait. */
  async waiting(n: number): Promise<void> {
    while (this.held.length < n) await turns(1);
  }
  release(): void {
    for (const go of this.held.splice(0)) go();
  }
  override get(sid: string, done: (error: unknown, session?: SessionData | null) => void): void {
    const go = (): void => {
      super.get(sid, done);
    };
    this.reads += 1;
    if (this.toHold === 0) return go();
    this.toHold -= 1;
    this.held.push(go);
  }
}

/** A store whose writes can be held back; everything else answers. */
class SlowToWrite extends MemoryStore {
  private held: (() => void)[] | undefined;
  /** @param onHeld - called after a write was held back, once whoever made it waits */
  constructor(private readonly onHeld = (): void => undefined) {
    super();
  }
  hold(): void {
    this.held = [];
  }
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const go of held) go();
  }
  override set(sid: string, data: SessionData, done?: (error?: unknown) => void): void {
    const go = (): void => {
      super.set(sid, data, done);
    };
    if (this.held === undefined) go();
    else {
      this.held.push(go);
      setImmediate(this.onHeld);
    }
  }
}

/** Writes like that, and then rejects: its answer got lost. */
class SlowToReject extends SlowToWrite {
  rejects = false;
  constructor(pass: ConstructorParameters<typeof SlowToWrite>[0]) {
    super(pass);
    const write = this.set.bind(this);
    // A store of promises, as its users' type of `set` does not know it.
    const set = (sid: string, data: SessionData, done?: (error?: unknown) => void): Promise<void> =>
      new Promise((resolve, reject) => {
        write(sid, data, (error) => {
          if (this.rejects) reject(new Error('the answer got lost'));
          else {
            done?.(error);
            resolve();
          }
        });
      });
    Object.assign(this, { set });
  }
}

const deadline = givenDeadline();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

const within = (parts: TestAppParts, check: (own: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, parts, check);

const codeOf = (answer: Answer): unknown =>
  answer.body === '' ? answer.location : (JSON.parse(answer.body) as { code?: unknown }).code;
const script = { accept: 'application/json' };

interface StoredPending {
  connectPending?: { p: unknown[]; s: unknown[] };
  [key: string]: unknown;
}

describe('with resave: true, which writes back whatever a request has loaded', () => {
  const session = { resave: true };

  test('a double click on a failing callback leaves the state spent in the store', async () => {
    const store = new GatedStore();
    await within({ session, store }, async (app) => {
      const visitor = browser();
      const callback = await beginSignIn(app, sandbox, visitor);
      sandbox.force(503);
      // Both have loaded the session before either has spent the state.
      store.holdNext(2);
      const both = [visitor.visit(callback, script), visitor.fork().visit(callback, script)];
      await store.waiting(2);
      store.release();
      expect((await Promise.all(both)).map(codeOf)).toEqual(Array(2).fill('ERR_CONNECT_UNAVAILABLE'));
      const [stored] = Object.values(await app.sessions()) as StoredPending[];
      expect({ pending: stored?.connectPending?.p.length, spent: stored?.connectPending?.s.length }).toEqual({
        pending: 0,
        spent: 1,
      });
    });
  });

  test('a forged callback beside the real one does not bring the old session back', async () => {
    const store = new GatedStore();
    await within({ session, store }, async (app) => {
      const visitor = browser();
      const callback = await beginSignIn(app, sandbox, visitor);
      sandbox.fault({ kind: 'hold', when: 'before' });
      const real = visitor.visit(callback);
      await sandbox.waiting(1);
      // The real one is about to move to the new session, and has its turn on the old one.
      store.holdNext(1);
      sandbox.release();
      await store.waiting(1);
      const { reads } = store;
      const forged = visitor.fork().visit(`${app.url}/connect/callback?code=x&state=forged`, script);
      while (store.reads === reads) await turns(1);
      await turns(5);
      store.release();
      expect([codeOf(await forged), (await real).status]).toEqual(['ERR_CONNECT_STATE', 302]);
      expect(Object.values(await app.sessions()).map((one) => typeof one['connectToken'])).toEqual(['object']);
    });
  });
});

test('simultaneous replays in the connected session all land on the original page', async () => {
  await within({}, async (app) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/landed');
    await visitor.visit(callback);
    const replays = await Promise.all(Array.from({ length: 4 }, () => visitor.fork().visit(callback)));
    expect(replays.map((answer) => [answer.status, answer.location])).toEqual(Array(4).fill([302, '/landed']));
    expect(sandbox.calls.token).toBe(1);
  });
});

test('starting a sign-in renews the life of the stored session, as any request does', async () => {
  await within({ session: { cookie: { maxAge: 900_000 } } }, async (app) => {
    const visitor = browser();
    await visitor.visit(`${app.url}/connect/authorize`);
    const [sid = '', stored] = Object.entries(await app.sessions())[0] ?? [];
    const aged = structuredClone(stored) as unknown as SessionData;
    Object.assign(aged.cookie, { expires: new Date(Date.now() + 60_000) });
    await new Promise((resolve) => {
      app.store.set(sid, aged, resolve);
    });
    await visitor.visit(`${app.url}/connect/authorize`);
    const cookie = (await app.sessions())[sid]?.['cookie'] as { expires: string };
    expect(Date.parse(cookie.expires) - Date.now()).toBeGreaterThan(800_000);
  });
});

test('a token that another request removes while a sign-in starts stays removed', async () => {
  // Read by express-session, read again by us: in between another request has saved a session without the token.
  class Overtaken extends MemoryStore {
    reads = Infinity;
    override get(sid: string, done: (error: unknown, session?: SessionData | null) => void): void {
      this.reads += 1;
      if (this.reads !== 2) {
        super.get(sid, done);
        return;
      }
      super.get(sid, (_error, found) => {
        const { connectToken, ...rest } = found as SessionData;
        expect(connectToken?.type).toBe('bearer');
        super.set(sid, rest, () => {
          super.get(sid, done);
        });
      });
    }
  }
  const store = new Overtaken();
  await within({ store }, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    store.reads = 0;
    expect((await visitor.visit(`${app.url}/connect/authorize`)).status).toBe(302);
    expect((await visitor.visit(`${app.url}/token`)).body).toBe('null');
  });
});

test('onConnect may regenerate the session, as login code often does', async () => {
  const sound = memoryLedger();
  const revoked: string[] = [];
  const options: TestAppParts['options'] = {
    ledger: {
      ...sound,
      revoke(key, retentionMs) {
        if (!key.startsWith('moved:')) revoked.push(key);
        return sound.revoke(key, retentionMs);
      },
    },
    onConnect: (req) =>
      new Promise((resolve) => {
        req.session.regenerate(() => {
          Object.assign(req.session, { userId: 7 });
          resolve();
        });
      }),
  };
  await within({ options }, async (app) => {
    const visitor = browser();
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
    const stored = Object.values(await app.sessions());
    expect(stored.map((one) => one['userId'])).toEqual([7]);
    expect((await visitor.visit(`${app.url}/token`)).body).toContain('bearer');
    // What is ours goes along: another tab finishes its sign-in, and the connection that is replaced ends.
    const [one, two] = ['/one', '/two'].map((place) => `/connect/authorize?returnTo=${place}`);
    const first = await beginSignIn(app, sandbox, visitor, one);
    const second = await beginSignIn(app, sandbox, visitor, two);
    revoked.length = 0;
    expect([(await visitor.visit(first)).location, revoked.length]).toEqual(['/one', 1]);
    expect([(await visitor.visit(second)).location, revoked.length]).toEqual(['/two', 2]);
  });
});

test('onConnect that destroys the session ends the sign-in without a token', async () => {
  const options: TestAppParts['options'] = {
    onConnect: (req) =>
      new Promise((resolve) => {
        req.session.destroy(() => {
          resolve();
        });
      }),
  };
  await within({ options }, async (app) => {
    const visitor = browser();
    const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor), script);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'ERR_CONNECT_STATE']);
    expect(await app.sessions()).toEqual({});
  });
});

test('a genid that gives the same id again is named instead of losing the connection', async () => {
  await within({ session: { genid: () => 'always-the-same' } }, async (app) => {
    const visitor = browser();
    const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor), script);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      500,
      expect.objectContaining({ code: 'ERR_CONNECT_NO_SESSION', reason: 'genid' }),
    ]);
  });
});

test('a session id that stands inside another cookie is not taken for the presented one', async () => {
  let id = 0;
  await within({ session: { genid: () => String((id += 1)) } }, async (app) => {
    const visitor = browser(new Map([['theme', '1']]));
    expect((await visitor.visit(`${app.url}/connect/authorize`)).status).toBe(302);
  });
});

test('ten starts of one session against a store that hangs are all refused within one waiting time', async () => {
  const store = new SlowToWrite();
  await within({ store, options: { storeTimeoutMs: deadline.ms } }, async (app) => {
    const visitor = browser();
    await visitor.visit(`${app.url}/connect/authorize`);
    store.hold();
    const starts = Array.from({ length: 10 }, () => visitor.fork().visit(`${app.url}/connect/authorize`, script));
    // The first waits for the store, and the others for their turn. The time passes once: whoever began to wait for the
    // store only then would never be answered.
    await deadline.waiting(10);
    deadline.pass();
    const answers = await Promise.all(starts);
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(503));
    store.release();
  });
});

test.each([
  ['writes', SlowToWrite],
  ['writes, and then rejects,', SlowToReject],
])('a store that %s after we gave up leaves no token behind', async (_what, Store) => {
  const store = new Store(deadline.pass);
  await within(
    {
      store,
      options: {
        storeTimeoutMs: deadline.ms,
        onConnect: () => {
          store.hold();
        },
      },
    },
    async (app) => {
      const visitor = browser();
      const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor), script);
      expect([answer.status, codeOf(answer)]).toEqual([503, 'ERR_CONNECT_STORE']);
      if (store instanceof SlowToReject) store.rejects = true;
      store.release();
      await turns(10);
      const stored = Object.values(await app.sessions());
      expect(stored.map((one) => one['connectToken'])).toEqual([undefined]);
    },
  );
});

test('an async store that rejects is a 503 and no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  cleanup(() => process.off('unhandledRejection', note));
  const store = Object.assign(new MemoryStore(), {
    set: () => Promise.reject(new Error('redis://user:password@host')),
  });
  const app = await startApp(sandbox, { store });
  const answer = await browser().visit(`${app.url}/connect/authorize`, script);
  expect([answer.status, codeOf(answer)]).toEqual([503, 'ERR_CONNECT_STORE']);
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toStrictEqual([]);
});

test('a render that breaks off in the middle of its answer ends the connection instead of hanging', async () => {
  const options: TestAppParts['options'] = {
    renderError: (_error, _req, res) => {
      res.write('half');
      throw new Error('template detail');
    },
  };
  await within({ options }, async (app) => {
    await expect(browser().visit(`${app.url}/connect/callback`, script)).rejects.toThrow();
  });
});

test("a ConnectError of the app's own tells the stage in which it was thrown", async () => {
  const stages: string[] = [];
  const options: TestAppParts['options'] = {
    onConnect: () => {
      throw new ConnectError('ERR_CONNECT_FORBIDDEN', { message: 'not on the list' });
    },
    onEvent: (event) => {
      if (event.type === 'error') stages.push(event.stage);
    },
  };
  await within({ options }, async (app) => {
    const visitor = browser();
    const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor), script);
    expect({ status: answer.status, code: codeOf(answer), stages }).toEqual({
      status: 403,
      code: 'ERR_CONNECT_FORBIDDEN',
      stages: ['callback'],
    });
  });
});

test('a ConnectError with a code that does not exist names those that do', () => {
  expect(() => new ConnectError('ERR_MINE' as 'ERR_CONNECT_STATE')).toThrow(/one of these codes: ERR_CONNECT_OPTIONS/u);
});
