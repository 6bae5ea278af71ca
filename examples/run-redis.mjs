import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findPort } from './run-port.mjs';

const NOT_THERE =
  'This example needs Redis, and there is no redis-server here. Install it (Debian and Ubuntu: ' +
  'sudo apt install redis-server; macOS: brew install redis), or name one that runs by the environment variable ' +
  'REDIS_URL=redis://localhost:6379';

/**
 * `REDIS_URL` of the environment, else a redis-server of our own that keeps everything in memory.
 * @throws Error with the next step in words when there is none
 */
export async function findRedis() {
  const given = process.env.REDIS_URL ?? '';
  if (given === '') return startRedis();
  if (!URL.canParse(given)) throw new Error('REDIS_URL must be an address such as redis://localhost:6379.');
  return {
    label: 'Redis',
    description: `the one of REDIS_URL, ${new URL(given).host}`,
    env: { REDIS_URL: given },
    stop: async () => undefined,
  };
}

async function startRedis() {
  const port = await findPort('0');
  const folder = await mkdtemp(join(tmpdir(), 'example-redis-'));
  const password = randomBytes(24).toString('hex');
  // A process group of its own: Ctrl+C in the terminal must not end it before the app that still writes to it.
  const child = spawn(process.env.REDIS_SERVER_PATH || 'redis-server', ['-'], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  // By its standard input: an argument could be read by everybody on this machine.
  child.stdin
    .on('error', () => undefined)
    .end(
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
    label: 'Redis',
    description: `started for this example on port ${port}`,
    env: { REDIS_URL: `redis://:${password}@127.0.0.1:${port}` },
    stop,
  };
}

function ready(child) {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(error.code === 'ENOENT' ? NOT_THERE : error.message)));
    child.once('exit', () => reject(new Error('The redis-server that this example started has ended at once.')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/ready to accept connections/iu.test(line)) resolve();
    });
  });
}
