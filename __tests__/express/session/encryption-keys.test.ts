import { MemoryStore } from 'express-session';
import type { ConnectEvent, ConnectToken, EncryptionKey } from '../../../src';
import { sealer } from '../../../src/session/seal';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Browser, type TestApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

const KEY: EncryptionKey = { id: 'k1', secret: 'the key that sealed, long enough for anybody' };
const OTHER: EncryptionKey = { id: 'k2', secret: 'another key altogether, long enough for anybody' };
const SAME_ID: EncryptionKey = { id: 'k1', secret: 'another secret under the same id, long enough' };
const SCRIPT = { accept: 'application/json' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

type Texts = Record<string, string>;

/** One store, one app after the other on it, as deploys are. */
function deployments(): {
  texts: Texts;
  deploy(keys: readonly EncryptionKey[] | undefined, parts?: TestAppParts): Promise<TestApp>;
} {
  const store = new MemoryStore();
  return {
    texts: (store as unknown as { sessions: Texts }).sessions,
    deploy(keys, parts = {}) {
      return startApp(sandbox, {
        ...parts,
        store,
        options: { ...(keys === undefined ? {} : { encryptionKeys: keys }), ...parts.options },
        routes(express, connect) {
          express.get('/read', (req, res) =>
            res.json({ has: 'connectToken' in req.session, kind: typeof req.session.connectToken }),
          );
          express.get('/guarded', connect.requireConnect({ onMissing: 'error' }), (req, res) =>
            res.json(req.session.connectToken),
          );
          express.get(
            '/fresh',
            (req, res, next) => void connect.getToken(req).then((token) => void res.json(token), next),
          );
          express.get('/write', (req, res) => {
            Object.assign(req.session, { basket: 'full' });
            res.json(null);
          });
          parts.routes?.(express, connect);
        },
      });
    },
  };
}

const ours = (text: string | undefined): unknown => {
  const { connectToken } = JSON.parse(text ?? '{}') as Record<string, unknown>;
  return { connectToken };
};
const only = (texts: Texts): string => Object.values(texts)[0] ?? '';

async function fresh(app: TestApp, visitor: Browser): Promise<ConnectToken> {
  const answer = await visitor.visit(`${app.url}/fresh`, SCRIPT);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as ConnectToken;
}

describe.each([
  ['another key', [OTHER]],
  ['another secret under the same id', [SAME_ID]],
  ['two other keys', [OTHER, { ...OTHER, id: 'k3' }]],
  ['no encryptionKeys any more', undefined],
] as const)('a session sealed by a key that is lost (%s)', (_what, keys) => {
  test.each([
    [false, '/read'],
    [true, '/read'],
    [false, '/write'],
    [true, '/write'],
  ])('keeps its envelope byte for byte (resave %s, %s)', async (resave, path) => {
    const world = deployments();
    const before = await world.deploy([KEY]);
    const [visitor, neighbour] = [browser(), browser()];
    await signIn(before, sandbox, visitor);
    await signIn(before, sandbox, neighbour);
    const token = await fresh(before, visitor);
    const kept = Object.fromEntries(Object.entries(world.texts).map(([id, text]) => [id, ours(text)]));
    const app = await world.deploy(keys, { session: { resave } });
    for (let round = 0; round < 2; round += 1) await visitor.visit(app.url + path);
    const read = await visitor.visit(`${app.url}/read`);
    expect(JSON.parse(read.body)).toEqual({ has: true, kind: 'undefined' });
    expect((await visitor.visit(`${app.url}/token`)).body).toBe('null');
    for (const route of ['/guarded', '/fresh']) {
      const answer = await visitor.visit(app.url + route, SCRIPT);
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
        500,
        { code: 'ERR_CONNECT_CONFIG', reason: 'key' },
      ]);
      expect(answer.body).not.toContain('loginUrl');
    }
    expect(Object.fromEntries(Object.entries(world.texts).map(([id, text]) => [id, ours(text)]))).toEqual(kept);
    expect(only(world.texts).includes('basket')).toBe(path === '/write');
    // The key is put back, behind a new one.
    const healed = await world.deploy([OTHER, KEY]);
    expect(await fresh(healed, visitor)).toEqual(token);
    expect((await visitor.visit(`${healed.url}/guarded`)).status).toBe(200);
    expect((await neighbour.visit(`${healed.url}/guarded`)).status).toBe(200);
    expect(sandbox.calls.refresh).toBe(0);
  });

  test('takes a new sign-in, which ends the old connection', async () => {
    const world = deployments();
    const before = await world.deploy([KEY]);
    const visitor = browser();
    await signIn(before, sandbox, visitor);
    const old = await fresh(before, visitor);
    const app = await world.deploy(keys);
    const landed = await signIn(app, sandbox, visitor);
    expect(landed.status).toBe(302);
    const token = await fresh(app, visitor);
    expect({ works: sandbox.works(token.access_token), sameToken: token.access_token === old.access_token }).toEqual({
      works: true,
      sameToken: false,
    });
    expect(Object.keys(world.texts).length).toBe(1);
  });

  test('can be disconnected', async () => {
    const world = deployments();
    const before = await world.deploy([KEY]);
    const visitor = browser();
    await signIn(before, sandbox, visitor);
    const events: ConnectEvent[] = [];
    const app = await world.deploy(keys, { options: { onEvent: (event) => void events.push(event) } });
    const answer = await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
    expect([answer.status, events.map(({ type }) => type)]).toEqual([204, ['ended', 'disconnected']]);
    expect(Object.values(world.texts).filter((text) => text.includes('connectToken'))).toEqual([]);
    expect((await visitor.visit(`${app.url}/guarded`, SCRIPT)).status).toBe(401);
  });
});

describe('an envelope that was moved', () => {
  async function two(): Promise<{
    world: ReturnType<typeof deployments>;
    app: TestApp;
    visitor: Browser;
    documents: Record<string, unknown>[];
    ids: string[];
  }> {
    const world = deployments();
    const app = await world.deploy([KEY]);
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const ids = Object.keys(world.texts);
    await signIn(app, sandbox, browser());
    ids.push(...Object.keys(world.texts).filter((id) => !ids.includes(id)));
    return {
      world,
      app,
      visitor,
      ids,
      documents: ids.map((id) => JSON.parse(world.texts[id] ?? '') as Record<string, unknown>),
    };
  }

  async function expectLocked(app: TestApp, visitor: Browser, path = '/guarded'): Promise<void> {
    const answer = await visitor.visit(app.url + path, SCRIPT);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      500,
      { code: 'ERR_CONNECT_CONFIG', reason: 'key' },
    ]);
    if (path === '/guarded')
      expect(JSON.parse((await visitor.visit(`${app.url}/read`)).body)).toMatchObject({ kind: 'undefined' });
  }

  test('under the label of somebody else does not open', async () => {
    const { world, app, visitor, ids, documents } = await two();
    const [own = '', foreign = ''] = documents.map((document) => String(document['connectToken']));
    const mixed = own.split('.').with(2, foreign.split('.')[2] ?? '');
    world.texts[ids[0] ?? ''] = JSON.stringify({ ...documents[0], connectToken: mixed.join('.') });
    await expectLocked(app, visitor);
  });

  test('whole into the session of somebody else opens there, as SECURITY.md says', async () => {
    const { world, app, visitor, ids, documents } = await two();
    world.texts[ids[0] ?? ''] = JSON.stringify({ ...documents[0], connectToken: documents[1]?.['connectToken'] });
    const { connection = '' } = await fresh(app, visitor);
    expect(String(documents[1]?.['connectToken'])).toContain(`.${connection}.`);
  });

  test('under another sessionKey does not open', async () => {
    const { world, visitor, ids, documents } = await two();
    world.texts[ids[0] ?? ''] = JSON.stringify({ ...documents[0], hubToken: documents[0]?.['connectToken'] });
    await expectLocked(await world.deploy([KEY], { options: { sessionKey: 'hubToken' } }), visitor, '/fresh');
  });

  test('into an instance of another client does not open', async () => {
    const { world, visitor } = await two();
    await expectLocked(await world.deploy([KEY], { options: { clientId: 'another-client' } }), visitor);
  });

  test.each([
    [
      'a changed byte',
      (envelope: string) => `${envelope.slice(0, -5)}${envelope.at(-5) === 'A' ? 'B' : 'A'}${envelope.slice(-4)}`,
    ],
    [
      'a changed initialisation vector',
      (envelope: string) =>
        envelope.replace(
          /\.(.)([\w-]{15}\.[\w-]+)$/u,
          (_all, one: string, rest) => `.${one === 'A' ? 'B' : 'A'}${rest}`,
        ),
    ],
    [
      'another connection in its label',
      (envelope: string) => envelope.replace(/^(v2\.k1\.)[\w-]+/u, `$1${'A'.repeat(22)}`),
    ],
    ['another generation in its label', (envelope: string) => envelope.replace(/^(v2\.k1\.[\w-]+)\.0\./u, '$1.1.')],
    ['a lifetime in its label', (envelope: string) => envelope.replace(/^(v2\.k1\.[\w-]+\.0)\./u, '$1.5.')],
    ['a tag in its label', (envelope: string) => envelope.replace(/^(v2\.k1\.[\w-]+\.0)\./u, '$1.somebody.')],
    ['a label that is none', (envelope: string) => envelope.replace(/^(v2\.k1\.[\w-]+)\.0\./u, '$1.x.')],
    ['a tag cut short', (envelope: string) => envelope.slice(0, -4)],
    ['another key id', (envelope: string) => envelope.replace('.k1.', '.k9.')],
  ])('with %s does not open', async (_what, change) => {
    const { world, app, visitor, ids, documents } = await two();
    world.texts[ids[0] ?? ''] = JSON.stringify({
      ...documents[0],
      connectToken: change(String(documents[0]?.['connectToken'])),
    });
    await expectLocked(app, visitor);
  });
});

test('an envelope that our key opens, and that holds no token set, connects nobody, and is kept', async () => {
  const world = deployments();
  const app = await world.deploy([KEY]);
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  const [id = '', text = ''] = Object.entries(world.texts)[0] ?? [];
  const document = JSON.parse(text) as Record<string, unknown>;
  const connectToken = sealer([KEY], 'session').seal(
    '{"access_token":"","type":"bearer"}',
    [sandbox.connectOptions.clientId, 'connectToken'],
    'somebody.0',
  );
  world.texts[id] = JSON.stringify({ ...document, connectToken });
  const answer = await visitor.visit(`${app.url}/guarded`, SCRIPT);
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([401, { code: 'ERR_CONNECT_REQUIRED' }]);
  expect(ours(only(world.texts))).toMatchObject({ connectToken });
});

describe('readers of a session that is locked', () => {
  test('see undefined in every way, and the store still gets the envelope', async () => {
    const world = deployments();
    const visitor = browser();
    await signIn(await world.deploy([KEY]), sandbox, visitor);
    const kept = ours(only(world.texts));
    const seen: unknown[] = [];
    const app = await world.deploy([OTHER], {
      routes(express) {
        express.get('/attack', async (req, res) => {
          const one = req.session as unknown as Record<string, unknown>;
          const look = (): void => void seen.push(one['connectToken']);
          look();
          seen.push(Object.entries(one).find(([key]) => key === 'connectToken')?.[1]);
          seen.push(Object.fromEntries(Object.entries(one))['connectToken'], Object.assign({}, one)['connectToken']);
          seen.push(
            structuredClone(Object.fromEntries(Object.entries(one)))['connectToken'],
            Reflect.get(one, 'connectToken'),
          );
          JSON.stringify(req.session);
          look();
          JSON.stringify({ list: [req.session, req.session] });
          look();
          // Serialisers that call toJSON and never come to our key.
          JSON.stringify(req.session, ['cookie']);
          await Promise.resolve();
          look();
          Object.defineProperty(one, 'basket', { value: 1n, enumerable: true, configurable: true });
          try {
            JSON.stringify(req.session);
          } catch {
            delete one['basket'];
          }
          await Promise.resolve();
          look();
          one['basket'] = 'full';
          res.json(null);
        });
      },
    });
    expect((await visitor.visit(`${app.url}/attack`)).status).toBe(200);
    expect({ looks: seen.length, found: seen.filter((value) => value !== undefined) }).toEqual({
      looks: 10,
      found: [],
    });
    expect(ours(only(world.texts))).toEqual(kept);
    expect(only(world.texts)).toContain('"basket":"full"');
  });

  test('an app that writes a token of its own into it is heard', async () => {
    const world = deployments();
    const visitor = browser();
    await signIn(await world.deploy([KEY]), sandbox, visitor);
    const token = { access_token: 'imported', type: 'bearer' as const };
    const app = await world.deploy([OTHER], {
      routes: (express) =>
        void express.get('/import', (req, res) => {
          req.session.connectToken = token;
          res.json(req.session.connectToken);
        }),
    });
    expect(JSON.parse((await visitor.visit(`${app.url}/import`)).body)).toEqual(token);
    expect(await fresh(app, visitor)).toMatchObject(token);
  });

  test('an app that deletes it has deleted it', async () => {
    const world = deployments();
    const visitor = browser();
    await signIn(await world.deploy([KEY]), sandbox, visitor);
    const app = await world.deploy([OTHER], {
      routes: (express) =>
        void express.get('/forget', (req, res) => {
          delete req.session.connectToken;
          res.json(null);
        }),
    });
    await visitor.visit(`${app.url}/forget`);
    expect(only(world.texts)).not.toContain('connectToken');
    expect((await visitor.visit(`${app.url}/guarded`, SCRIPT)).status).toBe(401);
  });
});

test('an app that deletes a locked token gets 401 in the same request', async () => {
  const world = deployments();
  const visitor = browser();
  await signIn(await world.deploy([KEY]), sandbox, visitor);
  const app = await world.deploy([OTHER], {
    routes: (express, connect) =>
      void express.get(
        '/forget',
        (req, _res, next) => {
          delete req.session.connectToken;
          next();
        },
        connect.requireConnect(),
        (_req, res) => void res.send('inside'),
      ),
  });
  const answer = await visitor.visit(`${app.url}/forget`, SCRIPT);
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([401, { code: 'ERR_CONNECT_REQUIRED' }]);
});
