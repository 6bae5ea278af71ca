import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from './cleanup';
import { freePort, unlessTaken } from './ports';
import { redisServerPath } from './requires';

const READY_MS = 60_000;

/**
 * Starts a sentinel that watches this primary as `mymaster`; it ends with the test or the file that starts it.
 * @returns its address
 */
export function startSentinel(primaryPort: number): Promise<string> {
  return unlessTaken(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'connect-auth-sentinel-'));
    const port = await freePort();
    const file = join(folder, 'sentinel.conf');
    // A sentinel writes what it learns into this file.
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 ${primaryPort} 1\n`);
    const child = spawn(redisServerPath() ?? '', [file, '--sentinel'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const gone = once(child, 'exit');
    cleanup(async () => {
      child.kill('SIGKILL');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    });
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    for await (const text of child.stdout.iterator({ destroyOnReturn: false })) {
      said += String(text);
      if (said.includes('+monitor master mymaster')) break;
    }
    clearTimeout(timer);
    child.stdout.resume();
    if (!said.includes('+monitor master mymaster')) throw new Error(`The sentinel ended: ${said}`);
    return `redis://127.0.0.1:${port}`;
  });
}
