import type { ConnectToken, EncryptionKey } from '../../../src';
import { sealer } from '../../../src/session/seal';
import type { Sandbox } from '../../../src/testing';
import { signIn, type TestAppParts } from '../../support/app';
import {
  connectedWorld,
  givenRotation,
  refreshingApp,
  tokenIn,
  verdict,
  type Time,
  type Token,
  type World,
} from '../../support/refreshing';
import { editSessions, onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const KEY: EncryptionKey = { id: 'k1', secret: 'a secret of the session, long enough for anybody' };
const OTHER: EncryptionKey = { id: 'k2', secret: 'another secret of the session, long enough for anybody' };
const SEALING: readonly (readonly [string, TestAppParts['options']])[] = [
  ['plain', {}],
  ['sealed', { encryptionKeys: [KEY] }],
];

const at = (world: World, path: string) => world.visitor.visit(world.app.url + path, { accept: 'application/json' });
const disconnect = (world: World) =>
  world.visitor.visit(`${world.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');

/** Another process with the same store, ledger and visitor. */
const alongside = ({ app, ledger, visitor }: World, options: TestAppParts['options']): Promise<World> =>
  refreshingApp(sandbox, { store: app.store, options: { ...options, ledger } }, visitor);

/** Which connection a token says that it belongs to. */
const connectionOf = ({ connection }: Token): string => connection.split('.')[0] ?? '';

describe.each(SEALING)('with a %s token', (kind, options) => {
  test('the session holds one property of ours for it, and every way to get the token shows its label', async () => {
    let consented: ConnectToken | undefined;
    const world = await connectedWorld(sandbox, {
      options: { ...options, onConnect: (_req, token) => void (consented = token) },
    });
    const token = tokenIn(await at(world, '/token'));
    expect(token.connection).toMatch(/^[\w-]{22}\.0$/u);
    expect(tokenIn(await world.fresh())).toEqual(token);
    expect(consented).toEqual(token);
    const { connectToken, ...others } = await onlySession(world.app);
    expect(Object.keys(others)).toEqual(['cookie', 'connectPending']);
    const label = token.connection.replaceAll('.', '\\.');
    if (kind === 'plain') expect(connectToken).toEqual(token);
    else expect(connectToken).toMatch(new RegExp(`^v2\\.k1\\.${label}\\.[\\w-]{16}\\.[\\w-]+$`, 'u'));
  });

  test('a refresh counts on in the label, of the same connection', async () => {
    const world = await connectedWorld(sandbox, { options: { ...options } });
    const { connection } = tokenIn(await at(world, '/token'));
    time.pass(3_600_000);
    const fresh = tokenIn(await world.fresh());
    expect(fresh.connection).toBe(connection.replace(/\.0$/u, '.1'));
    expect(tokenIn(await at(world, '/token'))).toEqual(fresh);
  });

  describe.each([
    ['as it is', (token: ConnectToken | undefined) => token],
    ['as a copy', (token: ConnectToken | undefined) => ({ ...token })],
  ])('that an app carries over %s into a regenerated session', (_how, carried) => {
    const carrying = (parts: TestAppParts = {}): TestAppParts => ({
      ...parts,
      options: { ...options, ...parts.options },
      routes: (app, connect) => {
        app.get('/login', (req, res) => {
          const token = carried(req.session.connectToken);
          req.session.regenerate(() => {
            Object.assign(req.session, { connectToken: token, user: 'v' });
            res.send('welcome');
          });
        });
        app.get('/login-and-token', (req, res, next) => {
          const asked = connect.getToken(req);
          const token = carried(req.session.connectToken);
          req.session.regenerate(() => {
            Object.assign(req.session, { connectToken: token, user: 'v' });
            asked.then((fresh) => void res.json(fresh), next);
          });
        });
        parts.routes?.(app, connect);
      },
    });

    test('the connection goes on', async () => {
      const world = await connectedWorld(sandbox, carrying());
      const before = tokenIn(await at(world, '/token'));
      await at(world, '/login');
      expect(await onlySession(world.app)).toMatchObject({ user: 'v' });
      expect(tokenIn(await at(world, '/token'))).toEqual(before);
      time.pass(3_600_000);
      const fresh = tokenIn(await world.fresh());
      expect({ connection: connectionOf(fresh), works: sandbox.works(fresh.access_token) }).toEqual({
        connection: connectionOf(before),
        works: true,
      });
      expect((await disconnect(world)).status).toBe(204);
      expect(verdict(await world.fresh())[1]).toBe('ERR_CONNECT_REQUIRED');
    });

    test('while another request refreshes it, the connection goes on with the new token', async () => {
      const world = await connectedWorld(sandbox, carrying());
      const before = tokenIn(await at(world, '/token'));
      time.pass(3_600_000);
      sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
      const refreshing = world.visitor.fork().visit(`${world.app.url}/fresh`, { accept: 'application/json' });
      await sandbox.waiting();
      await at(world, '/login');
      sandbox.release();
      const fresh = tokenIn(await refreshing);
      expect(connectionOf(fresh)).toBe(connectionOf(before));
      expect(tokenIn(await world.fresh())).toEqual(fresh);
      expect({
        refreshCalls: sandbox.calls.refresh,
        presentations: sandbox.presentations(before.refresh_token),
      }).toEqual({ refreshCalls: 1, presentations: 1 });
      expect(await onlySession(world.app)).toMatchObject({ user: 'v' });
    });

    test('in the request that refreshes it, the connection goes on with the new token', async () => {
      const world = await connectedWorld(sandbox, carrying());
      const before = tokenIn(await at(world, '/token'));
      time.pass(3_600_000);
      const fresh = tokenIn(await at(world, '/login-and-token'));
      expect(tokenIn(await world.fresh())).toEqual(fresh);
      expect({
        refreshCalls: sandbox.calls.refresh,
        presentations: sandbox.presentations(before.refresh_token),
      }).toEqual({ refreshCalls: 1, presentations: 1 });
    });
  });

  test('that the app keeps as getToken gave it, the connection goes on', async () => {
    const world = await connectedWorld(sandbox, {
      options: { ...options },
      routes: (app, connect) => {
        app.get('/keep', (req, res, next) => {
          connect.getToken(req).then((token) => {
            req.session.connectToken = token;
            res.json(token);
          }, next);
        });
      },
    });
    const kept = tokenIn(await at(world, '/keep'));
    time.pass(3_600_000);
    expect(connectionOf(tokenIn(await world.fresh()))).toBe(connectionOf(kept));
  });

  test('without a label, as an app brings it from elsewhere, the connection is that of its refresh token', async () => {
    const world = await connectedWorld(sandbox, {
      options: { ...options },
      routes: (app) => {
        app.get('/import', (req, res) => {
          const { connection, ...token } = req.session.connectToken ?? { access_token: '', type: 'bearer' as const };
          req.session.connectToken = token;
          res.json(connection);
        });
      },
    });
    const label = JSON.parse((await at(world, '/import')).body) as string;
    const imported = tokenIn(await world.fresh());
    expect(imported.connection).toMatch(/^[\w-]{43}\.0$/u);
    expect(imported.connection).not.toBe(label);
    time.pass(3_600_000);
    const fresh = tokenIn(await world.fresh());
    expect(fresh.connection).toBe(imported.connection.replace(/\.0$/u, '.1'));
  });
});

describe('a session of version 0.1.0, with connectLineage beside the token', () => {
  const OLD_LABEL = 'AbCdEfGhIjKlMnOpQrStUv.3';

  const carrying = (how: (token: ConnectToken | undefined) => unknown): NonNullable<TestAppParts['routes']> => {
    return (app) => {
      app.get('/login', (req, res) => {
        const token = how(req.session.connectToken);
        req.session.regenerate(() => {
          Object.assign(req.session, { connectToken: token, user: 'v' });
          res.send('welcome');
        });
      });
    };
  };

  /** The session as 0.1.0 has left it. */
  async function asBefore(world: World, secret?: EncryptionKey): Promise<void> {
    const token: Partial<Token> = tokenIn(await at(world, '/token'));
    delete token.connection;
    const connectionId = OLD_LABEL.split('.')[0] ?? '';
    await editSessions(world.app, (document) => {
      document['connectLineage'] = OLD_LABEL;
      document['connectToken'] =
        secret === undefined
          ? token
          : sealer([secret], 'session').seal(JSON.stringify(token), [sandbox.connectOptions.clientId, connectionId]);
    });
  }

  describe.each(SEALING)('%s', (kind, options) => {
    test('is read, and written in the new form at the next refresh', async () => {
      const world = await connectedWorld(sandbox, { options: { ...options } });
      const { access_token } = tokenIn(await at(world, '/token'));
      await asBefore(world, kind === 'sealed' ? KEY : undefined);
      expect(tokenIn(await at(world, '/token'))).toMatchObject({ access_token, connection: OLD_LABEL });
      expect(tokenIn(await world.fresh())).toMatchObject({ access_token, connection: OLD_LABEL });
      time.pass(3_600_000);
      const fresh = tokenIn(await world.fresh());
      expect(fresh.connection).toBe('AbCdEfGhIjKlMnOpQrStUv.4');
      const { connectToken, ...others } = await onlySession(world.app);
      expect(Object.keys(others)).toEqual(['cookie', 'connectPending']);
      if (kind === 'plain') expect(connectToken).toEqual(fresh);
      else expect(connectToken).toMatch(/^v2\.k1\.AbCdEfGhIjKlMnOpQrStUv\.4\./u);
    });

    test.each([
      ['as it is', (token: ConnectToken | undefined) => token],
      ['as a copy', (token: ConnectToken | undefined) => ({ ...token })],
    ])(
      'carried over %s into a regenerated session before its first refresh keeps its connection',
      async (_how, how) => {
        const world = await connectedWorld(sandbox, { options: { ...options }, routes: carrying(how) });
        await asBefore(world, kind === 'sealed' ? KEY : undefined);
        await at(world, '/login');
        const { connectToken, ...others } = await onlySession(world.app);
        expect(others).toEqual({ cookie: expect.anything() as unknown, user: 'v' });
        if (kind === 'sealed') expect(connectToken).toMatch(/^v2\.k1\.AbCdEfGhIjKlMnOpQrStUv\.3\./u);
        expect(tokenIn(await at(world, '/token'))).toMatchObject({ connection: OLD_LABEL });
        time.pass(3_600_000);
        expect(tokenIn(await world.fresh())).toMatchObject({ connection: 'AbCdEfGhIjKlMnOpQrStUv.4' });
        expect((await disconnect(world)).status).toBe(204);
      },
    );

    test('is written in the new form when the app saves it', async () => {
      const world = await connectedWorld(sandbox, {
        options: { ...options },
        routes: (app) => {
          app.get('/write', (req, res) => {
            Object.assign(req.session, { user: 'v' });
            res.send('kept');
          });
        },
      });
      await asBefore(world, kind === 'sealed' ? KEY : undefined);
      await at(world, '/write');
      const { connectToken, ...others } = await onlySession(world.app);
      expect(Object.keys(others)).toEqual(['cookie', 'connectPending', 'user']);
      if (kind === 'plain') expect(connectToken).toMatchObject({ connection: OLD_LABEL });
      else expect(connectToken).toMatch(/^v2\.k1\.AbCdEfGhIjKlMnOpQrStUv\.3\./u);
      expect(tokenIn(await world.fresh())).toMatchObject({ connection: OLD_LABEL });
    });

    test('that only reads writes nothing', async () => {
      const world = await connectedWorld(sandbox, { options: { ...options } });
      await asBefore(world, kind === 'sealed' ? KEY : undefined);
      const before = await onlySession(world.app);
      await at(world, '/token');
      await world.fresh();
      expect(await onlySession(world.app)).toEqual(before);
    });

    test('can be disconnected, also with its key gone', async () => {
      for (const keys of kind === 'sealed' ? [[KEY], [OTHER]] : [undefined]) {
        const parts = { options: keys === undefined ? {} : { encryptionKeys: keys } };
        const world = await connectedWorld(sandbox, parts);
        await asBefore(world, kind === 'sealed' ? KEY : undefined);
        expect((await disconnect(world)).status).toBe(204);
        expect(Object.keys(await onlySession(world.app))).toEqual(['cookie']);
      }
    });
  });
});

describe('a token whose key is lost', () => {
  test('is disconnected by its label: the connection has ended for every process that still has the key', async () => {
    const world = await connectedWorld(sandbox, { options: { encryptionKeys: [KEY] } });
    const copy = await onlySession(world.app);
    const { expires_at } = tokenIn(await at(world, '/token'));
    const without = await alongside(world, { encryptionKeys: [OTHER] });
    expect((await disconnect(without)).status).toBe(204);
    // Another process, with the key and a copy of the old session, on the same ledger.
    const keeper = await alongside(world, { encryptionKeys: [KEY] });
    await editSessions(keeper.app, (document) => Object.assign(document, copy));
    time.pass((expires_at - Math.floor(Date.now() / 1000)) * 1000);
    expect(verdict(await keeper.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
    expect(sandbox.calls.refresh).toBe(0);
  });
});

describe('two instances with the same keys and client on one app', () => {
  test("do not open each other's tokens when somebody swaps them in the store", async () => {
    const world = await connectedWorld(sandbox, { options: { encryptionKeys: [KEY] } });
    const second = await alongside(world, { encryptionKeys: [KEY], sessionKey: 'billing' });
    await signIn(second.app, sandbox, second.visitor);
    expect([verdict(await world.fresh()), verdict(await second.fresh())]).toEqual([[200], [200]]);
    await editSessions(world.app, (document) => {
      [document['connectToken'], document['billing']] = [document['billing'], document['connectToken']];
    });
    for (const one of [world, second]) {
      expect(verdict(await one.fresh())).toEqual([500, 'ERR_CONNECT_CONFIG', undefined]);
    }
  });
});
