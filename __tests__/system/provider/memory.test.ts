import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';

const SUPPORT = join(__dirname, '../../support');
const CALLS = 6;
/** MiB. One answer read whole would add 50 and more; a heap that breathes adds a few. */
const FLAT = 40;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

interface Probed {
  readonly outcomes: readonly string[];
  readonly grownMiB: number;
}

async function probe(): Promise<Probed> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(SUPPORT, 'typescript-process.cjs'), join(SUPPORT, 'memory-probe.ts')],
    { env: { PATH: process.env['PATH'], EXPRESS: 'express', TOKEN_URL: sandbox.connectOptions.tokenUrl } },
  );
  return JSON.parse(stdout) as Probed;
}

test.each(['large', 'endless', 'gzipBomb'] as const)('memory stays flat under an answer that is %s', async (kind) => {
  sandbox.reset();
  sandbox.fault({ kind }, { times: CALLS });
  const { outcomes, grownMiB } = await probe();
  expect(outcomes).toEqual(Array(CALLS).fill('ERR_CONNECT_RESPONSE'));
  expect(sandbox.calls.token).toBe(CALLS);
  expect(grownMiB).toBeLessThan(FLAT);
});
