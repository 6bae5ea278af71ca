import { signIn, type Browser, type TestAppParts } from './app';
import { endedBecause, type EndingsScene } from './endings-scene';
import { connectedWorld, refreshingApp, type World } from './refreshing';
import { editSessions, onlySession } from './stored';

/** That the app is told of each end once, and by whom. */
export function testToldOnce(scene: EndingsScene): void {
  const { pass, parts, expired } = scene;

  describe('the app is told once that a connection has ended,', () => {
    const early = (): TestAppParts => parts({ refreshLeewaySeconds: 3600 });

    /** A visitor whose token serves on for 50 minutes although its grant is dead, and its refresh due. */
    async function dyingEarly(): Promise<World> {
      scene.sandbox.set({ lifetimeSeconds: 36_000 });
      const world = await connectedWorld(scene.sandbox, early());
      scene.sandbox.revoke((await world.stored()).refresh_token);
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
        expect([scene.sandbox.calls.refresh, world.told('ended')]).toEqual([probe, [endedBecause('invalid_grant')]]);
        await pass(601_000);
      }
    });

    test('and not by another process that meets, probes or disconnects it', async () => {
      const world = await dyingEarly();
      expect((await world.fresh()).status).toBe(200);
      const elsewhere = await refreshingApp(scene.sandbox, { ...early(), store: world.app.store }, world.visitor);
      expect((await elsewhere.fresh()).status).toBe(200);
      await pass(601_000);
      expect((await elsewhere.fresh()).status).toBe(200);
      expect({ refreshCalls: scene.sandbox.calls.refresh }).toEqual({ refreshCalls: 2 });
      expect(await disconnect(elsewhere, world.visitor)).toBe(204);
      expect({ here: world.told('ended'), elsewhere: elsewhere.told('ended') }).toEqual({
        here: [endedBecause('invalid_grant')],
        elsewhere: [],
      });
    });

    test('by invalid_grant after a lost answer', async () => {
      scene.sandbox.set({ refresh: 'rotate' });
      const world = await expired();
      scene.sandbox.fault({ kind: 'reset' }, { on: 'refresh', commit: true });
      expect((await world.fresh()).status).toBe(503);
      await pass(2100);
      expect((await world.fresh()).status).toBe(401);
      expect(world.told('ended')).toEqual([endedBecause('lost_response')]);
    });

    test('by disconnect, also a repeated one', async () => {
      const world = await connectedWorld(scene.sandbox, parts());
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
      const world = await connectedWorld(scene.sandbox, parts());
      await signIn(world.app, scene.sandbox, world.visitor);
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

/** For what nobody waits for; as long as it takes, up to two seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let left = 200; left > 0 && !condition(); left -= 1) await new Promise((resolve) => setTimeout(resolve, 10));
}
