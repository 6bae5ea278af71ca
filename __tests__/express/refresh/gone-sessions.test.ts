import { memoryLedger, type RefreshLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, type TestAppParts } from '../../support/app';
import { HeldStore } from '../../support/held-store';
import {
  connectedWorld,
  givenRotation,
  latch,
  refreshingApp,
  tokenIn,
  verdict,
  type World,
} from '../../support/refreshing';

let sandbox: Sandbox;
givenRotation((...given) => {
  [sandbox] = given;
});

const leaving: NonNullable<TestAppParts['routes']> = (app) => {
  app.get('/login', (req, res) => {
    Object.assign(req.session, { user: 'v' });
    res.send('welcome');
  });
  app.get('/destroy', (req, res) => req.session.destroy(() => void res.send('bye')));
  app.get('/regenerate', (req, res) => req.session.regenerate(() => void res.send('bye')));
  app.get('/by-store', (req, res) => req.sessionStore.destroy(req.sessionID, () => void res.send('bye')));
};
const at = (world: World, path: string) =>
  world.visitor.fork().visit(world.app.url + path, { accept: 'application/json' });
const disconnect = ({ app, visitor }: World) =>
  visitor.fork().visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');

async function loggedIn(store: HeldStore, parts: TestAppParts = {}): Promise<{ world: World; id: string }> {
  const world = await connectedWorld(sandbox, { ...parts, store, routes: leaving });
  await at(world, '/login');
  await world.expireIn(1);
  const [id = ''] = Object.keys(store.documents);
  return { world, id };
}

/** Lets a refresh come as far as its own operation of the store, does something else, and lets it go on. */
async function during(
  store: HeldStore,
  operation: 'get' | 'set',
  world: World,
  meanwhile: () => Promise<unknown>,
): Promise<Awaited<ReturnType<typeof at>>> {
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
  const refreshing = at(world, '/fresh');
  await sandbox.waiting();
  const gate = store.hold(operation);
  sandbox.release();
  await gate.reached;
  await meanwhile();
  gate.open();
  return refreshing;
}

describe.each(['get', 'set'] as const)('a session that this process ends during the %s of a refresh', (operation) => {
  test.each(['/destroy', '/regenerate', '/by-store'])(
    'by %s does not come back, and its request is served',
    async (path) => {
      const store = new HeldStore();
      const { world, id } = await loggedIn(store);
      const answer = await during(store, operation, world, async () => {
        expect((await at(world, path)).status).toBe(200);
      });
      expect(sandbox.works(tokenIn(answer).access_token)).toBe(true);
      expect(store.documents[id]).toBeUndefined();
      expect(verdict(await at(world, '/fresh'))[1]).toBe('ERR_CONNECT_REQUIRED');
    },
  );

  test('by a disconnect does not come back', async () => {
    const store = new HeldStore();
    const { world, id } = await loggedIn(store);
    let ending: Promise<unknown> = Promise.resolve();
    await during(store, operation, world, () => {
      // It waits for its turn on the session.
      ending = disconnect(world);
      return Promise.resolve();
    });
    await ending;
    expect(store.documents[id]).toBeUndefined();
    expect(JSON.stringify(store.documents)).not.toContain('access_token');
  });
});

test('a session that ends during a refresh, before 20,000 others, does not come back', async () => {
  const store = new HeldStore();
  const { world, id } = await loggedIn(store);
  await during(store, 'get', world, async () => {
    expect((await at(world, '/destroy')).status).toBe(200);
    for (let other = 0; other < 20_000; other += 1) await new Promise((done) => store.destroy(`other ${other}`, done));
  });
  expect(store.documents[id]).toBeUndefined();
});

describe('a session that another process moves during the write of a refresh', () => {
  /** Two processes: stores of their own on the same documents, one ledger. */
  async function two(ledger: RefreshLedger = { ...memoryLedger() }): Promise<{
    store: HeldStore;
    world: World;
    other: World;
    id: string;
  }> {
    const store = new HeldStore();
    const { world, id } = await loggedIn(store, { options: { ledger } });
    const elsewhere = { store: new HeldStore(store.documents), routes: leaving, options: { ledger } };
    return { store, world, id, other: await refreshingApp(sandbox, elsewhere, world.visitor) };
  }

  test('by a disconnect does not come back', async () => {
    const { store, world, other, id } = await two();
    await during(store, 'set', world, async () => {
      expect((await disconnect(other)).status).toBe(204);
    });
    expect(store.documents[id]).toBeUndefined();
    expect(Object.values(store.documents).filter((text) => text.includes('"user":"v"'))).toHaveLength(1);
  });

  test('by a sign-in does not come back', async () => {
    const { store, world, other, id } = await two();
    const callback = await beginSignIn(other.app, sandbox, world.visitor);
    await during(store, 'set', world, async () => {
      expect((await world.visitor.fork().visit(callback)).status).toBe(302);
    });
    expect(store.documents[id]).toBeUndefined();
    expect(Object.values(store.documents).filter((text) => text.includes('"user":"v"'))).toHaveLength(1);
  });

  test('by a disconnect that has destroyed it already, and says so after that, does not come back', async () => {
    const sound = memoryLedger();
    const mark = latch();
    let isSignedIn = false;
    const { store, world, other, id } = await two({
      ...sound,
      revoke: async (key, retentionMs) => {
        // The sign-in moves as well.
        if (isSignedIn && key.startsWith('moved:')) await mark.wait();
        return sound.revoke(key, retentionMs);
      },
    });
    isSignedIn = true;
    let ending: Promise<unknown> = Promise.resolve();
    await during(store, 'set', world, async () => {
      ending = disconnect(other);
      await mark.reached;
    });
    expect(store.documents[id]).toContain('"user":"v"');
    mark.open();
    await ending;
    expect(store.documents[id]).toBeUndefined();
  });

  test.each([
    ['a sign-in', async ({ app, visitor }: World) => visitor.fork().visit(await beginSignIn(app, sandbox, visitor))],
    ['a disconnect of another instance', disconnect],
  ])('which has failed, at %s, goes on with its login and its token', async (_by, move) => {
    const { store, world, other, id } = await two();
    const second = await refreshingApp(
      sandbox,
      { store: new HeldStore(store.documents), options: { ledger: other.ledger, sessionKey: 'billing' } },
      world.visitor,
    );
    await beginSignIn(second.app, sandbox, world.visitor);
    Object.assign(second.app.store, { kept: id });
    expect((await move(second)).status).toBe(503);
    const answer = await world.fresh();
    expect({ verdict: verdict(answer), login: store.documents[id]?.includes('"user":"v"') }).toEqual({
      verdict: [200],
      login: true,
    });
    expect(await world.stored()).toEqual(tokenIn(answer));
  });

  test('by the sign-in of another instance does not come back', async () => {
    const { store, world, other, id } = await two();
    const second = await refreshingApp(
      sandbox,
      { store: new HeldStore(store.documents), options: { ledger: other.ledger, sessionKey: 'billing' } },
      world.visitor,
    );
    const callback = await beginSignIn(second.app, sandbox, world.visitor);
    await during(store, 'set', world, async () => {
      expect((await world.visitor.fork().visit(callback)).status).toBe(302);
    });
    expect(store.documents[id]).toBeUndefined();
  });

  test('whose ledger does not answer serves its request, and says so as an event', async () => {
    const sound = memoryLedger();
    let isAway = false;
    const ledger: RefreshLedger = {
      ...sound,
      acquire: (...given) => (isAway ? Promise.reject(new Error('away')) : sound.acquire(...given)),
    };
    const { store, world } = await two(ledger);
    const answer = await during(store, 'set', world, () => {
      isAway = true;
      return Promise.resolve();
    });
    expect([verdict(answer), world.told('ledger_error')]).toMatchObject([[200], [{ operation: 'acquire' }]]);
    expect(await world.stored()).toEqual(tokenIn(answer));
  });

  test('and one that nobody has moved stays', async () => {
    const { store, world, id } = await two();
    for (let round = 0; round < 2; round += 1) {
      const answer = await during(store, 'set', world, () => Promise.resolve());
      expect(await world.stored()).toEqual(tokenIn(answer));
      expect(Object.keys(store.documents)).toEqual([id]);
      await world.expireIn(1);
    }
  });
});

test('a session whose id an ended session had before is written by a refresh', async () => {
  const { access_token, refresh_token } = tokenIn(await (await connectedWorld(sandbox)).fresh());
  const store = new HeldStore();
  const world = await refreshingApp(sandbox, {
    store,
    session: { genid: () => 'always-the-same' },
    routes: (app, connect) => {
      leaving(app, connect);
      app.get('/import', (req, res) => {
        req.session.connectToken = { access_token, refresh_token, type: 'bearer', expires_at: 1000 };
        res.send('imported');
      });
    },
  });
  await world.visitor.visit(`${world.app.url}/import`);
  await at(world, '/destroy');
  await world.visitor.visit(`${world.app.url}/import`);
  const fresh = tokenIn(await at(world, '/fresh'));
  expect({ works: sandbox.works(fresh.access_token), stored: await world.stored() }).toEqual({
    works: true,
    stored: fresh,
  });
});
