import { browser, signIn } from './app';
import { testToldOnce } from './endings-told';
import { PAGE, SCRIPT, endedBecause, endingsScene, expectRefused, refusedFor, type MakeLedger } from './endings-scene';
import { connectedWorld, refreshingApp, tokenIn, verdict, type World } from './refreshing';
import { onlySession, type Document } from './stored';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** The longest back-off of a connection that is refused, and a little more. */
const LONGEST_MS = HOUR_MS + 1000;

/** How the provider says no to one connection. */
const REFUSALS = ([400, 401, 403] as const).flatMap((status) =>
  (['flat', 'text', 'empty'] as const).map((errorShape) => ({ status, errorShape })),
);

/** What visitors, their scripts and the app see when the provider refuses connections, on a ledger of any kind. */
export function testEndings(make: MakeLedger): void {
  const scene = endingsScene(make);
  const { pass, parts, expired, refuse, recover } = scene;

  describe.each(REFUSALS)('a dead grant is answered with $status ($errorShape)', ({ status, errorShape }) => {
    test('another visitor’s refresh works at once, and the refused one is sent to sign in', async () => {
      const world = await connectedWorld(scene.sandbox, parts());
      const { refresh_token } = await world.stored();
      const other = browser();
      await signIn(world.app, scene.sandbox, other);
      scene.sandbox.set({ deadGrantAs: status, errorShape });
      scene.sandbox.revoke(refresh_token);
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
      expect({ session: await onlySession(world.app), refreshCalls: scene.sandbox.calls.refresh }).toEqual({
        session: before,
        refreshCalls: 3,
      });
      recover();
      expect(scene.sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
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
      const world = await connectedWorld(scene.sandbox, parts({ refreshLeewaySeconds: 3600 }));
      await world.expireIn(500);
      const before = await onlySession(world.app);
      refuse(status, errorShape);
      expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
      expect(world.told('refresh_failed')).toMatchObject([
        { kind: 'refused', status: 401, code: 'ERR_CONNECT_EXPIRED' },
      ]);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).body).toBe('inside');
      expect({ session: await onlySession(world.app), refreshCalls: scene.sandbox.calls.refresh }).toEqual({
        session: before,
        refreshCalls: 1,
      });
    });
  });

  test('a connection that is refused waits 2, 4, 8 … 2048, 3600, 3600 s, here and in every other process', async () => {
    const world = await expired();
    const elsewhere = await refreshingApp(scene.sandbox, { ...parts(), store: world.app.store }, world.visitor);
    refuse(401);
    await refusedFor(world.visitor, world);
    const gaps = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600];
    for (const [index, seconds] of gaps.entries()) {
      // Redis keeps a clock of its own, which goes on.
      await pass(seconds * 1000 - 1500);
      await refusedFor(world.visitor, elsewhere);
      await refusedFor(world.visitor, world);
      expect({ seconds, refreshCalls: scene.sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 1 });
      await pass(1600);
      await refusedFor(world.visitor, index % 2 === 0 ? elsewhere : world);
      expect({ seconds, refreshCalls: scene.sandbox.calls.refresh }).toEqual({ seconds, refreshCalls: index + 2 });
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
      refreshCalls: scene.sandbox.calls.refresh,
      ended: world.told('ended'),
      tokenKept: await tokenKept(world),
    }).toEqual({ refreshCalls: 7, ended: [], tokenKept: true });
    await refusedFor(world.visitor, world);
    expect({ refreshCalls: scene.sandbox.calls.refresh, ended: world.told('ended') }).toEqual({
      refreshCalls: 8,
      ended: [endedBecause('refused')],
    });
  });

  test('the last answer tells: an outage is 503 also after refusals, which it neither counts nor resets', async () => {
    const world = await expired();
    for (let round = 0; round < 7; round += 1) {
      scene.sandbox.set({ errorShape: 'flat' });
      scene.sandbox.force(401, { on: 'refresh' });
      scene.sandbox.force(503, { on: 'refresh' });
      await refusedFor(world.visitor, world);
      await pass(LONGEST_MS);
      const outage = await world.fresh();
      expect(verdict(outage)).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', expect.stringMatching(/^\d+$/u)]);
      const page = await world.visitor.visit(`${world.app.url}/guarded`, PAGE);
      expect({ status: page.status, location: page.location }).toEqual({ status: 503, location: '' });
      await pass(24 * HOUR_MS);
    }
    expect(world.told('ended')).toEqual([]);
    scene.sandbox.force(401, { on: 'refresh' });
    await refusedFor(world.visitor, world);
    expect(world.told('ended')).toEqual([endedBecause('refused')]);
  });

  test('outages before a refusal do not lengthen its wait', async () => {
    const world = await expired();
    scene.sandbox.force(503, { on: 'refresh', times: 4 });
    for (let outage = 0; outage < 4; outage += 1) {
      expect((await world.fresh()).status).toBe(503);
      await pass(31_000);
    }
    scene.sandbox.set({ errorShape: 'flat' });
    scene.sandbox.force(401, { on: 'refresh' });
    await refusedFor(world.visitor, world);
    await pass(2100);
    expect((await world.fresh()).status).toBe(200);
  });

  describe('within a minute of this session’s sign-in nobody is sent round in a circle:', () => {
    test.each(['/guarded', '/always'])(
      '%s answers a page load with a page and its link, then redirects',
      async (path) => {
        const world = await connectedWorld(scene.sandbox, parts());
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
      scene.sandbox.force(500);
      expect((await signIn(world.app, scene.sandbox, world.visitor)).status).toBe(502);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).status).toBe(302);
    });

    test('a clock of another process that runs ahead does not open the circle again', async () => {
      const world = await connectedWorld(scene.sandbox, parts());
      refuse(401);
      await pass(-10_000);
      await world.expireIn(1);
      expect((await world.visitor.visit(`${world.app.url}/guarded`, PAGE)).status).toBe(401);
    });
  });

  testToldOnce(scene);
}

async function tokenKept(world: World): Promise<boolean> {
  return 'connectToken' in (await onlySession(world.app));
}

function sessionWith(sessions: Record<string, Document>, refreshToken: string): Document | undefined {
  return Object.values(sessions).find((document) => JSON.stringify(document).includes(refreshToken));
}
