import { startRotatingProvider, type RotatingProvider } from '../../support/rotating-provider';
import { browser } from '../../support/app';
import { describeOnEach } from './backends';
import { ask, callbackPath, refusalOf, signedIn, tokenFrom } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

describeOnEach('four processes with one database', (start) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(await start());
  });
  beforeEach(() => world.reset());
  afterAll(() => world.cluster.close());

  test('they run the packed library', () => {
    const places = world.cluster.workers.map(({ library }) => library);
    expect(new Set(places).size).toBe(1);
    expect(places[0]).toMatch(
      /express-connect-auth-packed-[0-9a-f]{16}\/node_modules\/express-connect-auth\/dist\/index\.mjs$/u,
    );
  });

  test('a hundred requests with one expired session present the refresh token once, and get one token that works', async () => {
    const {
      sandbox,
      cluster: { workers },
      sessions,
    } = world;
    const visitor = await signedIn(sandbox, workers[0]!, workers[1]);
    const refreshToken = await sessions.age(visitor, -10);
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => workers)
        .flat()
        .map((worker) => tokenFrom(worker, visitor)),
    );

    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(1);
    expect(answers).toHaveLength(100);
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(4);
    const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.accessToken));
    expect(others).toEqual([]);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect((await sessions.read(visitor)).connectToken?.access_token).toBe(accessToken);
  });

  test('while one refreshes, a token that is still valid is served everywhere', async () => {
    const {
      sandbox,
      cluster: { workers },
      sessions,
    } = world;
    const visitor = await signedIn(sandbox, workers[0]!);
    const refreshToken = await sessions.age(visitor, 30);
    const old = (await sessions.read(visitor)).connectToken?.access_token;
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const winner = tokenFrom(workers[0]!, visitor);
    await sandbox.waiting();
    const meanwhile = await Promise.all(workers.map((worker) => tokenFrom(worker, visitor)));
    sandbox.release();

    expect(new Set(meanwhile.map(({ accessToken }) => accessToken))).toEqual(new Set([old]));
    expect((await winner).accessToken).not.toBe(old);
    expect(sandbox.presentations(refreshToken)).toBe(1);
  });

  test('eight identical callbacks at once are one exchange, and the visitor ends connected', async () => {
    const {
      sandbox,
      cluster: { workers },
    } = world;
    const visitor = browser();
    const callback = await callbackPath(sandbox, workers[0]!, visitor);
    const code = new URL(callback, 'http://site').searchParams.get('code') ?? '';
    const answers = await Promise.all(
      [...workers, ...workers].map(async (worker) => {
        const tab = visitor.fork();
        const { status } = await tab.visit(worker.url + callback);
        return { status, tab };
      }),
    );

    expect(sandbox.presentations(code)).toBe(1);
    expect(sandbox.calls.exchange).toBe(1);
    expect(answers.filter(({ status }) => status !== 302 && status !== 403)).toEqual([]);
    // One new session; who has lost the claim to another process is sent on in the old one, or told that the state is used.
    const before = visitor.cookies.get('connect.sid');
    const moved = answers.filter(({ tab }) => tab.cookies.get('connect.sid') !== before);
    expect(new Set(moved.map(({ tab }) => tab.cookies.get('connect.sid'))).size).toBe(1);
    expect(new Set(moved.map(({ status }) => status))).toEqual(new Set([302]));
    const { accessToken } = await tokenFrom(workers[3]!, moved[0]!.tab);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
  });

  test('a browser that goes away during the refresh finds the new token at its next request, elsewhere', async () => {
    const {
      sandbox,
      cluster: { workers },
      sessions,
      ledger,
    } = world;
    const visitor = await signedIn(sandbox, workers[0]!);
    const refreshToken = await sessions.age(visitor, -10);
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const leaver = new AbortController();
    const cookie = `connect.sid=${visitor.cookies.get('connect.sid') ?? ''}`;
    const left = fetch(`${workers[0]!.url}/token`, { headers: { cookie }, signal: leaver.signal }).catch(() => 'gone');
    await sandbox.waiting();
    leaver.abort();
    expect(await left).toBe('gone');
    sandbox.release();
    await ledger.until(({ state }) => state === 'idle');

    const { accessToken } = await tokenFrom(workers[1]!, visitor);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(1);
  });
});

describeOnEach(
  'four processes and oidc-provider, which ends a connection when a used refresh token comes again',
  (start) => {
    let provider: RotatingProvider;
    let world: World;
    beforeAll(async () => {
      provider = await startRotatingProvider();
      world = await startWorld(await start(), { setup: { connect: provider.connectOptions } });
    });
    afterAll(() => world.cluster.close());

    test('a hundred requests with one expired session present the refresh token once, and get one token that works', async () => {
      const {
        cluster: { workers },
        sessions,
      } = world;
      const visitor = await signedIn(provider, workers[0]!, workers[1]);
      const refreshToken = await sessions.age(visitor, -10);
      const answers = await Promise.all(
        Array.from({ length: 25 }, () => workers)
          .flat()
          .map((worker) => tokenFrom(worker, visitor)),
      );

      expect(await provider.presentations(refreshToken)).toBe(1);
      expect(await provider.summary()).toEqual({ refreshTokens: 1, presentations: 1, presentedTwice: 0 });
      expect(answers).toHaveLength(100);
      const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.accessToken));
      expect(others).toEqual([]);
      expect(await provider.works(accessToken)).toBe(true);
      // What the session ends with is alive too: it refreshes again.
      await sessions.age(visitor, -10);
      expect(await provider.works((await tokenFrom(workers[2]!, visitor)).accessToken)).toBe(true);
    });
  },
);

describeOnEach('a provider that takes longer than three leases', (start) => {
  let world: World;
  beforeAll(async () => {
    // The library renews every 2 s; a lease of 4 s shows that without waiting for three of its own.
    world = await startWorld(await start(), { processes: 2, setup: { leaseMs: 4000 } });
  });
  afterAll(() => world.cluster.close());

  test('is asked once; early leavers get 503 with Retry-After, and adopt when they come again', async () => {
    const {
      sandbox,
      cluster: { workers },
      sessions,
      ledger,
    } = world;
    const visitor = await signedIn(sandbox, workers[0]!);
    const refreshToken = await sessions.age(visitor, -10);
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const early = workers.map((worker) => ask(worker, '/token', visitor));
    await sandbox.waiting();
    const firstDeadline = (await ledger.record())?.deadline ?? Infinity;
    // Three renewals of a third each would not do: the deadline itself must have moved by more than two further leases.
    const threeLeases = ledger.until(({ deadline }) => deadline >= firstDeadline + 2 * 4000);

    for (const answer of await Promise.all(early)) {
      expect(refusalOf(answer)).toEqual({ status: 503, code: 'ERR_CONNECT_LEDGER', retryAfter: '2' });
    }
    await threeLeases;
    expect(sandbox.presentations(refreshToken)).toBe(1);
    sandbox.release();
    await ledger.until(({ state }) => state === 'idle');
    const answers = await Promise.all(workers.map((worker) => tokenFrom(worker, visitor)));
    expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(await worksAtTheApi(sandbox, answers[0]!.accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(1);
  });
});
