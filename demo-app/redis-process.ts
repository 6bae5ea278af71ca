import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPort } from './loopback';

/** A Redis to talk to. */
export interface RedisPlace {
  readonly url: string;
  /** Process id, where it was started for this demo alone. */
  readonly pid: number | undefined;
  /** For people; without a password. */
  readonly description: string;
  stop(): Promise<void>;
}

const NOT_THERE =
  'This demo needs Redis, and there is no redis-server here. Install it (Debian and Ubuntu: ' +
  'sudo apt install redis-server; macOS: brew install redis), or name one that runs: ' +
  'REDIS_URL=redis://localhost:6379 npm run demo:cluster';

/**
 * `REDIS_URL` of the environment, else a redis-server of its own that keeps everything in memory.
 * @throws Error with the next step in words when there is none
 */
export async function findRedis(): Promise<RedisPlace> {
  const given = process.env['REDIS_URL'] ?? '';
  if (given === '') return startRedis();
  if (!URL.canParse(given)) throw new Error('REDIS_URL must be an address such as redis://localhost:6379.');
  return {
    url: given,
    pid: undefined,
    description: `the one of REDIS_URL, ${new URL(given).host}`,
    stop: () => Promise.resolve(),
  };
}

async function startRedis(): Promise<RedisPlace> {
  const probe = await openPort(0);
  if (probe === undefined) throw new Error('No free port for Redis.');
  probe.close();
  const { port } = probe;
  const folder = await mkdtemp(join(tmpdir(), 'demo-redis-'));
  const password = randomBytes(24).toString('hex');
  // A process group of its own: Ctrl+C in the terminal must not end it before those who still write to it.
  const child = spawn(process.env['REDIS_SERVER_PATH'] || 'redis-server', ['-'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  // By its standard input: an argument could be read by everybody on this machine.
  child.stdin.end(
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `requirepass ${password}`,
      `dir "${folder}"`,
      'save ""',
      'appendonly no',
      '',
    ].join('\n'),
  );
  try {
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    pid: child.pid,
    description: `started for this demo on port ${port}`,
    stop,
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdin?.on('error', () => undefined);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(error.code === 'ENOENT' ? NOT_THERE : error.message)),
    );
    child.once('exit', () => reject(new Error('The redis-server that this demo started ended at once.')));
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-500);
      if (/ready to accept connections/i.test(said)) resolve();
    });
  });
}
