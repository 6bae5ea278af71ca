import type { SessionOptions } from 'express-session';
import { memoryLedger, type ConnectAuthOptions, type RefreshLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import type { TestAppParts } from '../../support/app';
import {
  connectedWorld,
  givenRotation,
  latch,
  refreshingApp,
  tokenIn,
  twoProcesses,
  verdict,
  type Latch,
  type Time,
  type World,
} from '../../support/refreshing';
import { clearSessions, editSessions, onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const EXPIRED_401 = [401, 'ERR_CONNECT_EXPIRED', undefined];
const BUSY_503 = [503, 'ERR_CONNECT_LEDGER', '2'];
const at = (world: World, path: string) =>
  world.visitor.fork().visit(world.app.url + path, { accept: 'application/json' });
const disconnect = (world: World) =>
  world.visitor.visit(`${world.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');

/** An app with `GET /late`, which has loaded its session when it waits, and asks for the token after that. */
function withLate(gate: Latch): TestAppParts {
  return {
    routes: (app, connect) => {
      app.get('/late', (req, res, next) => {
        gate
          .wait()
          .then(() => connect.getToken(req))
          .then((token) => void res.json(token), next);
      });
    },
  };
}

describe('while the ledger is asked', () => {
  test('a refused token that is too young for a refresh expires: it is refreshed after all', async () => {
    const sound = memoryLedger({ now: () => Date.now() });
    let takesMs = 0;
    const ledger: RefreshLedger = {
      ...sound,
      acquire: (...claim) => {
        time.pass(takesMs);
        takesMs = 0;
        return sound.acquire(...claim);
      },
    };
    const world = await connectedWorld(sandbox, { options: { ledger } });
    const young = tokenIn(await world.refused((await world.stored()).access_token));
    await world.expireIn(4);
    takesMs = 3000;
    const token = tokenIn(await world.refused(young.access_token));
    expect({
      sameToken: token.access_token === young.access_token,
      works: sandbox.works(token.access_token),
      refreshCalls: sandbox.calls.refresh,
    }).toEqual({ sameToken: false, works: true, refreshCalls: 2 });
  });

  test('the time to wait runs out, and somebody else has the claim: 503, and the token is not presented again', async () => {
    const ledger: RefreshLedger = {
      ...memoryLedger(),
      fail: () => {
        time.pass(8100);
        return Promise.resolve('lost');
      },
    };
    const world = await connectedWorld(sandbox, { options: { ledger } });
    await world.expireIn(1);
    const before = await onlySession(world.app);
    sandbox.force(503, { on: 'refresh', retryAfter: '4' });
    expect(verdict(await world.fresh())).toEqual(BUSY_503);
    expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
      refreshCalls: 1,
      session: before,
    });
  });

  test('the connection is ended, after the ledger has taken the refresh: its request gets no token', async () => {
    const sound = memoryLedger({ now: () => Date.now() });
    const gate = latch();
    const ledger: RefreshLedger = {
      ...sound,
      settle: async (...success) => {
        const settled = await sound.settle(...success);
        await gate.wait();
        return settled;
      },
    };
    const world = await connectedWorld(sandbox, { options: { ledger } });
    await world.expireIn(1);
    const answer = at(world, '/fresh');
    await gate.reached;
    expect((await disconnect(world)).status).toBe(204);
    gate.open();
    expect([...verdict(await answer), (JSON.parse((await answer).body) as { reason: string }).reason]).toEqual([
      ...EXPIRED_401,
      'revoked',
    ]);
    expect(JSON.stringify(await world.app.sessions())).not.toContain('access_token');
  });
});

describe('while another process refreshes', () => {
  test('who came later waits on after an earlier request has waited for its whole time', async () => {
    const aboard: (() => void)[] = [];
    const nextAboard = (): Promise<void> =>
      new Promise((resolve) => {
        aboard.push(resolve);
      });
    // A ledger on the real clock: the lease of the other process goes on.
    const [first, second] = await twoProcesses(sandbox, {
      options: { ledger: memoryLedger() },
      routes: (app, connect) => {
        app.get('/aboard', (req, res, next) => {
          connect.getToken(req).then((token) => void res.json(token), next);
          aboard.shift()?.();
        });
      },
    });
    await first.expireIn(1);
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const winner = first.fresh();
    await sandbox.waiting();
    let begun = nextAboard();
    const early = at(second, '/aboard');
    await begun;
    time.pass(5000);
    begun = nextAboard();
    const late = at(second, '/aboard');
    await begun;
    time.pass(3500);
    expect(verdict(await early)).toEqual(BUSY_503);
    sandbox.release();
    expect(tokenIn(await late)).toEqual(tokenIn(await winner));
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('that has taken a claim over from a slow one, the slow one gives that process’s token set', async () => {
    sandbox.set({ refresh: 'same' });
    const [first, second] = await twoProcesses(sandbox);
    await first.expireIn(1);
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const slow = first.fresh();
    await sandbox.waiting();
    time.pass(6100);
    const fresh = tokenIn(await second.fresh());
    sandbox.release();
    expect(tokenIn(await slow)).toEqual(fresh);
    expect({ token: await first.stored(), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: fresh,
      refreshCalls: 2,
    });
    expect({ firstRefreshed: first.told('refreshed'), secondRefreshed: second.told('refreshed') }).toMatchObject({
      firstRefreshed: [],
      secondRefreshed: [{ generation: 1 }],
    });
  });
});

describe('before a request of a process whose ledger knows nothing is told invalid_grant', () => {
  async function lateRequest(): Promise<{
    readonly first: World;
    readonly second: World;
    readonly finish: () => Promise<unknown[]>;
  }> {
    const gate = latch();
    const first = await connectedWorld(sandbox);
    const second = await refreshingApp(sandbox, { ...withLate(gate), store: first.app.store }, first.visitor);
    await first.expireIn(1);
    const late = at(second, '/late');
    await gate.reached;
    return {
      first,
      second,
      finish: async () => {
        sandbox.force(400, { on: 'refresh' });
        gate.open();
        const answer = await late;
        return answer.status === 200 ? [tokenIn(answer)] : [...verdict(answer)];
      },
    };
  }

  test('another has put a newer token set into its session: it gives that one', async () => {
    const { first, second, finish } = await lateRequest();
    const fresh = tokenIn(await first.fresh());
    expect(await finish()).toEqual([fresh]);
    expect({ token: await first.stored(), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: fresh,
      refreshCalls: 2,
    });
    expect(second.told('adopted')).toMatchObject([{ generation: 1 }]);
  });

  test('another has logged out: 401, and the session stays away', async () => {
    const { first, finish } = await lateRequest();
    await clearSessions(first.app);
    expect(await finish()).toEqual(EXPIRED_401);
    expect(await first.app.sessions()).toEqual({});
  });
});

test('a handler that gets two new token sets, one after the other, saves the newer one', async () => {
  const world = await connectedWorld(sandbox, {
    routes: (app, connect) => {
      app.get('/twice', (req, res, next) => {
        connect
          .getToken(req)
          .then(async ({ access_token: refused }) => {
            time.pass(6000);
            const token = await connect.getToken(req, { refused });
            Object.assign(req.session, { basket: 'plums' });
            res.json(token);
          })
          .catch(next);
      });
    },
  });
  await world.expireIn(1);
  const token = tokenIn(await at(world, '/twice'));
  expect(token.connection).toMatch(/\.2$/u);
  expect(sandbox.calls.refresh).toBe(2);
  expect(await onlySession(world.app)).toMatchObject({
    basket: 'plums',
    connectToken: token,
  });
});

const KEYS = [{ id: 'k1', secret: 'a secret of the session, long enough for anybody' }];
const HIDDEN: readonly [string, Partial<ConnectAuthOptions>, Partial<SessionOptions>][] = [
  ['plain', {}, { resave: false }],
  ['plain, with resave', {}, { resave: true }],
  ['sealed', { encryptionKeys: KEYS }, { resave: false }],
  ['sealed, with resave', { encryptionKeys: KEYS }, { resave: true }],
];

test.each(HIDDEN)(
  'an old copy of an ended connection (%s) is hidden from the app, and stays as it is',
  async (_what, options, session) => {
    const world = await connectedWorld(sandbox, {
      options,
      session,
      routes: (app, connect) => {
        // Mounted once more, as apps do that mount it for a part of their routes too.
        app.use(connect);
        app.get('/note', (req, res) => {
          const { connectToken } = req.session;
          Object.assign(req.session, { note: 'written' });
          res.json(connectToken ?? null);
        });
      },
    });
    const old = await onlySession(world.app);
    await disconnect(world);
    await world.visitor.visit(`${world.app.url}/note`);
    await editSessions(world.app, (document) => Object.assign(document, old));
    for (let round = 0; round < 2; round += 1)
      expect((await world.visitor.visit(`${world.app.url}/note`)).body).toBe('null');
    const { connectToken, note } = await onlySession(world.app);
    expect([connectToken, note]).toEqual([old['connectToken'], 'written']);
  },
);
