import type { Sandbox, SandboxSwitches } from '../../../src/testing';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { startSandbox } from '../../support/sandbox';
import type { Backend } from './backends';
import { startCluster, type Cluster, type Worker, type WorkerSetup } from './cluster';
import type { LedgerView } from './ledger-view';
import { sessionsIn, type Sessions } from './stored';

/** Redis for sessions, a database for ledger and connections; a strict provider; and the processes of a deployment. */
export interface World {
  readonly sandbox: Sandbox;
  readonly sessionRedis: RedisServer;
  readonly backend: Backend;
  readonly cluster: Cluster;
  readonly sessions: Sessions;
  readonly ledger: LedgerView;
  /** Moves the clocks of the provider and of all processes on; timers keep to the real one, and databases to their own. */
  pass(ms: number): Promise<void>;
  /** One more process, perhaps set up differently, by the same clock. */
  start(changes?: Partial<WorkerSetup>): Promise<Worker>;
  /** Nobody signed in, nothing known, nothing planned. */
  reset(): Promise<void>;
}

/** What is special about a world. */
export interface WorldParts {
  /** How many; 4 if no number is given. */
  readonly processes?: number;
  /** Beside rotation with reuse detection. */
  readonly switches?: Partial<SandboxSwitches>;
  readonly setup?: Partial<WorkerSetup>;
}

export async function startWorld(
  backend: Backend,
  { processes = 4, switches = {}, setup = {} }: WorldParts = {},
): Promise<World> {
  let aheadMs = 0;
  const [sandbox, sessionRedis] = await Promise.all([
    startSandbox({ switches: { refresh: 'rotate', ...switches }, now: () => Date.now() + aheadMs }),
    startRedis(),
  ]);
  const cluster = await startCluster(
    {
      sessionsUrl: sessionRedis.url,
      coordination: backend.coordination,
      ...setup,
      connect: { ...sandbox.connectOptions, ...setup.connect },
    },
    processes,
  );
  const { ledger } = backend;
  const running = new Set(cluster.workers);
  return {
    sandbox,
    sessionRedis,
    backend,
    cluster,
    sessions: sessionsIn(sessionRedis),
    ledger,
    async pass(ms) {
      aheadMs += ms;
      await Promise.all([...running].map((worker) => worker.pass(ms)));
    },
    async start(changes) {
      const worker = await cluster.start({ ...changes, aheadMs });
      running.add(worker);
      return worker;
    },
    async reset() {
      sandbox.reset();
      await ledger.forget();
      await Promise.all([sessionRedis.command('FLUSHALL'), backend.empty()]);
    },
  };
}

/** Whether the provider's API takes this access token now. */
export async function worksAtTheApi(sandbox: Sandbox, accessToken: string): Promise<boolean> {
  const { status } = await fetch(`${sandbox.apiBaseUrl}/me`, { headers: { authorization: `Bearer ${accessToken}` } });
  return status === 200;
}
