import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import type { Sandbox } from 'express-connect-auth/testing';
import { startCrew } from './crew';
import { findPlace, say, wishedPort } from './place';
import { startDemoProvider } from './provider';
import { findRedis, type RedisPlace } from './redis-process';
import { reportFault, runWorker } from './worker';

const WORKERS = 4;

async function runPrimary(): Promise<void> {
  // Only to find the port: the workers listen on it, and the primary hands the connections round.
  const place = await findPlace({ wanted: wishedPort(), command: 'npm run demo:cluster' });
  place.close();
  const redis = await findRedis();
  const sandbox = await startDemoProvider();
  let stopping: Promise<void> | undefined;

  async function stopAll(): Promise<void> {
    await crew.stop();
    await sandbox.close();
    await redis.stop();
  }
  const stop = (): Promise<void> => (stopping ??= stopAll());

  const crew = startCrew(
    {
      of: WORKERS,
      port: place.port,
      redisUrl: redis.url,
      redisPid: redis.pid,
      run: randomBytes(4).toString('hex'),
      sessionSecret: randomBytes(32).toString('hex'),
      tokenSecret: randomBytes(32).toString('hex'),
      connectOptions: sandbox.connectOptions,
    },
    sandbox,
    {
      onReady: () => greet(`http://localhost:${place.port}`, sandbox, redis),
      onFailure(error) {
        fail(error);
        void stop();
      },
    },
  );
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
}

function greet(address: string, sandbox: Sandbox, redis: RedisPlace): void {
  say(`\n  express-connect-auth demo, ${WORKERS} processes\n\n  Open      ${address}`);
  say(`  Redis     ${redis.description}`);
  say(`  Provider  built-in sandbox, no account needed (${sandbox.url})`);
  say('\n  Ctrl+C stops it.\n');
}

/** Words for people; a stack trace would tell them nothing. */
function fail(error: unknown): void {
  console.error(error instanceof Error ? error.message : 'The demo could not start.');
  process.exitCode = 1;
}

if (cluster.isPrimary) runPrimary().catch(fail);
else runWorker().catch(reportFault);
