import type { Express } from 'express';
import type { SessionData } from 'express-session';
import type { ConnectAuth, ConnectToken, EncryptionKey } from '../../../../src';
import type { Sandbox } from '../../../../src/testing';
import { browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../../support/app';
import { cleanup } from '../../../support/cleanup';
import { findSecrets } from '../../../support/find-secret';
import { takeOverTime, verdict, type Time } from '../../../support/refreshing';
import { describeInPostgres, describeInRedis } from '../../../support/requires';
import { startSandbox } from '../../../support/sandbox';
import { memory, postgres, redis, type StoreAtHand } from './session-stores';

const HOUR_MS = 3_600_000;
const JSON_ONLY = { accept: 'application/json' };
const KEYS: readonly EncryptionKey[] = [{ id: 'k1', secret: 'the session secret of these tests, long enough' }];

let sandbox: Sandbox;
let time: Time;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' }, now: () => Date.now() });
});
beforeEach(() => {
  time = takeOverTime();
});

function routes(app: Express, connect: ConnectAuth): void {
  app.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: ['apples'] });
    res.send('filled');
  });
  app.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
  app.get('/guarded', connect.requireConnect(), (req, res) => void res.json(req.session.connectToken));
  app.get('/me', (req, res, next) => {
    connect
      .client(req)
      .get<object>('/me')
      .then(({ data }) => void res.json(data), next);
  });
}

/** The journey that every store must carry. */
function journey(open: () => Promise<StoreAtHand>): void {
  let at: StoreAtHand;
  beforeAll(async () => {
    at = await open();
    // Every app listens to its store, and here many apps share one.
    at.store.setMaxListeners(0);
  });

  describe.each([
    ['with encryption', KEYS],
    ['without encryption', undefined],
  ])('%s', (_title, encryptionKeys) => {
    afterEach(() => at.clear());

    /** A process of its own, on the one store and ledger. */
    function start(): Promise<TestApp> {
      const { store, ledger } = at;
      return startApp(sandbox, { store, routes, options: { ledger, encryptionKeys } });
    }

    /** A visitor with a basket and a connected account. */
    async function connected(app: TestApp): Promise<Browser> {
      const visitor = browser();
      await visitor.visit(`${app.url}/fill`);
      const { status, body } = await signIn(app, sandbox, visitor);
      if (status !== 302) throw new Error(`signing in answered ${status}: ${body}`);
      return visitor;
    }

    const see = (app: TestApp, visitor: Browser, path: string): Promise<Answer> =>
      visitor.visit(app.url + path, JSON_ONLY);
    /** The token as the store has it. */
    const tokenOf = async (app: TestApp, visitor: Browser): Promise<ConnectToken> =>
      JSON.parse((await see(app, visitor, '/token')).body) as ConnectToken;

    async function onlyEntry(): Promise<readonly [id: string, text: string]> {
      const entries = [...(await at.texts())];
      if (entries.length !== 1 || entries[0] === undefined)
        throw new Error(`The store holds ${entries.length} sessions.`);
      return entries[0];
    }

    test('signing in changes the session id, keeps what the app has stored, and leaves no other session', async () => {
      const app = await start();
      const visitor = browser();
      await visitor.visit(`${app.url}/fill`);
      const [before] = await onlyEntry();
      expect((await signIn(app, sandbox, visitor)).status).toBe(302);
      const [after] = await onlyEntry();
      expect({ sameSessionId: after === before, tokenCalls: sandbox.calls.token }).toEqual({
        sameSessionId: false,
        tokenCalls: 1,
      });
      expect((await see(app, visitor, '/basket')).body).toBe('["apples"]');
      expect(sandbox.works((await tokenOf(app, visitor)).access_token)).toBe(true);
    });

    test('the guard lets the visitor in, and no stranger', async () => {
      const app = await start();
      const visitor = await connected(app);
      const answers = [await see(app, visitor, '/guarded'), await see(app, browser(), '/guarded')];
      expect(answers.map(verdict)).toEqual([[200], [401, 'ERR_CONNECT_REQUIRED', undefined]]);
    });

    test('ten requests at once with an expired token refresh it once, and the store has the new one', async () => {
      const app = await start();
      const visitor = await connected(app);
      const old = await tokenOf(app, visitor);
      time.pass(2 * HOUR_MS);
      const answers = await Promise.all(Array.from({ length: 10 }, () => see(app, visitor, '/guarded')));
      const fresh = await tokenOf(app, visitor);
      expect(answers.map(({ status, body }) => [status, JSON.parse(body) as ConnectToken])).toEqual(
        Array(10).fill([200, fresh]),
      );
      expect({ sameToken: fresh.access_token === old.access_token, works: sandbox.works(fresh.access_token) }).toEqual({
        sameToken: false,
        works: true,
      });
      expect({
        refreshCalls: sandbox.calls.refresh,
        presentations: sandbox.presentations(old.refresh_token ?? ''),
      }).toEqual({ refreshCalls: 1, presentations: 1 });
      expect((await see(app, visitor, '/basket')).body).toBe('["apples"]');
    });

    test('the API is called as the visitor, also after a night', async () => {
      const app = await start();
      const visitor = await connected(app);
      for (const refreshes of [0, 1]) {
        const { status, body } = await see(app, visitor, '/me');
        expect([status, JSON.parse(body)]).toMatchObject([200, { success: true, data: { id: 'sandbox-user-1' } }]);
        expect(sandbox.calls.refresh).toBe(refreshes);
        time.pass(9 * HOUR_MS);
      }
    });

    test('another process that meets an old copy of the session takes over the newer token', async () => {
      const [app, other] = [await start(), await start()];
      const visitor = await connected(app);
      const [id, text] = await onlyEntry();
      time.pass(2 * HOUR_MS);
      const fresh = JSON.parse((await see(app, visitor, '/guarded')).body) as ConnectToken;
      await new Promise<void>((resolve, reject) => {
        at.store.set(id, JSON.parse(text) as SessionData, (error: unknown) => {
          if (error == null) resolve();
          else reject(new Error('the store failed'));
        });
      });
      expect((await tokenOf(app, visitor)).access_token).not.toBe(fresh.access_token);
      const { status, body } = await see(other, visitor, '/guarded');
      expect({ status, body: JSON.parse(body) as unknown, refreshCalls: sandbox.calls.refresh }).toEqual({
        status: 200,
        body: fresh,
        refreshCalls: 1,
      });
    });

    test('requests that only read write nothing', async () => {
      const app = await start();
      const visitor = await connected(app);
      const before = await onlyEntry();
      const spies = [jest.spyOn(at.store, 'set'), jest.spyOn(at.store, 'touch' as 'set')];
      for (const spy of spies) cleanup(() => spy.mockRestore());
      for (const path of ['/guarded', '/token']) expect((await see(app, visitor, path)).status).toBe(200);
      const counts = spies.map((spy) => spy.mock.calls.length);
      expect({ counts, entry: await onlyEntry() }).toEqual({ counts: [0, 2], entry: before });
    });

    test(`the store holds ${encryptionKeys === undefined ? 'the newest token' : 'no token in any spelling'}`, async () => {
      const app = await start();
      const visitor = await connected(app);
      const old = await tokenOf(app, visitor);
      time.pass(2 * HOUR_MS);
      await see(app, visitor, '/guarded');
      const fresh = await tokenOf(app, visitor);
      const [, text] = await onlyEntry();
      const secrets = [old, fresh].flatMap(({ access_token, refresh_token = '' }, generation) => [
        { name: `access token ${generation}`, value: access_token },
        { name: `refresh token ${generation}`, value: refresh_token },
      ]);
      if (encryptionKeys !== undefined) expect(findSecrets(text, secrets)).toEqual([]);
      else expect(secrets.map(({ value }) => text.includes(value))).toEqual([false, false, true, true]);
    });

    test('disconnecting ends the token and the old cookie, keeps what the app has stored, and connecting again works', async () => {
      const app = await start();
      const visitor = await connected(app);
      const old = visitor.fork();
      const { access_token } = await tokenOf(app, visitor);
      const [before] = await onlyEntry();
      const answer = await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
      expect(answer.status).toBe(204);
      const [after, text] = await onlyEntry();
      expect({
        sameSessionId: after === before,
        keepsConnectToken: /connectToken/u.test(text),
        keepsAccessToken: text.includes(access_token),
      }).toEqual({ sameSessionId: false, keepsConnectToken: false, keepsAccessToken: false });
      const bodies = [
        [old, '/token'],
        [old, '/basket'],
        [visitor, '/token'],
        [visitor, '/basket'],
      ] as const;
      expect(await Promise.all(bodies.map(async ([who, path]) => (await see(app, who, path)).body))).toEqual([
        'null',
        'null',
        'null',
        '["apples"]',
      ]);
      for (const who of [old, visitor])
        expect(verdict(await see(app, who, '/guarded'))).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
      expect((await signIn(app, sandbox, visitor)).status).toBe(302);
      expect([(await see(app, visitor, '/guarded')).status, (await see(app, visitor, '/basket')).body]).toEqual([
        200,
        '["apples"]',
      ]);
    });
  });
}

describe('an app on MemoryStore', () => journey(memory));
describeInRedis('an app on connect-redis', () => journey(redis));
describeInPostgres('an app on connect-pg-simple', () => journey(postgres));
