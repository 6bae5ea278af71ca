import type { ConnectAuthOptions, EndedEvent, EndedReason } from '../../src';
import type { LedgerUnderTest, Sandbox, SandboxSwitches } from '../../src/testing';
import type { Answer, Browser, TestAppParts } from './app';
import { cleanup } from './cleanup';
import { connectedWorld, takeOverTime, verdict, type Time, type World } from './refreshing';
import { startSandbox } from './sandbox';

export const PAGE = { accept: 'text/html' };
export const SCRIPT = { accept: 'application/json' };
const MINUTE_MS = 60_000;

/** Makes a ledger of some kind; called once per test. `advance` lets time pass for it. */
export type MakeLedger = () => LedgerUnderTest | Promise<LedgerUnderTest>;

/** A provider that refuses connections, and a clock that stands still but for what a test lets pass. */
export interface EndingsScene {
  readonly sandbox: Sandbox;
  /** Lets so many milliseconds pass, for the ledger, too. */
  readonly pass: (ms: number) => Promise<void>;
  /** An app with guarded routes on this test's ledger. */
  readonly parts: (more?: Partial<ConnectAuthOptions>) => TestAppParts;
  /** A visitor who connected longer ago than a minute, and whose token has run out. */
  readonly expired: () => Promise<World>;
  /** From now on the provider refuses every refresh. */
  readonly refuse: (status: 400 | 401 | 403, errorShape?: SandboxSwitches['errorShape']) => void;
  /** The provider, which has been asked meanwhile, refuses nothing any more. */
  readonly recover: () => void;
}

/** Gives each test of a block a scene of its own. */
export function endingsScene(make: MakeLedger): EndingsScene {
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

  const scene: EndingsScene = {
    get sandbox() {
      return sandbox;
    },
    async pass(ms) {
      time.pass(ms);
      await made.advance(ms);
    },
    parts: (more = {}) => ({
      options: { ledger: made.ledger, ...more },
      routes(app, connect) {
        app.get('/guarded', connect.requireConnect(), (_req, res) => void res.send('inside'));
        app.get('/always', connect.requireConnect({ onMissing: 'redirect' }), (_req, res) => void res.send('inside'));
      },
    }),
    async expired() {
      const world = await connectedWorld(sandbox, scene.parts());
      await scene.pass(2 * MINUTE_MS);
      await world.expireIn(1);
      return world;
    },
    refuse(status, errorShape = 'flat') {
      sandbox.set({ errorShape });
      sandbox.force(status, { on: 'refresh', times: Infinity });
    },
    recover() {
      const { refresh } = sandbox.calls;
      sandbox.reset();
      expect(refresh).toBeGreaterThan(0);
    },
  };
  return scene;
}

/** A script of this visitor is told that the connection is refused, and where to connect again. */
export async function refusedFor(visitor: Browser, world: World): Promise<void> {
  expectRefused(await visitor.visit(`${world.app.url}/fresh`, SCRIPT));
}

export function expectRefused(answer: Answer): void {
  expect(verdict(answer)).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect(JSON.parse(answer.body)).toMatchObject({ reason: 'refused', loginUrl: '/connect/authorize' });
}

export function endedBecause(reason: EndedReason): EndedEvent {
  return {
    type: 'ended',
    time: expect.any(Number) as number,
    connection: expect.stringMatching(/^[0-9a-f]{16}$/u) as string,
    reason,
  };
}
