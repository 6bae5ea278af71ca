import type { Request } from 'express';
import type { Sandbox } from '../../../src/testing';
import { connectedWorld, givenRotation, tokenIn, type Time, type World } from '../../support/refreshing';
import { onlySession } from '../../support/stored';

/** What the app writes into its session while the token is being fetched for the same request. */

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

/** An app that asks for the token, then changes its session, then answers. */
function changingWorld(resave: boolean, meanwhile: () => Promise<unknown>): Promise<World> {
  return connectedWorld(sandbox, {
    session: { resave },
    routes: (app, connect) =>
      app.get('/during', async (req: Request, res) => {
        const asked = connect.getToken(req);
        await meanwhile();
        Object.assign(req.session, { during: 'changed' });
        sandbox.release();
        res.json(await asked);
      }),
  });
}

describe.each([false, true])('with resave %s', (resave) => {
  test('a change during a refresh is saved beside the new token', async () => {
    const world = await changingWorld(resave, () => sandbox.waiting());
    await world.expireIn(1);
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const token = tokenIn(await world.visitor.visit(`${world.app.url}/during`, { accept: 'application/json' }));
    expect(await onlySession(world.app)).toMatchObject({ during: 'changed', connectToken: token });
  });

  test("a change while another request's token is taken over is saved beside it", async () => {
    const world = await changingWorld(resave, () => Promise.resolve());
    await world.expireIn(1);
    const stale = await onlySession(world.app);
    await world.fresh();
    const [id = ''] = Object.keys(await world.app.sessions());
    await new Promise<void>((resolve) => {
      world.app.store.set(id, stale as never, () => {
        resolve();
      });
    });
    time.pass(6000);
    const token = tokenIn(await world.visitor.visit(`${world.app.url}/during`, { accept: 'application/json' }));
    expect(await onlySession(world.app)).toMatchObject({ during: 'changed', connectToken: token });
  });
});
