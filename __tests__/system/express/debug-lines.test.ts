import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const support = path.join(__dirname, '../../support');

async function printed(
  NODE_DEBUG: string,
  program = 'debugged-error.ts',
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const script = [path.join(support, 'typescript-process.cjs'), path.join(support, program)];
  const EXPRESS = /express4/u.test(require.resolve('express')) ? 'express4' : 'express';
  return promisify(execFile)(process.execPath, script, { env: { PATH: process.env['PATH'], EXPRESS, NODE_DEBUG } });
}

test('a failure is one line under NODE_DEBUG=connect-auth, whatever the app has written into its error', async () => {
  const { stdout, stderr } = await printed('connect-auth');
  const reference = /^urn:express-connect-auth:failure:(\w{8})$/u.exec(stdout)?.[1];
  expect(stderr).toMatch(
    new RegExp(
      String.raw`^CONNECT-AUTH \d+: error stage=api code=ERR_CONNECT_API status=\d+ ` +
        String.raw`reason=of the app\?CONNECT-AUTH 1: forged\?\[31m\? message="The Connect API [^"]+" reference=${reference}\n$`,
      'u',
    ),
  );
});

test('trouble with the ledger is one line with its reason, and without a word of the client', async () => {
  const { stderr } = await printed('connect-auth', 'debugged-ledger.ts');
  expect(stderr).toMatch(
    /^CONNECT-AUTH \d+: ledger_error connection=\S+ operation=acquire reason=refused message="Redis cannot be reached [^"]+"\n$/u,
  );
  expect(stderr).not.toContain('CANARY');
});

test('without it nothing is printed', async () => {
  expect(await printed('')).toEqual({ stdout: expect.stringContaining('failure:') as string, stderr: '' });
});
