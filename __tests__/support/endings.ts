import type { LedgerUnderTest, Sandbox, SandboxSwitches } from '../../src/testing';
import type { ConnectAuthOptions, EndedEvent, EndedReason } from '../../src';
import { cleanup } from './cleanup';
import { startSandbox } from './sandbox';
import { browser, signIn, type Answer, type Browser, type TestAppParts } from './app';
import { connectedWorld, refreshingApp, takeOverTime, tokenIn, verdict, type Time, type World } from './refreshing';
import { editSessions, onlySession, type Document } from './stored';

const PAGE = { accept: 'text/html' };
const SCRIPT = { accept: 'application/json' };
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The longest back-off of a connection that is refused, and a little more. */
const LONGEST_MS = HOUR_MS + 1000;

/** How the provider says no to one connection. */
export const REFUSALS = ([400, 401, 403] as const).flatMap((status) =>
  (['flat', 'text', 'empty'] as const).map((errorShape) => ({ status, errorShape })),
);

/**
 * What visitors, their scripts and the app see when the provider refuses connections, on a ledger of any kind.
 * @param make - called once per test; `advance` lets time pass for the ledger
 */
export function testEndings(make: () => LedgerUnderTest | Promise<LedgerUnderTest>): void {
  let sandbox: Sandbox;
  let time: Time;
  let made: LedgerUnderTest;

  beforeAll(async () => {
    sandbox = await startSandbox({ now: () => Date.now() });
  });
  beforeEach(async () => {
    time = takeOverTime();
    // A busy machine takes its time.
    time.stop();
    sandbox.reset();
    made = await make();
    cleanup(() => made.close?.());
  });
  async function pass(ms: number): Promise<void> {
    time.pass(ms);
    await made.advance(ms);
  }

  const parts = (more: Partial<ConnectAuthOptions> = {}): TestAppParts => ({
    options: { ledger: made.ledger, ...more },
    routes(app, connect) {
      app.get('/guarded', connect.requireConnect(), (_req, res) => void res.send('inside'));
      app.get('/always', connect.requireConnect({ onMissing: 'redirect' }), (_req, res) => void res.send('inside'));
    },
  });

  /** A visitor who connected longer ago than a minute, and whose token has run out. */
  async function expired(): Promise<World> {
    const world = await connectedWorld(sandbox, parts());
    await pass(2 * MINUTE_MS);
    await world.expireIn(1);
    return world;
  }

  function refuse(status: 400 | 401 | 403, errorShape: SandboxSwitches['errorShape'] = 'flat'): void {
    sandbox.set({ errorShape });
    sandbox.force(status, { on: 'refresh', times: Infinity });
  }

  function recover(): void {
    const { refresh } = sandbox.calls;
    sandbox.reset();
    expect(refresh).toBeGreaterThan(0);
  }

  async function refusedFor(visitor: Browser, world: World): Promise<void> {
    expectRefused(await visitor.visit(`${world.app.url}/fresh`, SCRIPT));
  }

  describe.each(REFUSALS)('a dead grant is answered with $status ($errorShape)', ({ status, errorShape }) => {
    test('another visitor’s refresh works at once, and the refused one is sent to sign in', async () => {
      const world = await connectedWorld(sandbox, parts());
      const { refresh_token } = await world.stored();
      const other = browser();
      await signIn(world.app, sandbox, other);
      sandbox.set({ deadGrantAs: status, errorShape });
      sandbox.revoke(refresh_token);
      await pass(2 * MINUTE_MS);
      await world.expireIn(1);
      const before = await world.app.sessions();
      for (let round = 0; round < 4; round += 1) {
        await refusedFor(world.visitor, world);
        const page = await world.visitor.visit(`${world.app.url}/guarded?tab=2`, PAGE);
        expect([page.status, page.location]).toEqual([302, '/connect/authorize?returnTo=%2Fguarded%3Ftab%3D2']);
        expectRefused(await world.visitor.visit(`${world.app.url}/guarded`, SCRIPT));
        await world.expireIn(1);
        expect((await other.visit(`${world.app.url}/fresh`, SCRIPT)).status).toBe(200);
        await pass(10_000);
      }
      expect(sessionWith(await world.app.sessions(), refresh_token)).toEqual({
        ...sessionWith(before, refresh_token),
        connectToken: expect.objectContaining({ refresh_token }) as unknown,
      });
      expect(world.told('ended')).toEqual([]);
    });

    test('once the provider has recovered, the old token works again, as if nothing had happened', async () => {
      const world = await expired();
      const before = await onlySession(world.app);
      refuse(status, errorShape);
      for (let round = 0; round < 3; round += 1) {
        await refusedFor(world.visitor, world);
        await pass(10_000);
      }
      expect({ session: await onlySession(world.app), refreshCalls: sandbox.calls.refresh }).toEqual({
        session: before,
        refreshCalls: 3,
      });
      recover();
      expect(sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
      expect(world.told('refreshed', 'ended')).toMatchObject([{ type: 'refreshed', generation: 1 }]);
      // And the next refusal begins anew, with two seconds.
      await world.expireIn(1);
      refuse(status, errorShape);
      await refusedFor(world.visitor, world);
      recover();
      await pass(2100);
      expect((await world.fresh()).status).toBe(200);
    });

    test('a token that is still valid serves on', async () => {
      const world = await connectedWorld(sandbox, parts({ refreshLeewaySeconds: 3600 }));
      await world.expireIn(500);
      const before = await onlySession(world.app);
      refuse(status, errorShape);
      expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
      expect(world.told('refresh_failed')).toMatchObject([
        { kind: 'refused', status: 401, code: 'ERR_CONNECT_EXPIRED' },
      ]);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).body).toBe('inside');
      expect({ session: await onlySession(world.app), refreshCalls: sandbox.calls.refresh }).toEqual({
        session: before,
        refreshCalls: 1,
      });
    });
  });

  test('a connection that is refused waits 2, 4, 8 … 2048, 3600, 3600 s, here and in every other process', async () => {
    const world = await expired();
    const elsewhere = await refreshingApp(sandbox, { ...parts(), store: world.app.store }, world.visitor);
    refuse(401);
    await refusedFor(world.visitor, world);
    const gaps = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600];
    for (const [index, seconds] of gaps.entries()) {
      // Redis keeps a clock of its own, which goes on.
      await pass(seconds * 1000 - 1500);
      await refusedFor(world.visitor, elsewhere);
      await refusedFor(world.visitor, world);
      expect({ seconds, refreshCalls: sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 1 });
      await pass(1600);
      await refusedFor(world.visitor, index % 2 === 0 ? elsewhere : world);
      expect({ seconds, refreshCalls: sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 2 });
    }
  });

  test('after 24 hours of refusals the connection has ended, and the app is told once', async () => {
    const world = await expired();
    refuse(403);
    for (let tries = 0; tries < 12; tries += 1) {
      await refusedFor(world.visitor, world);
      await pass(LONGEST_MS);
    }
    await pass(11 * HOUR_MS);
    await refusedFor(world.visitor, world);
    expect({ ended: world.told('ended'), tokenKept: await tokenKept(world) }).toEqual({ ended: [], tokenKept: true });
    await pass(LONGEST_MS);
    await refusedFor(world.visitor, world);
    expect(world.told('ended')).toEqual([endedBecause('refused')]);
    expect(await tokenKept(world)).toBe(false);
    expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_REQUIRED', undefined]);
  });

  test('it takes 8 tries, however long that takes', async () => {
    const world = await expired();
    refuse(400);
    for (let tries = 1; tries <= 7; tries += 1) {
      await refusedFor(world.visitor, world);
      await pass(24 * HOUR_MS);
    }
    expect({
      refreshCalls: sandbox.calls.refresh,
      ended: world.told('ended'),
      tokenKept: await tokenKept(world),
    }).toEqual({ refreshCalls: 7, ended: [], tokenKept: true });
    await refusedFor(world.visitor, world);
    expect({ refreshCalls: sandbox.calls.refresh, ended: world.told('ended') }).toEqual({
      refreshCalls: 8,
      ended: [endedBecause('refused')],
    });
  });

  test('the last answer tells: an outage is 503 also after refusals, which it neither counts nor resets', async () => {
    const world = await expired();
    for (let round = 0; round < 7; round += 1) {
      sandbox.set({ errorShape: 'flat' });
      sandbox.force(401, { on: 'refresh' });
      sandbox.force(503, { on: 'refresh' });
      await refusedFor(world.visitor, world);
      await pass(LONGEST_MS);
      const outage = await world.fresh();
      expect(verdict(outage)).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', expect.stringMatching(/^\d+$/u)]);
      const page = await world.visitor.visit(`${world.app.url}/guarded`, PAGE);
      expect({ status: page.status, location: page.location }).toEqual({ status: 503, location: '' });
      await pass(24 * HOUR_MS);
    }
    expect(world.told('ended')).toEqual([]);
    sandbox.force(401, { on: 'refresh' });
    await refusedFor(world.visitor, world);
    expect(world.told('ended')).toEqual([endedBecause('refused')]);
  });

  test('outages before a refusal do not lengthen its wait', async () => {
    const world = await expired();
    sandbox.force(503, { on: 'refresh', times: 4 });
    for (let outage = 0; outage < 4; outage += 1) {
      expect((await world.fresh()).status).toBe(503);
      await pass(31_000);
    }
    sandbox.set({ errorShape: 'flat' });
    sandbox.force(401, { on: 'refresh' });
    await refusedFor(world.visitor, world);
    await pass(2100);
    expect((await world.fresh()).status).toBe(200);
  });

  describe('within a minute of this session’s sign-in nobody is sent round in a circle:', () => {
    test.each(['/guarded', '/always'])(
      '%s answers a page load with a page and its link, then redirects',
      async (path) => {
        const world = await connectedWorld(sandbox, parts());
        await world.expireIn(1);
        refuse(401);
        await pass(58_000);
        const page = await world.visitor.visit(world.app.url + path, PAGE);
        expect({ status: page.status, location: page.location, contentType: page.headers['content-type'] }).toEqual({
          status: 401,
          location: '',
          contentType: 'text/html; charset=utf-8',
        });
        expect(page.body).toContain('href="/connect/authorize"');
        await pass(2500);
        expect((await world.visitor.visit(world.app.url + path, PAGE)).status).toBe(302);
      },
    );

    test('a sign-in that was begun or has failed meanwhile changes nothing', async () => {
      const world = await expired();
      refuse(401);
      sandbox.force(500);
      expect((await signIn(world.app, sandbox, world.visitor)).status).toBe(502);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).status).toBe(302);
    });

    test('a clock of another process that runs ahead does not open the circle again', async () => {
      const world = await connectedWorld(sandbox, parts());
      refuse(401);
      await pass(-10_000);
      await world.expireIn(1);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).status).toBe(401);
    });
  });

  describe('the app is told once that a connection has ended,', () => {
    const early = (): TestAppParts => parts({ refreshLeewaySeconds: 3600 });

    /** A visitor whose token serves on for 50 minutes although its grant is dead, and its refresh due. */
    async function dyingEarly(): Promise<World> {
      sandbox.set({ lifetimeSeconds: 36_000 });
      const world = await connectedWorld(sandbox, early());
      sandbox.revoke((await world.stored()).refresh_token);
      await world.expireIn(3000);
      return world;
    }

    async function disconnect({ app }: World, visitor: Browser): Promise<number> {
      return (await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST')).status;
    }

    test('by invalid_grant, and not again by the probe ten minutes later', async () => {
      const world = await dyingEarly();
      for (let probe = 1; probe <= 3; probe += 1) {
        expect((await world.fresh()).status).toBe(200);
        expect([sandbox.calls.refresh, world.told('ended')]).toEqual([probe, [endedBecause('invalid_grant')]]);
        await pass(601_000);
      }
    });

    test('and not by another process that meets, probes or disconnects it', async () => {
      const world = await dyingEarly();
      expect((await world.fresh()).status).toBe(200);
      const elsewhere = await refreshingApp(sandbox, { ...early(), store: world.app.store }, world.visitor);
      expect((await elsewhere.fresh()).status).toBe(200);
      await pass(601_000);
      expect((await elsewhere.fresh()).status).toBe(200);
      expect({ refreshCalls: sandbox.calls.refresh }).toEqual({ refreshCalls: 2 });
      expect(await disconnect(elsewhere, world.visitor)).toBe(204);
      expect({ here: world.told('ended'), elsewhere: elsewhere.told('ended') }).toEqual({
        here: [endedBecause('invalid_grant')],
        elsewhere: [],
      });
    });

    test('by invalid_grant after a lost answer', async () => {
      sandbox.set({ refresh: 'rotate' });
      const world = await expired();
      sandbox.fault({ kind: 'reset' }, { on: 'refresh', commit: true });
      expect((await world.fresh()).status).toBe(503);
      await pass(2100);
      expect((await world.fresh()).status).toBe(401);
      expect(world.told('ended')).toEqual([endedBecause('lost_response')]);
    });

    test('by disconnect, also a repeated one', async () => {
      const world = await connectedWorld(sandbox, parts());
      const copy = world.visitor.fork();
      const document = await onlySession(world.app);
      expect(await disconnect(world, world.visitor)).toBe(204);
      // A slow request of another middleware has put the old session back.
      await editSessions(world.app, (fresh) => Object.assign(fresh, document));
      expect(await disconnect(world, world.visitor)).toBe(204);
      await disconnect(world, copy);
      expect(world.told('ended')).toEqual([endedBecause('disconnected')]);
    });

    test('by a newer sign-in in the same session', async () => {
      const world = await connectedWorld(sandbox, parts());
      await signIn(world.app, sandbox, world.visitor);
      const [first] = world.told('connected');
      await until(() => world.told('ended').length > 0);
      expect(world.told('ended')).toEqual([
        { ...endedBecause('replaced'), connection: (first as { connection: string }).connection },
      ]);
    });

    test('not again by a disconnect after it had died', async () => {
      const world = await dyingEarly();
      expect((await world.fresh()).status).toBe(200);
      expect(await disconnect(world, world.visitor)).toBe(204);
      expect(world.told('ended')).toEqual([endedBecause('invalid_grant')]);
    });
  });
}

function endedBecause(reason: EndedReason): EndedEvent {
  return {
    type: 'ended',
    time: expect.any(Number) as number,
    connection: expect.stringMatching(/^[0-9a-f]{16}$/u) as string,
    reason,
  };
}

function expectRefused(answer: Answer): void {
  expect(verdict(answer)).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect(JSON.parse(answer.body)).toMatchObject({ reason: 'refused', loginUrl: '/connect/authorize' });
}

async function tokenKept(world: World): Promise<boolean> {
  return 'connectToken' in (await onlySession(world.app));
}

function sessionWith(sessions: Record<string, Document>, refreshToken: string): Document | undefined {
  return Object.values(sessions).find((document) => JSON.stringify(document).includes(refreshToken));
}

/** For what nobody waits for; as long as it takes, up to two seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let left = 200; left > 0 && !condition(); left -= 1) await new Promise((resolve) => setTimeout(resolve, 10));
}
