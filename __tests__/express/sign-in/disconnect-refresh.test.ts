import type { Express, RequestHandler } from 'express';
import { memoryLedger, type ConnectAuth, type ConnectEvent, type RefreshLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, withApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { startSandbox } from '../../support/sandbox';
import { editSessions, onlySession, tokensIn } from '../../support/stored';

const OWN = { 'sec-fetch-site': 'same-origin' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

/** The token as the store holds it. */
interface StoredToken {
  access_token: string;
  refresh_token: string;
  expires_at: number;
}

function routes(express: Express, connect: ConnectAuth): void {
  express.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: 'apples' });
    res.send('filled');
  });
  express.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
  express.get('/fresh', (req, res, next) => {
    connect.getToken(req).then((token) => void res.json(token), next);
  });
  express.get('/guarded', connect.requireConnect(), (req, res) => void res.json(req.session.connectToken));
}

/** A ledger that keeps a diary, and has trouble where `trouble` says so. */
function watchedLedger(trouble: Partial<RefreshLedger> = {}): { ledger: RefreshLedger; diary: string[] } {
  const sound = memoryLedger();
  const diary: string[] = [];
  const ledger: RefreshLedger = {
    ...sound,
    ...trouble,
    async settle(key, success) {
      const settled = await sound.settle(key, success);
      diary.push(`settle: ${settled.kind}`);
      return settled;
    },
    revoke(key, retentionMs) {
      diary.push(key.startsWith('moved:') ? 'moved' : 'revoke');
      return (trouble.revoke ?? sound.revoke)(key, retentionMs);
    },
    once(name, ttlMs) {
      diary.push('once');
      return (trouble.once ?? sound.once)(name, ttlMs);
    },
  };
  return { ledger, diary };
}

/** Runs a check with an app on a watched ledger, and a visitor with a basket and a connected account. */
async function withVisitor(
  trouble: Partial<RefreshLedger>,
  check: (world: { app: TestApp; visitor: Browser; diary: string[]; events: ConnectEvent[] }) => Promise<void>,
): Promise<void> {
  const { ledger, diary } = watchedLedger(trouble);
  const events: ConnectEvent[] = [];
  await withApp(sandbox, { routes, options: { ledger, onEvent: (event) => events.push(event) } }, async (app) => {
    const visitor = browser();
    await visitor.visit(`${app.url}/fill`);
    await signIn(app, sandbox, visitor);
    diary.length = 0;
    events.length = 0;
    await check({ app, visitor, diary, events });
  });
}

const disconnect = (app: TestApp, visitor: Browser): Promise<Answer> =>
  visitor.visit(`${app.url}/connect/disconnect`, OWN, 'POST');

async function storedToken(app: TestApp): Promise<StoredToken> {
  return (await onlySession(app))['connectToken'] as StoredToken;
}

/** As if the token had been got long ago. */
function age(app: TestApp, secondsLeft: number): Promise<void> {
  return editSessions(app, (document) => {
    (document['connectToken'] as StoredToken).expires_at = Math.floor(Date.now() / 1000) + secondsLeft;
  });
}

async function holds(app: TestApp, visitor: Browser): Promise<{ token: string; basket: string }> {
  const token = (await visitor.visit(`${app.url}/token`)).body;
  return { token, basket: (await visitor.visit(`${app.url}/basket`)).body };
}

const codeOf = (answer: Answer): unknown => (JSON.parse(answer.body) as { code?: unknown }).code;

describe('a refresh in flight', () => {
  const ROWS: readonly [string, 'before' | 'after', number, number | undefined][] = [
    ['that the provider has not carried out, then succeeds, of an expired token', 'before', -10, undefined],
    ['that the provider has carried out, of an expired token', 'after', -10, undefined],
    ['that the provider has not carried out, then succeeds, of a token that is due', 'before', 5, undefined],
    ['that the provider has carried out, of a token that is due', 'after', 5, undefined],
    ...[400, 401, 403, 429, 500, 503].map((apiCode): [string, 'after', number, number] => [
      `that fails with ${apiCode}`,
      'after',
      -10,
      apiCode,
    ]),
  ];

  test.each(ROWS)('%s, brings no token back', async (_words, when, secondsLeft, apiCode) => {
    await withVisitor({}, async ({ app, visitor, diary, events }) => {
      const old = visitor.fork();
      const before = await storedToken(app);
      await age(app, secondsLeft);
      if (apiCode !== undefined) sandbox.force(apiCode, { on: 'refresh' });
      sandbox.fault({ kind: 'hold', when }, { on: 'refresh' });
      const running = old.fork().visit(`${app.url}/fresh`, {});
      await sandbox.waiting(1);
      const joining = old.fork().visit(`${app.url}/guarded`, {});
      // A valid token is served meanwhile.
      if (secondsLeft > 0)
        expect((JSON.parse((await joining).body) as StoredToken).access_token).toBe(before.access_token);
      expect((await disconnect(app, visitor)).status).toBe(204);
      expect({ storedTokens: await tokensIn(app), sessionCount: Object.keys(await app.sessions()).length }).toEqual({
        storedTokens: 0,
        sessionCount: 1,
      });
      sandbox.release();
      const waited = await running;
      expect({
        status: waited.status,
        code: codeOf(waited),
        joinedGetsToken: (await joining).body.includes(before.refresh_token),
      }).toEqual({ status: 401, code: 'ERR_CONNECT_EXPIRED', joinedGetsToken: secondsLeft > 0 });
      expect({
        refreshCalls: sandbox.calls.refresh,
        presentations: sandbox.presentations(before.refresh_token),
      }).toEqual({ refreshCalls: 1, presentations: 1 });
      expect(diary).toEqual(['revoke', 'moved', ...(apiCode === undefined ? ['settle: revoked'] : [])]);
      expect([await holds(app, visitor), await holds(app, old)]).toEqual([
        { token: 'null', basket: '"apples"' },
        { token: 'null', basket: 'null' },
      ]);
      expect({ storedTokens: await tokensIn(app), sessionCount: Object.keys(await app.sessions()).length }).toEqual({
        storedTokens: 0,
        sessionCount: 1,
      });
      for (const one of [visitor, old]) {
        const answer = await one.visit(`${app.url}/fresh`, {});
        expect([answer.status, codeOf(answer)]).toEqual([401, 'ERR_CONNECT_REQUIRED']);
      }
      expect(events.filter((event) => event.type === 'disconnected').length).toBe(1);
    });
  });

  test('is dropped although the session was left as it is by a store that failed', async () => {
    await withVisitor({}, async ({ app, visitor, diary }) => {
      await age(app, -10);
      sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
      const running = visitor.fork().visit(`${app.url}/fresh`, {});
      await sandbox.waiting(1);
      const set = app.store.set.bind(app.store);
      app.store.set = (_id, _session, done) => void setImmediate(() => done?.(new Error('full')));
      const answer = await disconnect(app, visitor);
      app.store.set = set;
      sandbox.release();
      expect({ answerStatus: answer.status, code: codeOf(answer), runningStatus: (await running).status }).toEqual({
        answerStatus: 503,
        code: 'ERR_CONNECT_STORE',
        runningStatus: 401,
      });
      // The connection has ended all the same; only the rest of the work is left for the next try.
      expect(diary).toEqual(['revoke', 'settle: revoked']);
      expect([(await disconnect(app, visitor)).status, await holds(app, visitor)]).toEqual([
        204,
        { token: 'null', basket: '"apples"' },
      ]);
    });
  });
});

test('a slow request that saves its old copy of the session brings no usable token back', async () => {
  await withVisitor({}, async ({ app, visitor }) => {
    const old = visitor.fork();
    const [[id, copy]] = Object.entries(await app.sessions()) as [[string, unknown]];
    expect((await disconnect(app, visitor)).status).toBe(204);
    await new Promise<void>((resolve) => app.store.set(id, copy as never, () => resolve()));
    for (const path of ['/token', '/fresh', '/guarded']) {
      expect((await old.fork().visit(app.url + path, {})).body).not.toContain('access_token');
    }
    expect(sandbox.calls.refresh).toBe(0);
    expect((await disconnect(app, old)).status).toBe(204);
    expect(await tokensIn(app)).toBe(0);
  });
});

describe('a ledger that is away', () => {
  const away = (): Promise<never> => Promise.reject(new Error('redis://default:secret@10.9.8.7'));

  test('leaves a disconnect undone and says so: 503, the token is there and works, and the next try succeeds', async () => {
    let isAway = true;
    const ended = memoryLedger();
    const revoke: RefreshLedger['revoke'] = (key, retentionMs) => (isAway ? away() : ended.revoke(key, retentionMs));
    await withVisitor({ revoke }, async ({ app, visitor, events }) => {
      const before = await app.sessions();
      const answer = await disconnect(app, visitor);
      expect({
        status: answer.status,
        code: codeOf(answer),
        retryAfter: answer.headers['retry-after'],
        setCookie: answer.headers['set-cookie'],
      }).toEqual({ status: 503, code: 'ERR_CONNECT_LEDGER', retryAfter: '2', setCookie: undefined });
      expect(answer.body).not.toMatch(/redis|secret|loginUrl/u);
      expect(await app.sessions()).toEqual(before);
      expect((await visitor.visit(`${app.url}/fresh`, {})).status).toBe(200);
      expect(events.map((event) => [event.type, 'stage' in event ? event.stage : undefined])).toEqual([
        ['ledger_error', undefined],
        ['error', 'disconnect'],
      ]);
      isAway = false;
      expect([(await disconnect(app, visitor)).status, await holds(app, visitor)]).toEqual([
        204,
        { token: 'null', basket: '"apples"' },
      ]);
    });
  });

  test('lets no callback exchange its code: 503, and a new sign-in is needed', async () => {
    let isAway = false;
    const { ledger, diary } = watchedLedger({ once: () => (isAway ? away() : Promise.resolve(true)) });
    await withApp(sandbox, { routes, options: { ledger } }, async (app) => {
      const visitor = browser();
      await visitor.visit(`${app.url}/fill`);
      const callback = await beginSignIn(app, sandbox, visitor);
      isAway = true;
      const answer = await visitor.visit(callback, {});
      expect({
        status: answer.status,
        code: codeOf(answer),
        setCookie: answer.headers['set-cookie'],
        exchangeCalls: sandbox.calls.exchange,
      }).toEqual({ status: 503, code: 'ERR_CONNECT_LEDGER', setCookie: undefined, exchangeCalls: 0 });
      isAway = false;
      expect({
        status: (await visitor.visit(callback, {})).status,
        exchangeCalls: sandbox.calls.exchange,
        diary,
      }).toEqual({ status: 403, exchangeCalls: 0, diary: ['once'] });
      expect((await signIn(app, sandbox, visitor)).status).toBe(302);
      expect((await holds(app, visitor)).basket).toBe('"apples"');
    });
  });
});

test('a callback that another process has claimed lands without an exchange, a token or a cookie', async () => {
  const names: [string, number][] = [];
  let allCame = (): void => undefined;
  const came = new Promise<void>((resolve) => (allCame = resolve));
  const { ledger } = watchedLedger({
    async once(name, ttlMs) {
      names.push([name, ttlMs]);
      await came;
      return false;
    },
  });
  let callbacks = 0;
  const counted: RequestHandler = (req, _res, next) => {
    if (req.path === '/connect/callback' && (callbacks += 1) === 3) allCame();
    next();
  };
  await withApp(
    sandbox,
    { routes, before: [counted], session: { resave: true, rolling: true }, options: { ledger, pendingTtlMs: 60_000 } },
    async (app) => {
      const visitor = browser();
      await visitor.visit(`${app.url}/fill`);
      const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/landed');
      const answers = await Promise.all([1, 2, 3].map(() => visitor.fork().visit(callback)));
      expect(answers.map((answer) => [answer.status, answer.location, answer.headers['set-cookie']])).toEqual(
        Array(3).fill([302, '/landed', undefined]),
      );
      expect((await visitor.fork().visit(callback)).status).toBe(403);
      expect({ tokenCalls: sandbox.calls.token, storedTokens: await tokensIn(app) }).toEqual({
        tokenCalls: 0,
        storedTokens: 0,
      });
      // The state's hash, never the state.
      const state = new URL(callback).searchParams.get('state') ?? '';
      expect(names).toEqual([[expect.stringMatching(/^[\w-]{43}$/u), 60_000]]);
      expect(names[0]?.[0]).not.toContain(state);
      expect((await holds(app, visitor)).basket).toBe('"apples"');
    },
  );
});

describe('a new sign-in', () => {
  test('ends the connection that it replaces, of the same session and no other', async () => {
    await withVisitor({}, async ({ app, visitor, diary }) => {
      await signIn(app, sandbox, browser());
      // The exchange is claimed, the move announced, the landing claimed; then the old session is marked.
      const signedIn = ['once', 'once', 'once', 'moved'];
      expect(diary).toEqual(signedIn);
      await signIn(app, sandbox, visitor);
      expect(diary).toEqual([...signedIn, ...signedIn, 'revoke']);
      expect((await visitor.visit(`${app.url}/fresh`, {})).status).toBe(200);
    });
  });

  test.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', () => new Promise<never>((_, reject) => cleanup(() => reject(new Error('away'))))],
  ] as const)('does not wait for that, whether the ledger %s or not', async (_words, answer) => {
    // The mark of the session that has moved is waited for: another process must know it.
    const marks = memoryLedger();
    const revoke: RefreshLedger['revoke'] = (key, retentionMs) =>
      key.startsWith('moved:') ? marks.revoke(key, retentionMs) : answer();
    await withVisitor({ revoke }, async ({ app, visitor }) => {
      expect((await signIn(app, sandbox, visitor)).status).toBe(302);
      expect((await visitor.visit(`${app.url}/fresh`, {})).status).toBe(200);
    });
  });
});

describe('a session that another request has written since this one loaded it', () => {
  /** An app in which the next disconnect loads the session, and only then `write` changes its document. */
  async function withLateWrite(
    trouble: Partial<RefreshLedger>,
    write: (document: Record<string, unknown>) => void,
    check: (world: { app: TestApp; visitor: Browser; diary: string[] }) => Promise<void>,
  ): Promise<void> {
    const { ledger, diary } = watchedLedger(trouble);
    const own: { app?: TestApp } = {};
    await withApp(
      sandbox,
      {
        routes,
        session: { resave: true },
        options: { ledger },
        before: [
          (req, _res, next) => {
            if (own.app === undefined || req.method !== 'POST') next();
            else editSessions(own.app, write).then(() => next(), next);
          },
        ],
      },
      async (app) => {
        own.app = app;
        const visitor = browser();
        await visitor.visit(`${app.url}/fill`);
        await signIn(app, sandbox, visitor);
        diary.length = 0;
        await check({ app, visitor, diary });
      },
    );
  }

  test('loses both connections, the one that was loaded and the one that is stored', async () => {
    await withLateWrite(
      {},
      (document) => {
        Object.assign(document['connectToken'] as object, { connection: 'another.3' });
      },
      async ({ app, visitor, diary }) => {
        expect({ status: (await disconnect(app, visitor)).status, diary, storedTokens: await tokensIn(app) }).toEqual({
          status: 204,
          diary: ['revoke', 'revoke', 'moved'],
          storedTokens: 0,
        });
      },
    );
  });

  test('keeps what was written when the ledger is away', async () => {
    const revoke = (): Promise<never> => Promise.reject(new Error('away'));
    await withLateWrite(
      { revoke },
      (document) => {
        document['basket'] = 'pears';
      },
      async ({ app, visitor }) => {
        expect((await disconnect(app, visitor)).status).toBe(503);
        expect({ basket: (await holds(app, visitor)).basket, storedTokens: await tokensIn(app) }).toEqual({
          basket: '"pears"',
          storedTokens: 1,
        });
      },
    );
  });
});
