import { setImmediate as turn } from 'node:timers/promises';
import type { Sandbox } from '../../../src/testing';
import type { Browser } from '../../support/app';
import { connectedWorld, type World } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { runRecipe } from './recipe';

let sandbox: Sandbox;
let world: World;
beforeEach(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
  world = await connectedWorld(sandbox, {
    routes: (app, connect) => {
      app.get('/started', (req, res) => {
        void connect.getToken(req).catch(() => undefined);
        res.send('answered');
      });
    },
  });
});

interface Event {
  readonly path: string;
  readonly visitor: Browser;
}
type Handler = (event: Event, context: object) => Promise<number>;

interface Deployed {
  readonly handler: Handler;
  /** Resolves once the app has answered the next request. */
  readonly appAnswers: () => Promise<void>;
}

/** The recipe as it is printed; its app is asked over HTTP, as `serverless-http` asks it without. */
function deploy(change?: (code: string) => string): Deployed {
  let noteAnswer = (): void => undefined;
  const serverless =
    (app: World['app']) =>
    async ({ path, visitor }: Event): Promise<number> => {
      const { status } = await visitor.visit(app.url + path, { accept: 'application/json' });
      noteAnswer();
      return status;
    };
  const { handler } = runRecipe('serverless-http', {
    modules: { 'serverless-http': serverless, './app.mjs': { app: world.app, connect: world.connect } },
    ...(change === undefined ? {} : { change }),
  }) as { handler: Handler };
  const appAnswers = (): Promise<void> => new Promise((resolve) => (noteAnswer = resolve));
  return { handler, appAnswers };
}

/** Whether the handler is over while the provider has not yet answered the refresh that its request has started. */
async function endsDuringRefresh({ handler, appAnswers }: Deployed): Promise<boolean> {
  await world.expireIn(10);
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
  const appAnswered = appAnswers();
  let isOver = false;
  const over = handler({ path: '/started', visitor: world.visitor }, {}).then(() => {
    isOver = true;
  });
  await Promise.all([sandbox.waiting(), appAnswered]);
  await turn();
  const wasOver = isOver;
  sandbox.release();
  await over;
  return wasOver;
}

test('the handler is not over before a refresh is recorded, and serves the next request', async () => {
  const deployed = deploy();
  expect(await endsDuringRefresh(deployed)).toBe(false);
  expect(world.told('refreshed')).toHaveLength(1);
  for (let times = 0; times < 2; times += 1)
    expect(await deployed.handler({ path: '/fresh', visitor: world.visitor }, {})).toBe(200);
  expect(sandbox.calls.refresh).toBe(1);
});

test('without connect.close() it is over before', async () => {
  const change = (code: string): string => code.replace(/await \w+\.connect\.close\(\);/u, '');
  expect(await endsDuringRefresh(deploy(change))).toBe(true);
});
