import type { Express } from 'express';
import { MemoryStore } from 'express-session';
import { inspect, types } from 'node:util';
import type { ConnectAuth, ConnectToken, EncryptionKey } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, withApp, type TestApp, type TestAppParts } from '../../support/app';
import { findSecrets } from '../../support/find-secret';
import { takeOverTime, type Time } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { onlySession } from '../../support/stored';

const OLD: EncryptionKey = { id: 'k-old', secret: 'the old secret of these tests, long enough' };
const NEW: EncryptionKey = { id: 'k-new', secret: 'the new secret of these tests, long enough' };
const ENVELOPE = /^v2\.(k-old|k-new)\.[\w-]{22}\.\d+(?:\.\d+)?\.[\w-]{16}\.[\w-]+$/u;

let sandbox: Sandbox;
let time: Time;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});
beforeEach(() => {
  time = takeOverTime();
});

interface Counts {
  get: number;
  set: number;
  touch: number;
  destroy: number;
}

/** A MemoryStore that counts what it is asked. */
function countingStore(): { store: MemoryStore; counts: Counts; texts: Record<string, string> } {
  const store = new MemoryStore();
  const counts: Counts = { get: 0, set: 0, touch: 0, destroy: 0 };
  const target = store as unknown as Record<keyof Counts, (...args: unknown[]) => void>;
  for (const operation of Object.keys(counts) as (keyof Counts)[]) {
    const sound = target[operation].bind(store);
    target[operation] = (...args) => {
      counts[operation] += 1;
      sound(...args);
    };
  }
  return { store, counts, texts: (store as unknown as { sessions: Record<string, string> }).sessions };
}

function routes(app: Express, connect: ConnectAuth): void {
  app.get('/read', (req, res) => void res.json({ access: req.session.connectToken?.access_token ?? null }));
  app.get(
    '/guarded',
    connect.requireConnect({ onMissing: 'error' }),
    (req, res) => void res.json(req.session.connectToken),
  );
  app.get('/fresh', (req, res, next) => {
    connect.getToken(req).then((token) => void res.json(token), next);
  });
  app.get('/write', (req, res) => {
    Object.assign(req.session, { basket: ((req.session as { basket?: number }).basket ?? 0) + 1 });
    res.json(req.session.connectToken ?? null);
  });
}

function sealed(keys: readonly EncryptionKey[] = [NEW], parts: TestAppParts = {}): TestAppParts {
  return {
    ...parts,
    options: { encryptionKeys: keys, ...parts.options },
    routes(app, connect) {
      routes(app, connect);
      parts.routes?.(app, connect);
    },
  };
}

async function tokenOf(app: TestApp, visitor: ReturnType<typeof browser>, path = '/fresh'): Promise<ConnectToken> {
  const answer = await visitor.visit(app.url + path, { accept: 'application/json' });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as ConnectToken;
}

function secretsOf(...tokens: readonly ConnectToken[]): { name: string; value: string }[] {
  return tokens
    .flatMap((token) => [
      { name: 'access token', value: token.access_token },
      { name: 'refresh token', value: token.refresh_token ?? '' },
    ])
    .filter(({ value }) => value !== '');
}

test('the store holds an envelope and no token in any spelling, and the app reads the token plain', async () => {
  const { store, texts } = countingStore();
  await withApp(sandbox, sealed([NEW], { store }), async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const token = await tokenOf(app, visitor);
    expect(sandbox.works(token.access_token)).toBe(true);
    expect((await onlySession(app))['connectToken']).toMatch(/^v2\.k-new\./u);
    expect(findSecrets(JSON.stringify(texts) + Object.values(texts).join('\n'), secretsOf(token))).toEqual([]);
    expect(await tokenOf(app, visitor, '/token')).toEqual(token);
    expect(await tokenOf(app, visitor, '/guarded')).toEqual(token);
    expect(await tokenOf(app, visitor, '/read')).toEqual({ access: token.access_token });
  });
});

test('a refresh writes a sealed token, and nothing of the old or the new one', async () => {
  const { store, texts } = countingStore();
  await withApp(sandbox, sealed([NEW], { store, options: { refreshLeewaySeconds: 3600 } }), async (app) => {
    sandbox.set({ lifetimeSeconds: 60 });
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const before = (await onlySession(app))['connectToken'];
    const old = await tokenOf(app, visitor, '/token');
    sandbox.set({ lifetimeSeconds: 3600 });
    time.pass((old.expires_at ?? 0) * 1000 - Date.now());
    const fresh = await tokenOf(app, visitor, '/guarded');
    expect({ sameToken: fresh.access_token === old.access_token, works: sandbox.works(fresh.access_token) }).toEqual({
      sameToken: false,
      works: true,
    });
    const after = (await onlySession(app))['connectToken'];
    expect(after).toMatch(ENVELOPE);
    expect(after).not.toBe(before);
    expect(findSecrets(Object.values(texts).join('\n'), secretsOf(old, fresh))).toEqual([]);
    expect(await tokenOf(app, visitor, '/token')).toEqual(fresh);
  });
});

describe('what an app can print', () => {
  test('of a session shows no token', async () => {
    const printed: string[] = [];
    const parts = sealed([NEW], {
      routes(app) {
        app.get('/print', (req, res) => {
          const write = process.stdout.write.bind(process.stdout);
          process.stdout.write = (text: string | Uint8Array) => printed.push(String(text)) > 0;
          try {
            new console.Console(process.stdout).log(req.session, { session: req.session }, [req.session.connectToken]);
          } finally {
            process.stdout.write = write;
          }
          printed.push(
            JSON.stringify(req.session),
            JSON.stringify({ deep: { session: req.session } }),
            JSON.stringify(Object.fromEntries(Object.entries(req.session))),
            inspect(req.session),
            inspect(req.session, { showHidden: true, depth: Infinity }),
            inspect(req.session.connectToken, { showHidden: true, depth: Infinity, getters: true }),
            inspect(req.session, { showHidden: true, depth: Infinity, getters: true, showProxy: true }),
            inspect(Object.fromEntries(Object.entries(req.session))),
          );
          res.json(req.session.connectToken);
        });
      },
    });
    await withApp(sandbox, parts, async (app) => {
      const visitor = browser();
      await signIn(app, sandbox, visitor);
      const token = await tokenOf(app, visitor, '/print');
      expect(sandbox.works(token.access_token)).toBe(true);
      expect(printed.length).toBe(9);
      expect(printed.join('')).toContain('[token of a connected account]');
      expect(findSecrets(printed.join('\n'), secretsOf(token))).toEqual([]);
    });
  });
});

describe.each([['/read'], ['/token'], ['/guarded'], ['/fresh']])('read-only requests to %s', (path) => {
  test.each([[false], [true]])('write nothing with a sealed token (rolling %s)', async (rolling) => {
    const { store, counts, texts } = countingStore();
    await withApp(
      sandbox,
      sealed([NEW], { store, session: { rolling, cookie: { maxAge: 3_600_000 } } }),
      async (app) => {
        const visitor = browser();
        await signIn(app, sandbox, visitor);
        const before = { ...counts };
        const envelope = (await onlySession(app))['connectToken'];
        await visitor.visit(app.url + path);
        await visitor.visit(app.url + path);
        expect({ sets: counts.set - before.set, touches: counts.touch - before.touch }).toEqual({
          sets: 0,
          touches: 2,
        });
        expect(JSON.parse(Object.values(texts)[0] ?? '')).toMatchObject({ connectToken: envelope });
      },
    );
  });
});

test('a request that changes the session keeps the envelope byte for byte', async () => {
  await withApp(sandbox, sealed(), async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const { connectToken } = await onlySession(app);
    const token = await tokenOf(app, visitor, '/write');
    expect(await onlySession(app)).toMatchObject({ connectToken, basket: 1 });
    expect(await tokenOf(app, visitor)).toEqual(token);
  });
});

test.each(['connectToken', 'hubToken'])(
  'after its own reload() of the session getToken and the guard open the envelope in %s',
  async (sessionKey) => {
    const parts = sealed([NEW], {
      options: { sessionKey },
      routes(app, connect) {
        app.get(
          '/reload',
          (req, _res, next) => req.session.reload(next),
          (req, res, next) => {
            connect.getToken(req).then((token) => void res.json(token), next);
          },
        );
        app.get(
          '/reload-guarded',
          (req, _res, next) => req.session.reload(next),
          connect.requireConnect(),
          (req, res) => {
            res.json((req.session as unknown as Record<string, unknown>)[sessionKey]);
          },
        );
      },
    });
    await withApp(sandbox, parts, async (app) => {
      const visitor = browser();
      await signIn(app, sandbox, visitor);
      const token = await tokenOf(app, visitor);
      expect((await onlySession(app))[sessionKey]).toMatch(ENVELOPE);
      expect(await tokenOf(app, visitor, '/reload')).toEqual(token);
      expect(await tokenOf(app, visitor, '/reload-guarded')).toEqual(token);
      expect((await onlySession(app))[sessionKey]).toMatch(ENVELOPE);
    });
  },
);

test('keys rotate in two deploys while old and new processes run side by side', async () => {
  const { store } = countingStore();
  const deploy = (keys: readonly EncryptionKey[]): Promise<TestApp> => startApp(sandbox, sealed(keys, { store }));
  const rings = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]];
  const visitors = [];
  for (const [index, ring] of rings.slice(0, 3).entries()) {
    const now = await deploy(ring);
    const next = await deploy(rings[index + 1] ?? []);
    const visitor = browser();
    await signIn(now, sandbox, visitor);
    const token = await tokenOf(now, visitor);
    visitors.push({ visitor, token, key: ring[0]?.id });
    // Old and new side by side read everything that the other one has sealed, and what was sealed before.
    for (const one of [now, next]) {
      for (const known of visitors.filter(({ key }) => key !== 'k-old' || index < 2)) {
        expect(await tokenOf(one, known.visitor, '/guarded')).toEqual(known.token);
      }
    }
    const other = browser();
    await signIn(next, sandbox, other);
    if (index < 2) expect(await tokenOf(now, other, '/guarded')).toEqual(await tokenOf(next, other));
  }
  const sealedBy = new Set(
    Object.values(
      await new Promise<Record<string, { connectToken: string }>>((resolve) => {
        store.all((_error, all) => resolve(all as unknown as Record<string, { connectToken: string }>));
      }),
    ).map(({ connectToken }) => ENVELOPE.exec(connectToken)?.[1]),
  );
  expect(sealedBy).toEqual(new Set(['k-old', 'k-new']));
});

test('a plain session from before encryption is read, and sealed at the next write of a token', async () => {
  const { store, counts, texts } = countingStore();
  const visitor = browser();
  const plainApp = await startApp(sandbox, { store, routes });
  await signIn(plainApp, sandbox, visitor);
  const plain = (await onlySession(plainApp))['connectToken'] as ConnectToken;
  await withApp(sandbox, sealed([NEW], { store }), async (app) => {
    const before = counts.set;
    expect(await tokenOf(app, visitor, '/guarded')).toEqual(plain);
    expect({ sets: counts.set - before, connectToken: (await onlySession(app))['connectToken'] }).toEqual({
      sets: 0,
      connectToken: plain,
    });
    for (const [id, text] of Object.entries(texts)) texts[id] = text.replace(/"expires_at":\d+/u, '"expires_at":1000');
    const fresh = await tokenOf(app, visitor, '/guarded');
    expect(sandbox.works(fresh.access_token)).toBe(true);
    expect((await onlySession(app))['connectToken']).toMatch(ENVELOPE);
    expect(findSecrets(Object.values(texts).join('\n'), secretsOf(plain, fresh))).toEqual([]);
  });
});

test('two instances with keys of their own keep two tokens in one session', async () => {
  const { store, counts } = countingStore();
  const first = await startApp(sandbox, sealed([OLD], { store }));
  const second = await startApp(sandbox, sealed([NEW], { store, options: { sessionKey: 'hubToken' } }));
  const visitor = browser();
  await signIn(first, sandbox, visitor);
  await signIn(second, sandbox, visitor);
  const document = await onlySession(first);
  expect([document['connectToken'], document['hubToken']]).toEqual([
    expect.stringMatching(/^v2\.k-old\./u),
    expect.stringMatching(/^v2\.k-new\./u),
  ]);
  const [one, two] = [await tokenOf(first, visitor), await tokenOf(second, visitor)];
  expect({
    oneWorks: sandbox.works(one.access_token),
    twoWorks: sandbox.works(two.access_token),
    sameToken: one.access_token === two.access_token,
  }).toEqual({ oneWorks: true, twoWorks: true, sameToken: false });
  const before = { ...counts };
  await visitor.visit(`${first.url}/guarded`);
  await visitor.visit(`${second.url}/guarded`);
  expect({ sets: counts.set - before.set, touches: counts.touch - before.touch }).toEqual({ sets: 0, touches: 2 });
  expect(await onlySession(first)).toMatchObject({
    connectToken: document['connectToken'],
    hubToken: document['hubToken'],
  });
});

test('the token that the app reads is an ordinary object of strings and numbers', async () => {
  let facts: unknown;
  const parts = sealed([NEW], {
    routes: (app) =>
      void app.get('/facts', (req, res) => {
        const token = req.session.connectToken;
        facts = {
          keys: Object.keys(token ?? {}).sort(),
          proxy: types.isProxy(token),
          copy: structuredClone({ ...token }),
          entries: Object.entries(req.session).find(([key]) => key === 'connectToken')?.[1] === token,
          cloned: structuredClone(token),
        };
        res.json(token);
      }),
  });
  await withApp(sandbox, parts, async (app) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    const token = await tokenOf(app, visitor, '/facts');
    expect(facts).toEqual({ keys: Object.keys(token).sort(), proxy: false, copy: token, entries: true, cloned: token });
  });
});
