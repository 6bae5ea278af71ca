import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAuthOptions } from '../../../src';
import { browser, type Browser } from '../../support/app';
import { packed, packedAt, root } from '../../support/packed';
import { describeInRedis, inCi } from '../../support/requires';
import { startRedisBackend } from './backends';
import { ask, callbackPath, refusalFrom, signedIn, startCluster, tokenFrom, type Worker } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

/** The release before the sources: the commit whose package.json and CHANGELOG.md are its own. */
const PREVIOUS = { version: '0.2.0', commit: '4867a8fcad555f46f5a8ef388d78fa3f4dddfd38' };

const manifest = spawnSync('git', ['show', `${PREVIOUS.commit}:package.json`], { cwd: root, encoding: 'utf8' });
const hasHistory = manifest.status === 0;
const describeWithHistory: typeof describeInRedis = (title, suite) => {
  if (hasHistory || inCi()) describeInRedis(title, suite);
  else describe.skip(`${title} (needs the history of the repository: git fetch --unshallow)`, () => suite(''));
};

describeWithHistory('processes of the previous release beside processes of this one, on one Redis', () => {
  let world: World;
  let before: readonly Worker[];
  let after: readonly Worker[];
  beforeAll(async () => {
    world = await startWorld(await startRedisBackend(), { processes: 2 });
    after = world.cluster.workers;
    before = (await clusterOf(2)).workers;
  });
  beforeEach(() => world.reset());

  function clusterOf(count: number, from = packedAt(PREVIOUS.commit), options: Partial<ConnectAuthOptions> = {}) {
    const { sessionRedis, backend, sandbox } = world;
    const connect = { ...sandbox.connectOptions, ...options };
    return startCluster({ sessionsUrl: sessionRedis.url, coordination: backend.coordination, connect }, count, from);
  }

  /** Lets the token expire, and asks all these processes for it at once, thrice each. */
  async function refreshedBy(workers: readonly Worker[], visitor: Browser): Promise<void> {
    const refreshToken = await world.sessions.age(visitor, -10);
    const answers = await Promise.all([...workers, ...workers, ...workers].map((worker) => tokenFrom(worker, visitor)));
    const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.accessToken));
    expect(others).toEqual([]);
    expect(await worksAtTheApi(world.sandbox, accessToken)).toBe(true);
    expect(world.sandbox.presentations(refreshToken)).toBe(1);
  }

  test('they are what they are taken for', () => {
    const sections = [...readFileSync(join(root, 'CHANGELOG.md'), 'utf8').matchAll(/^## \[(.+?)\]/gmu)];
    // Either what is not released yet stands first, or the release that is being made.
    expect(sections[1]?.[1]).toBe(PREVIOUS.version);
    expect((JSON.parse(manifest.stdout) as { version: string }).version).toBe(PREVIOUS.version);
    const libraries = [...before, ...after].map(({ library }) => library);
    expect(libraries.map((library) => libraries.indexOf(library))).toEqual([0, 0, 2, 2]);
  });

  test('a sign-in begun by one ends at the other, and what all of them refresh is refreshed once', async () => {
    const all = [before[0]!, after[0]!, before[1]!, after[1]!];
    for (const [at, worker] of all.entries()) {
      const visitor = await signedIn(world.sandbox, worker, all[(at + 1) % 4]);
      for (let round = 0; round < 4; round += 1) await refreshedBy(all, visitor);
    }
    expect(world.sandbox.calls.refresh).toBe(16);
  });

  test('through an upgrade and back again nobody is signed out, and nobody who left comes back', async () => {
    const deployments = [
      [before[0]!, before[1]!],
      [before[0]!, after[0]!],
      [after[0]!, after[1]!],
      [after[1]!, before[1]!],
      [before[0]!, before[1]!],
    ] as const;
    const staying: Browser[] = [];
    const left: Browser[] = [];
    for (const [one, other] of deployments) {
      const [stays, leaves] = [await signedIn(world.sandbox, one, other), await signedIn(world.sandbox, other, one)];
      staying.push(stays);
      for (const visitor of [...staying, leaves]) await refreshedBy([one, other], visitor);

      const document = await world.sessions.read(leaves);
      const headers = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };
      expect((await leaves.visit(`${one.url}/connect/disconnect`, headers, 'POST')).status).toBe(204);
      // As a slow request would do it that began before.
      await world.sessions.write(leaves, document);
      left.push(leaves);
      for (const visitor of left) {
        const { connectToken } = await world.sessions.read(visitor);
        if (connectToken !== undefined) await world.sessions.age(visitor, -10);
        for (const worker of [other, one]) expect((await refusalFrom(worker, visitor)).status).toBe(401);
      }
    }
    // One with every deployment that a staying visitor has seen, and one for each who left.
    expect(world.sandbox.calls.refresh).toBe(1 + 2 + 3 + 4 + 5 + 5);
  });

  test('one that is told to end in the middle of a refresh hands the token on', async () => {
    const { sandbox, sessions } = world;
    for (const [ends, stays] of [
      [(await clusterOf(1)).workers[0]!, after[0]!],
      [await world.cluster.start(), before[0]!],
    ] as const) {
      const visitor = await signedIn(sandbox, stays);
      const refreshToken = await sessions.age(visitor, -10);
      sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
      const asked = ask(ends, '/token', visitor.fork());
      await sandbox.waiting();
      const ended = ends.terminate();
      sandbox.release();
      expect((await asked).status).toBe(200);
      expect(await ended).toBe(0);
      const { accessToken } = await tokenFrom(stays, visitor);
      expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
      expect(sandbox.presentations(refreshToken)).toBe(1);
    }
  });

  test('a session that one has sealed is opened by the other, and a disconnect there ends it for both', async () => {
    const sealed = { encryptionKeys: [{ id: 'k', secret: 'a secret of the tests, 32 characters' }] };
    const [old] = (await clusterOf(1, packedAt(PREVIOUS.commit), sealed)).workers;
    const [current] = (await clusterOf(1, packed(), sealed)).workers;
    for (const [one, other] of [
      [old!, current!],
      [current!, old!],
    ] as const) {
      const visitor = await signedIn(world.sandbox, one);
      expect((await world.sessions.read(visitor)).connectToken).toMatch(/^v2\.k\./u);
      const { accessToken } = await tokenFrom(other, visitor);
      expect(await worksAtTheApi(world.sandbox, accessToken)).toBe(true);
      expect((await tokenFrom(one, visitor)).accessToken).toBe(accessToken);
      const headers = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };
      expect((await visitor.visit(`${other.url}/connect/disconnect`, headers, 'POST')).status).toBe(204);
      for (const worker of [one, other]) expect((await refusalFrom(worker, visitor)).status).toBe(401);
    }
  });

  test('a callback that comes to both at once is one sign-in', async () => {
    const visitor = browser();
    const callback = await callbackPath(world.sandbox, before[0]!, visitor);
    const answers = await Promise.all([before[1]!, after[0]!].map(({ url }) => visitor.fork().visit(url + callback)));
    expect(world.sandbox.calls.exchange).toBe(1);
    expect(answers.filter(({ status }) => status === 302).length).toBeGreaterThanOrEqual(1);
  });
});
