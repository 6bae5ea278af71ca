import cluster from 'node:cluster';
import { createServer, type Server } from 'node:http';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import type { ConnectionStore } from 'express-connect-auth';
import { redisConnections, redisLedger } from 'express-connect-auth/redis';
import { createDemo } from './app';
import type { Backstage } from './backstage';
import type { Answers, PrimaryMessage, WorkerMessage, WorkerSettings } from './cluster-messages';
import { DEMO_TIMEOUT_MS } from './provider';
import { USERS } from './users';

/** Seconds that a session of this demo is kept in Redis. */
const SESSION_SECONDS = 3600;

/** Runs one of the demo's processes until the primary ends it. */
export async function runWorker(): Promise<void> {
  let stop = (): void => process.exit(0);
  // Ctrl+C reaches every process of a terminal; the primary tells the workers when.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => stop());
  const primary = askPrimary();
  const settings = await primary.ask('settings');
  // The primary was killed. Node ends this process right after that; nobody else would end the Redis.
  cluster.worker?.once('disconnect', () => {
    if (cluster.worker?.exitedAfterDisconnect !== true) endProcess(settings.redisPid);
  });
  const client = createClient({ url: settings.redisUrl });
  // Without a listener a lost connection would end the process; node-redis connects again by itself.
  client.on('error', () => undefined);
  await client.connect();

  const tokenKeys = [{ id: 'demo', secret: settings.tokenSecret }];
  const redis = {
    sendCommand: (...args: string[]) => client.sendCommand(args),
    encryptionKeys: tokenKeys,
    // Five processes and a browser on one small machine: let nobody see 503 for a slow moment.
    commandTimeoutMs: 3_000,
  };
  // Records of users never expire, and no other run has the key to them: it must not come upon them.
  const connections = redisConnections({ ...redis, prefix: `connect-auth-demo:${settings.run}:` });
  const address = `http://localhost:${settings.port}`;
  const demo = createDemo({
    address,
    connectOptions: {
      ...settings.connectOptions,
      redirectUri: `${address}/connect/callback`,
      afterConnect: '/connected',
      timeoutMs: DEMO_TIMEOUT_MS,
      encryptionKeys: tokenKeys,
      connections,
      ledger: redisLedger({ ...redis, prefix: 'connect-auth-demo:ledger:' }),
    },
    cluster: {
      worker: {
        number: settings.number,
        of: settings.of,
        pid: process.pid,
        pidOf: (number) => primary.ask('pid', String(number)),
        kill: (pid) => primary.tell({ kind: 'kill', pid }),
        ended: (pid) => primary.ask('ended', String(pid)),
      },
      backstage: sharedBackstage(primary),
      session: {
        secret: settings.sessionSecret,
        store: new RedisStore({ client, prefix: 'connect-auth-demo:session:', ttl: SESSION_SECONDS }),
      },
    },
  });
  const servers = await listenAll(settings, demo.app);
  stop = stopOnce(async () => {
    await Promise.all(servers.map(closeServer));
    await demo.close();
    await forgetUsers(connections);
    await client.close();
  });
}

/** Leaves no record of this run in a Redis that outlives it. */
async function forgetUsers(connections: ConnectionStore): Promise<void> {
  for (const { id } of USERS) {
    const found = await connections.load(id);
    if (found !== undefined) await connections.remove(id, found.version);
  }
}

/** Tells the primary why this process cannot work, and ends it. */
export function reportFault(error: unknown): void {
  const message = error instanceof Error ? error.message : '';
  process.send?.({ kind: 'fault', message } satisfies WorkerMessage, undefined, undefined, () => process.exit(1));
}

interface Primary {
  readonly ask: <What extends keyof Answers>(what: What, about?: string) => Promise<Answers[What]>;
  readonly tell: (message: WorkerMessage) => void;
}

function askPrimary(): Primary {
  const waiting = new Map<number, (answer: PrimaryMessage['answer']) => void>();
  let lastId = 0;
  process.on('message', ({ id, answer }: PrimaryMessage) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  const tell = (message: WorkerMessage): void => {
    if (process.connected) process.send?.(message);
  };
  return {
    tell,
    ask: (what, about) =>
      new Promise((resolve) => {
        lastId += 1;
        waiting.set(lastId, resolve as (answer: PrimaryMessage['answer']) => void);
        tell({ kind: 'ask', id: lastId, what, about });
      }),
  };
}

function sharedBackstage({ ask, tell }: Primary): Backstage {
  return {
    record: (event, whose) => tell({ kind: 'event', event, whose }),
    events: (whose) => ask('events', whose),
    metrics: () => ask('metrics'),
    presentations: (refreshToken) => ask('presentations', refreshToken),
  };
}

/** On every address that `localhost` may mean; the primary hands the connections round. */
async function listenAll({ port }: WorkerSettings, app: ReturnType<typeof createDemo>['app']): Promise<Server[]> {
  const servers = await Promise.all(['127.0.0.1', '::1'].map((host) => listen(host, port, app)));
  return servers.filter((server) => server !== undefined);
}

/** @returns undefined where this machine has no such address */
function listen(host: string, port: number, app: ReturnType<typeof createDemo>['app']): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(app);
    // One request a connection, so that each goes to the next worker and none to one that is gone.
    server.maxRequestsPerSocket = 1;
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve(undefined);
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

function endProcess(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
  } catch {
    // Another worker was faster.
  }
}

function stopOnce(act: () => Promise<void>): () => void {
  let stopping = false;
  return function stop() {
    if (stopping) return;
    stopping = true;
    void act()
      .catch(() => undefined)
      .finally(() => process.exit(0));
  };
}
