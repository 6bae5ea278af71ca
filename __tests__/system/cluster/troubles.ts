import { browser, type Answer, type Browser } from '../../support/app';
import type { Backend } from './backends';
import { ask, callbackPath, refusalFrom, refusalOf, SITE, tokenFrom, type Refusal, type Worker } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

/** A way in which a database goes wrong, and how it comes back. */
export interface Trouble<Kind extends Backend> {
  readonly name: string;
  readonly begin: (backend: Kind) => unknown;
  readonly end: (backend: Kind) => unknown;
}

/** What can happen to a kind of database. */
export interface Troubles<Kind extends Backend> {
  readonly start: () => Promise<Kind>;
  readonly troubles: readonly Trouble<Kind>[];
  /** What is sent is carried out, but nobody hears of it in time. */
  readonly silence: Trouble<Kind>;
  /** What may happen to a ledger between two refreshes, and whether it knows of the first one after that. */
  readonly between: readonly (readonly [name: string, knows: boolean, happen: (backend: Kind) => Promise<unknown>])[];
  /** Also after a failed test: the next must not suffer from its trouble. */
  readonly heal: (backend: Kind) => unknown;
}

/** Answers that are still on their slow way would hold up the next ones. */
export function connectAnew({ way }: Backend): void {
  way.refuse();
  way.heal();
}

const AWAY = { status: 503, code: 'ERR_CONNECT_LEDGER', retryAfter: '2' };
/** For one operation, in milliseconds. */
const PATIENCE_MS = 1500;

/** The tests of what visitors see while the ledger is in trouble, and afterwards. */
export function showTroubles<Kind extends Backend>({ start, troubles, silence, between, heal }: Troubles<Kind>): void {
  let backend: Kind;
  let world: World;
  let one: Worker;
  let other: Worker;
  beforeAll(async () => {
    backend = await start();
    world = await startWorld(backend, { processes: 2, setup: { operationTimeoutMs: PATIENCE_MS } });
    [one, other] = world.cluster.workers as [Worker, Worker];
  });
  beforeEach(() => world.reset());
  afterEach(async () => {
    connectAnew(backend);
    await heal(backend);
  });
  afterAll(() => world.cluster.close());

  test.each(troubles)(
    '$name, before a claim: valid tokens work, expired ones wait, nobody is signed out',
    async ({ begin, end }) => {
      const { sandbox, sessions } = world;
      const [fresh, due, expired] = [await signedIn(one), await signedIn(one), await signedIn(one)];
      await sessions.age(due, 30);
      const refreshToken = await sessions.age(expired, -10);
      const tokens = await Promise.all(
        [fresh, due].map(async (visitor) => (await sessions.read(visitor)).connectToken?.access_token),
      );
      await begin(backend);

      for (const worker of [one, other]) {
        expect((await tokenFrom(worker, fresh)).accessToken).toBe(tokens[0]);
        expect((await tokenFrom(worker, due)).accessToken).toBe(tokens[1]);
      }
      expect(await refusalFrom(one, expired)).toEqual(AWAY);
      expect(sandbox.calls.refresh).toBe(0);
      expect((await sessions.read(expired)).connectToken?.refresh_token).toBe(refreshToken);

      await end(backend);
      const accessToken = await comesBack(one, expired);
      expect(await comesBack(other, expired)).toBe(accessToken);
      expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
      expect(sandbox.presentations(refreshToken)).toBe(1);
    },
  );

  test.each(troubles)(
    '$name, between claim and settlement: the token is kept and presented once, whoever waits comes again',
    async ({ begin, end }) => {
      const { sandbox, sessions, ledger } = world;
      const visitor = await signedIn(one);
      const refreshToken = await sessions.age(visitor, -10);
      const stale = await sessions.read(visitor);
      sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
      const winner = tokenFrom(one, visitor);
      await sandbox.waiting();
      const { answer: waiter } = await waitingFor(other, visitor.fork());
      await begin(backend);
      await other.release('acquire');
      expect(await waiter).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/u) as string });
      sandbox.release();
      const { accessToken } = await winner;
      expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);

      // A slow writer brings the old token back, so that the session alone does not help.
      await sessions.write(visitor, stale);
      expect((await tokenFrom(one, visitor)).accessToken).toBe(accessToken);
      await sessions.write(visitor, stale);
      expect(await refusalFrom(other, visitor)).toEqual(AWAY);

      await end(backend);
      await ledger.until(({ state, generation }) => state === 'idle' && generation === 1);
      expect(await comesBack(other, visitor)).toBe(accessToken);
      expect(sandbox.presentations(refreshToken)).toBe(1);
      expect(sandbox.calls.refresh).toBe(1);
    },
  );

  test.each(troubles)(
    '$name, when the provider has failed: the visitor waits, and stays connected',
    async ({ begin, end }) => {
      const { sandbox, sessions, ledger } = world;
      const visitor = await signedIn(one);
      const refreshToken = await sessions.age(visitor, -10);
      sandbox.force(503, { on: 'refresh' });
      sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
      const waiting = refusalFrom(one, visitor);
      await sandbox.waiting();
      await begin(backend);
      sandbox.release();
      expect(await waiting).toMatchObject({
        status: 503,
        code: 'ERR_CONNECT_UNAVAILABLE',
        retryAfter: expect.stringMatching(/^[1-9]\d*$/u) as string,
      });
      expect((await sessions.read(visitor)).connectToken?.refresh_token).toBe(refreshToken);

      await end(backend);
      await ledger.endDeadline();
      expect(await worksAtTheApi(sandbox, await comesBack(other, visitor))).toBe(true);
      expect(sandbox.calls.refresh).toBe(2);
    },
  );

  test('emptied between claim and settlement: the success is recorded all the same', async () => {
    const { sandbox, sessions } = world;
    const visitor = await signedIn(one);
    const refreshToken = await sessions.age(visitor, -10);
    const stale = await sessions.read(visitor);
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const winner = tokenFrom(one, visitor);
    await sandbox.waiting();
    await backend.empty();
    sandbox.release();
    const { accessToken } = await winner;
    await sessions.write(visitor, stale);

    expect((await tokenFrom(other, visitor)).accessToken).toBe(accessToken);
    expect(sandbox.presentations(refreshToken)).toBe(1);
  });

  test.each(between)(
    '%s between two refreshes: the session goes on from what it holds',
    async (_name, knows, happen) => {
      const { sandbox, sessions, ledger } = world;
      const visitor = await signedIn(one);
      await sessions.age(visitor, -10);
      await tokenFrom(one, visitor);
      const refreshToken = await sessions.age(visitor, -10);
      await happen(backend);
      expect((await ledger.record())?.generation).toBe(knows ? 1 : undefined);

      const accessToken = await comesBack(other, visitor);
      expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
      expect(sandbox.presentations(refreshToken)).toBe(1);
      expect((await ledger.record())?.generation).toBe(2);
    },
  );

  test('silent to a disconnect: the visitor is told to try again, stays, and has no token in the end', async () => {
    const { sandbox, sessions, ledger } = world;
    const [before, visitor] = [await signedIn(one), await signedIn(one)];
    const disconnect = (who = visitor): Promise<Answer> =>
      who.visit(`${one.url}/connect/disconnect`, { origin: SITE, accept: 'application/json' }, 'POST');
    // So that a Redis knows the script, and does not ask for it in an answer that is lost.
    expect((await disconnect(before)).status).toBe(204);
    await ledger.forget();
    await silence.begin(backend);
    expect(refusalOf(await disconnect())).toEqual(AWAY);
    expect((await sessions.read(visitor)).connectToken).toBeDefined();
    await silence.end(backend);
    // What only timed out has taken effect: the token that the session still has cannot be refreshed.
    await ledger.until(({ state }) => state === 'revoked');
    const refreshToken = await sessions.age(visitor, -10);
    const [tab, old] = [visitor.fork(), await sessions.read(visitor)];
    expect(refusalOf(await onceBack(() => ask(other, '/token', tab)))).toMatchObject({
      status: 401,
      code: 'ERR_CONNECT_EXPIRED',
    });
    await sessions.write(visitor, old);
    expect((await onceBack(disconnect)).status).toBe(204);
    await expect(sessions.read(tab)).rejects.toThrow('There is no such session.');
    expect(await refusalFrom(other, visitor)).toMatchObject({ status: 401, code: 'ERR_CONNECT_REQUIRED' });
    expect(sandbox.presentations(refreshToken)).toBe(0);
  });

  test('a process with another key asks to come again, and destroys nothing', async () => {
    const { sandbox, sessions, ledger, cluster } = world;
    const stranger = await cluster.start({
      ledgerKeys: [{ id: 'k1', secret: 'another ledger secret of the tests, as long as that' }],
    });
    const visitor = await signedIn(one);
    await sessions.age(visitor, -10);
    const stale = await sessions.read(visitor);
    const { accessToken } = await tokenFrom(one, visitor);
    const before = await ledger.record();
    await sessions.write(visitor, stale);

    expect(await refusalFrom(stranger, visitor)).toEqual(AWAY);
    expect(await ledger.record()).toEqual(before);
    expect((await tokenFrom(other, visitor)).accessToken).toBe(accessToken);
    expect(sandbox.calls.refresh).toBe(1);
  });

  /** A new visitor who signs in; the trouble of the test before may not be over for this process. */
  async function signedIn(worker: Worker): Promise<Browser> {
    const visitor = browser();
    const { status } = await onceBack(async () =>
      visitor.visit(worker.url + (await callbackPath(world.sandbox, worker, visitor))),
    );
    expect(status).toBe(302);
    return visitor;
  }

  /** Lets a process wait for the winner. @returns what it answers in the end, once it is about to look again */
  async function waitingFor(worker: Worker, visitor: Browser): Promise<{ readonly answer: Promise<Refusal> }> {
    const before = worker.holds('acquire');
    await worker.hold('acquire');
    const answer = refusalFrom(worker, visitor);
    await worker.held('acquire', before + 1);
    await worker.release('acquire');
    await worker.hold('acquire');
    await worker.held('acquire', before + 2);
    return { answer };
  }

  /** A client connects again in its own time; until then the answer is "come again". @returns the first other one */
  async function onceBack(request: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const answer = await request();
      if (answer.status !== 503) return answer;
    }
  }

  async function comesBack(worker: Worker, visitor: Browser): Promise<string> {
    const { status, body } = await onceBack(() => ask(worker, '/token', visitor));
    expect(status).toBe(200);
    return (JSON.parse(body) as { accessToken: string }).accessToken;
  }
}
