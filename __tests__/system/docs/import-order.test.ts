import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './installed';
import { blocks } from './markdown';

const printed =
  blocks('docs/troubleshooting.md', 'js').find(({ text }) => text.includes('dotenv.config()'))?.text ?? '';

const VARIABLES = `CONNECT_CLIENT_ID=a
CONNECT_CLIENT_SECRET=b
CONNECT_REDIRECT_URI=http://localhost:3000/connect/callback
`;
const CONNECT = `import { connectAuth, connectOptionsFromEnv } from 'express-connect-auth';
export const connect = connectAuth(connectOptionsFromEnv());
`;
const SAY = `\nconsole.log(typeof connect.getToken);`;

/** Reads .env when it is called, or when dotenv/config is imported, as dotenv does. */
function writeDotenv(folder: string): void {
  const own = join(folder, 'node_modules', 'dotenv');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, 'index.js'), `exports.config = () => process.loadEnvFile('.env');`);
  writeFileSync(join(own, 'package.json'), '{"exports":{".":"./index.js","./config":"./config.js"}}');
  writeFileSync(join(own, 'config.js'), `require('./index').config();`);
}

const { folder } = install([]);
writeDotenv(folder);
for (const [name, text] of [
  ['.env', VARIABLES],
  ['connect.mjs', CONNECT],
  ['late.mjs', printed + SAY],
  ['first.mjs', `import 'dotenv/config';\nimport { connect } from './connect.mjs';${SAY}`],
  ['none.mjs', `import { connect } from './connect.mjs';${SAY}`],
] as const)
  writeFileSync(join(folder, name), text);

function run(...args: readonly string[]): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  return { status, said: stdout + stderr };
}

test('dotenv.config() between two imports comes too late, as docs/troubleshooting.md prints it', () => {
  const { status, said } = run('late.mjs');
  expect(status).toBe(1);
  expect(said).toContain('connectOptionsFromEnv() needs usable values for these variables: CONNECT_CLIENT_ID');
});

test.each([
  ["import 'dotenv/config' as the first line", ['first.mjs']],
  ['node --env-file', ['--env-file=.env', 'none.mjs']],
])('%s comes in time', (_how, args) => {
  expect(run(...args)).toEqual({ status: 0, said: 'function\n' });
});
