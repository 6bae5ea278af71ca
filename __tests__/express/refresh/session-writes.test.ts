import type { Request } from 'express';
import { MemoryStore, type SessionOptions } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import type { TestAppParts } from '../../support/app';
import { givenDeadline } from '../../support/deadline';
import { faultyStore, type StoreFault, type StoreOperation } from '../../support/faulty-store';
import {
  connectedWorld,
  givenRotation,
  latch,
  tokenIn,
  tokenOf,
  twoProcesses,
  verdict,
  type Time,
  type World,
} from '../../support/refreshing';
import { editSessions, onlySession } from '../../support/stored';

const deadline = givenDeadline();
let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const data = (req: Request): Record<string, unknown> => req.session as unknown as Record<string, unknown>;

/** Routes of an app that keeps data of its own in the session. */
function appData(parts: TestAppParts = {}): TestAppParts {
  return {
    ...parts,
    routes: (app, connect) => {
      app.get('/basket/:item', (req, res) => {
        data(req)['basket'] = req.params['item'];
        res.send('kept');
      });
      app.get('/before', (req, res, next) => {
        data(req)['before'] = 'changed before';
        connect.getToken(req).then((token) => void res.json(token), next);
      });
      app.get('/after', (req, res, next) => {
        connect.getToken(req).then((token) => {
          data(req)['after'] = 'changed after';
          res.json(token);
        }, next);
      });
      app.get('/both', (req, res, next) => {
        data(req)['before'] = 'changed before';
        connect.getToken(req).then((token) => {
          data(req)['after'] = 'changed after';
          res.json(token);
        }, next);
      });
      app.get('/logout', (req, res) => req.session.destroy(() => void res.send('bye')));
      app.get('/renew', (req, res) => req.session.regenerate(() => void res.send('renewed')));
      parts.routes?.(app, connect);
    },
  };
}

const at = (world: World, path: string) => world.visitor.visit(world.app.url + path, { accept: 'application/json' });

const RESAVE: readonly Partial<SessionOptions>[] = [
  { resave: false },
  { resave: true },
  { resave: false, saveUninitialized: true },
  { resave: false, rolling: true },
  { resave: false, cookie: { maxAge: 600_000 } },
  { resave: true, saveUninitialized: true, rolling: true, cookie: { maxAge: 600_000 } },
];

describe.each(RESAVE)('with a session of %j', (session) => {
  test('what another request writes during the refresh is kept, and so is the fresh token', async () => {
    const world = await connectedWorld(sandbox, appData({ session }));
    const refreshing = heldRefreshed(world, '/fresh');
    await refreshing.begun;
    await at(world, '/basket/pears');
    sandbox.release();
    const fresh = tokenIn(await refreshing.answer);
    expect(await onlySession(world.app)).toMatchObject({ basket: 'pears', connectToken: fresh });
  });

  test.each([
    ['/before', { before: 'changed before' }],
    ['/after', { after: 'changed after' }],
    ['/both', { before: 'changed before', after: 'changed after' }],
  ])('what the refreshing request %s changes is saved together with the fresh token', async (path, changes) => {
    const world = await connectedWorld(sandbox, appData({ session }));
    await world.expireIn(1);
    const fresh = tokenIn(await at(world, path));
    expect(await onlySession(world.app)).toMatchObject({ ...changes, connectToken: fresh });
    expect(sandbox.works(fresh.access_token)).toBe(true);
  });

  test.each([
    ['/before', { before: 'changed before' }],
    ['/after', { after: 'changed after' }],
    ['/both', { before: 'changed before', after: 'changed after' }],
  ])(
    'what an adopting request %s changes is saved with the fresh token, not with its old one',
    async (path, changes) => {
      const world = await connectedWorld(sandbox, appData({ session }));
      await world.expireIn(1);
      const stale = await onlySession(world.app);
      const fresh = tokenIn(await world.fresh());
      await putBack(world, stale);
      expect(tokenIn(await at(world, path))).toEqual(fresh);
      expect(await onlySession(world.app)).toMatchObject({ ...changes, connectToken: fresh });
      expect(sandbox.calls.refresh).toBe(1);
    },
  );

  test('a token set is renewed five times in a row, and the cookie keeps its age', async () => {
    const world = await connectedWorld(sandbox, appData({ session }));
    const seconds = async (): Promise<number> => {
      const { cookie } = (await onlySession(world.app)) as { cookie: { originalMaxAge: number | null } };
      // express-session itself loses a millisecond now and then.
      return Math.round((cookie.originalMaxAge ?? 0) / 10_000) * 10;
    };
    const age = await seconds();
    for (let more = 1; more <= 5; more += 1) {
      await world.expireIn(1);
      await at(world, `/basket/${more}`);
      await world.fresh();
      expect([await onlySession(world.app), await seconds()]).toMatchObject([{ basket: String(more) }, age]);
    }
    expect(sandbox.calls.refresh).toBe(5);
  });
});

/** A refresh that is held at the provider. */
function heldRefreshed(world: World, path: string): { begun: Promise<void>; answer: ReturnType<typeof at> } {
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
  const expired = world.expireIn(1);
  const answer = expired.then(() => at(world, path));
  return { begun: expired.then(() => sandbox.waiting()), answer };
}

function putBack({ app }: World, document: Record<string, unknown>): Promise<void> {
  return app.sessions().then(
    (all) =>
      new Promise((resolve) => {
        app.store.set(Object.keys(all)[0] ?? '', document as never, () => resolve());
      }),
  );
}

/** Operations of the store, one letter each: g, s, t, d. */
function diary(world: World): () => string {
  let text = '';
  for (const name of ['get', 'set', 'touch', 'destroy'] as const) {
    const target = world.app.store as unknown as Record<string, (...args: unknown[]) => unknown>;
    const sound = target[name]!.bind(world.app.store);
    target[name] = (...args) => {
      text += name.charAt(0);
      return sound(...args);
    };
  }
  return () => text;
}

describe('a read-only request', () => {
  test('that refreshes reads the session twice more and writes it once', async () => {
    const world = await connectedWorld(sandbox, appData());
    await world.expireIn(1);
    const asked = diary(world);
    await world.fresh();
    // express-session's own read; ours before and after the refresh; our write; express-session's touch.
    expect(asked()).toBe('gggst');
  });

  test('that refreshes with resave writes it once too, by our own hand', async () => {
    const world = await connectedWorld(sandbox, appData({ session: { resave: true } }));
    await world.expireIn(1);
    const asked = diary(world);
    await world.fresh();
    expect(asked()).toBe('gggst');
  });

  test('that adopts a young token asks the store for nothing more', async () => {
    const world = await connectedWorld(sandbox, appData());
    await world.expireIn(1);
    const stale = await onlySession(world.app);
    await world.fresh();
    await putBack(world, stale);
    const asked = diary(world);
    await world.fresh();
    expect(asked()).toBe('gt');
  });

  test('that serves its valid token while the provider is left alone asks the store for nothing more', async () => {
    const world = await connectedWorld(sandbox, appData());
    await world.expireIn(30);
    sandbox.force(503, { on: 'refresh', retryAfter: '60' });
    await world.fresh();
    const asked = diary(world);
    await world.fresh();
    expect(asked()).toBe('gt');
  });

  test('that adopts does not undo what another request has written since it began', async () => {
    const gate = latch();
    const world = await connectedWorld(
      sandbox,
      appData({
        routes: (app, connect) => {
          app.get('/late', (req, res, next) => {
            gate
              .wait()
              .then(() => connect.getToken(req))
              .then((token) => void res.json(token), next);
          });
        },
      }),
    );
    await world.expireIn(1);
    const late = at(world, '/late');
    await gate.reached;
    const fresh = tokenIn(await world.fresh());
    await at(world, '/basket/plums');
    time.pass(6000);
    gate.open();
    expect(tokenIn(await late)).toEqual(fresh);
    expect(await onlySession(world.app)).toMatchObject({ basket: 'plums', connectToken: fresh });
  });

  test('that refreshes does not undo what another request has written since it began', async () => {
    const gate = latch();
    const world = await connectedWorld(
      sandbox,
      appData({
        routes: (app, connect) => {
          app.get('/late', (req, res, next) => {
            gate
              .wait()
              .then(() => connect.getToken(req))
              .then((token) => void res.json(token), next);
          });
        },
      }),
    );
    await world.expireIn(1);
    const late = at(world, '/late');
    await gate.reached;
    await at(world, '/basket/plums');
    gate.open();
    const fresh = tokenIn(await late);
    expect(await onlySession(world.app)).toMatchObject({ basket: 'plums', connectToken: fresh });
  });
});

describe('a session that goes away during the refresh', () => {
  test.each([false, true])('is not brought back after the app has destroyed it (rolling: %s)', async (rolling) => {
    const world = await connectedWorld(sandbox, appData({ session: { rolling } }));
    const refreshing = heldRefreshed(world, '/fresh');
    await refreshing.begun;
    await at(world, '/logout');
    sandbox.release();
    expect((await refreshing.answer).status).toBe(200);
    expect(await world.app.sessions()).toEqual({});
  });

  test('leaves nothing in the session that the app has made in its place', async () => {
    const world = await connectedWorld(sandbox, appData());
    const refreshing = heldRefreshed(world, '/fresh');
    await refreshing.begun;
    await at(world, '/renew');
    sandbox.release();
    expect((await refreshing.answer).status).toBe(200);
    expect(JSON.stringify(await world.app.sessions())).not.toContain('access_token');
  });

  test('does not come back after a disconnect, whose request gets no token', async () => {
    const world = await connectedWorld(sandbox, appData());
    const refreshing = heldRefreshed(world, '/fresh');
    await refreshing.begun;
    await world.visitor.visit(`${world.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
    sandbox.release();
    expect(verdict(await refreshing.answer)).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
    expect(JSON.stringify(await world.app.sessions())).not.toContain('access_token');
    expect(world.told('refreshed')).toEqual([]);
  });

  test('for one with another connection leaves that alone', async () => {
    const world = await connectedWorld(sandbox, appData());
    const other = await onlySession((await connectedWorld(sandbox)).app);
    const refreshing = heldRefreshed(world, '/fresh');
    await refreshing.begun;
    await editSessions(world.app, (document) => Object.assign(document, { ...other, cookie: document['cookie'] }));
    const replaced = await onlySession(world.app);
    sandbox.release();
    expect((await refreshing.answer).status).toBe(200);
    expect(await onlySession(world.app)).toEqual(replaced);
  });

  test('in the handler itself, regenerated while it waits for the token, is left alone', async () => {
    const world = await connectedWorld(
      sandbox,
      appData({
        routes: (app, connect) => {
          app.get('/swap', (req, res, next) => {
            const asked = connect.getToken(req);
            req.session.regenerate(() => {
              data(req)['mine'] = 'new';
              asked.then((token) => void res.json(token), next);
            });
          });
        },
      }),
    );
    await world.expireIn(1);
    expect(sandbox.works(tokenIn(await at(world, '/swap')).access_token)).toBe(true);
    expect(await onlySession(world.app)).toEqual({ cookie: expect.anything() as unknown, mine: 'new' });
  });
});

const FAULTS: readonly [StoreOperation, StoreFault, number][] = [
  ['get', 'fails', 1],
  ['get', 'throws', 1],
  ['get', 'hangs', 1],
  ['get', 'fails', 2],
  ['get', 'throws', 2],
  ['get', 'hangs', 2],
  ['set', 'fails', 1],
  ['set', 'throws', 1],
  ['set', 'hangs', 1],
  ['set', 'fails after writing', 1],
];

test.each(FAULTS)(
  'a store whose %s %s (call %i) fails no request and loses nothing',
  async (operation, fault, call) => {
    const faulty = faultyStore(deadline.pass);
    const world = await connectedWorld(sandbox, {
      store: faulty.store,
      before: [faulty.watch],
      options: { storeTimeoutMs: deadline.ms },
    });
    await world.expireIn(1);
    const old = await world.stored();
    faulty.plan({ operation, fault, call });
    const answer = await world.fresh();
    expect({ status: answer.status, faults: faulty.faults() }).toEqual({ status: 200, faults: 1 });
    faulty.heal();
    const fresh = tokenIn(answer);
    expect(sandbox.works(fresh.access_token)).toBe(true);
    time.pass(6000);
    expect(tokenIn(await world.fresh())).toEqual(fresh);
    expect(await world.stored()).toEqual(fresh);
    expect({ refreshCalls: sandbox.calls.refresh, presentations: sandbox.presentations(old.refresh_token) }).toEqual({
      refreshCalls: 1,
      presentations: 1,
    });
  },
);

test('under another sessionKey the token is renewed', async () => {
  const world = await connectedWorld(sandbox, { options: { sessionKey: 'shop' } });
  await putBack(
    world,
    await onlySession(world.app).then((document) => {
      (document['shop'] as { expires_at: number }).expires_at = Math.floor(Date.now() / 1000) - 5;
      return document;
    }),
  );
  const fresh = tokenIn(await world.fresh());
  const stored = await onlySession(world.app);
  expect(stored['shop']).toEqual(fresh);
  expect(fresh.connection).toMatch(/^[\w-]{22}\.1$/u);
  expect(sandbox.calls.refresh).toBe(1);
});

test('two processes that persist at the same time leave one whole document', async () => {
  const [first, second] = await twoProcesses(sandbox, { store: new MemoryStore() });
  await first.expireIn(1);
  const answers = await Promise.all([first, second, first, second].map((world) => world.fresh()));
  const tokens = new Set(answers.map((answer) => tokenIn(answer).access_token));
  expect([...tokens]).toEqual([tokenOf(await onlySession(first.app)).access_token]);
  expect(sandbox.calls.refresh).toBe(1);
});
