import type { Sandbox, SandboxSwitches } from '../../../src/testing';
import { startRedis, startRedisProxy, type RedisProxy, type RedisServer } from '../../support/redis-server';
import { startSandbox } from '../../support/sandbox';
import { startCluster, type Cluster, type Worker, type WorkerSetup } from './cluster';
import { ledgerIn, sessionsIn, type LedgerView, type Sessions } from './stored';

/** Redis for sessions and, apart from it, for the ledger; a strict provider; and the processes of a deployment. */
export interface World {
  readonly sandbox: Sandbox;
  readonly sessionRedis: RedisServer;
  readonly ledgerRedis: RedisServer;
  /** What the processes reach the ledger's Redis by. */
  readonly ledgerWay: RedisProxy;
  readonly cluster: Cluster;
  readonly sessions: Sessions;
  readonly ledger: LedgerView;
  /** Moves the clocks of the provider and of all processes on; timers keep to the real one, and Redis to its own. */
  pass(ms: number): Promise<void>;
  /** One more process, perhaps set up differently, by the same clock. */
  start(changes?: Partial<WorkerSetup>): Promise<Worker>;
  /** Nobody signed in, nothing known, nothing planned. */
  reset(): Promise<void>;
}

/** @param switches - beside rotation with reuse detection */
export async function startWorld(
  processes = 4,
  switches: Partial<SandboxSwitches> = {},
  setup: Partial<WorkerSetup> = {},
): Promise<World> {
  let aheadMs = 0;
  const [sandbox, sessionRedis, ledgerRedis] = await Promise.all([
    startSandbox({ switches: { refresh: 'rotate', ...switches }, now: () => Date.now() + aheadMs }),
    startRedis(),
    startRedis(),
  ]);
  const ledgerWay = await startRedisProxy(ledgerRedis.port);
  const cluster = await startCluster(
    {
      sessionsUrl: sessionRedis.url,
      ledgerUrl: ledgerWay.url,
      ...setup,
      connect: { ...sandbox.connectOptions, ...setup.connect },
    },
    processes,
  );
  const ledger = ledgerIn(ledgerRedis);
  const running = new Set(cluster.workers);
  return {
    sandbox,
    sessionRedis,
    ledgerRedis,
    ledgerWay,
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
      await Promise.all([sessionRedis.command('FLUSHALL'), ledgerRedis.command('FLUSHALL')]);
    },
  };
}

/** Whether the provider's API takes this access token now. */
export async function worksAtTheApi(sandbox: Sandbox, accessToken: string): Promise<boolean> {
  const { status } = await fetch(`${sandbox.apiBaseUrl}/me`, { headers: { authorization: `Bearer ${accessToken}` } });
  return status === 200;
}
