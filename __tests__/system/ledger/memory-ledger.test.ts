import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

async function stderrOf(workers: '0' | '1'): Promise<string> {
  const script = [
    join(__dirname, '../../support/typescript-process.cjs'),
    join(__dirname, 'fixtures/ledger-process.cjs'),
  ];
  const env = { PATH: process.env['PATH'], WORKERS: workers };
  return (await promisify(execFile)(process.execPath, script, { env, timeout: 300_000 })).stderr;
}

test('a worker of node:cluster warns once, with a code and the next step', async () => {
  const stderr = await stderrOf('1');
  expect(stderr.match(/CONNECT_AUTH_MEMORY_LEDGER/gu)).toHaveLength(1);
  expect(stderr).toContain('Pass ledger: redisLedger(');
});

test('a process on its own is not warned, and ends although leases of a minute are running', async () => {
  expect(await stderrOf('0')).toBe('');
});
