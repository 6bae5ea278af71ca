import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { buildCli, unwrapped, type BuiltCli } from '../../support/cli/built-cli';
import { runHere } from '../../support/cli/run-here';

let cli: BuiltCli;
beforeAll(() => {
  cli = buildCli();
});

test('--version is the version of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as { version: string };
  expect(await cli.run(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  for (const flag of ['--version', '-v'])
    expect(await runHere([flag])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([
  [['--help'], 'Usage: express-connect-auth <command> [flags]'],
  [['doctor', '--help'], 'Usage: express-connect-auth doctor [flags]'],
  [['sandbox', '--help'], 'Usage: express-connect-auth sandbox [flags]'],
])('%j explains itself in 80 columns', async (args, words) => {
  const { stdout, stderr, exitCode } = await runHere(args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain(words);
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

test('the help of doctor names every flag, exit code and member of the JSON', async () => {
  const { stdout } = await runHere(['doctor', '--help']);
  for (const word of [
    '--env-file',
    '--mount',
    '--callback-path',
    '--offline',
    '--json',
    '--help',
    '"version"',
    '"findings"',
    '"verdict"',
    '0 nothing failed',
    '1 something failed',
    '2 wrong usage',
  ])
    expect(stdout).toContain(word);
});

test('without a command the help is shown, and the exit code is 2', async () => {
  const { stdout, stderr, exitCode } = await runHere([]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain('Usage: express-connect-auth <command>');
});

test('a closing -- is no argument', async () => {
  expect(await runHere(['sandbox', '--help', '--'])).toEqual(await runHere(['sandbox', '--help']));
});

test.each([
  [['doktor'], 'There is no such command. Did you mean doctor?'],
  [['frobnicate'], 'There is no such command. See: express-connect-auth --help'],
  [['--verson'], 'There is no such flag. Did you mean --version?'],
  [['doctor', '--ofline'], 'There is no such flag. Did you mean --offline? See: express-connect-auth doctor --help'],
  [['doctor', '-x'], 'There is no such flag. See'],
  [['doctor', '--env-file'], '--env-file needs a value.'],
  [['doctor', '--json=yes'], '--json takes no value.'],
  [['doctor', 'now'], 'This command takes flags only, and one argument belongs to none.'],
  [['doctor', '--', '--json'], 'This command takes flags only, and one argument belongs to none.'],
  [['doctor', '--mount', '--json'], '--mount needs a value.'],
  [['doctor', '--mount', 'auth'], '--mount takes a path that starts with "/".'],
  [['doctor', '--callback-path', '/:id'], '--callback-path takes what option callbackPath takes.'],
  [['doctor', '--__proto__'], 'There is no such flag.'],
  [
    ['sandbox', '--credential', 'body'],
    'There is no such flag. Did you mean --credentials? See: express-connect-auth sandbox --help',
  ],
  [['sandbox', '--credentials', 'bdy'], '--credentials takes one of: any, header, body, not-both. Did you mean body?'],
  [['sandbox', '--port', '70000'], '--port takes a number from 0 to 65535.'],
  [['sandbox', '--lifetime-seconds', '0'], '--lifetime-seconds takes a number from 1 on.'],
  [['sandbox', '--grace-ms', 'soon'], '--grace-ms takes a number from 0 on.'],
  [['sandbox', '--grace-ms', '1.2.3'], '--grace-ms takes a number from 0 on.'],
  [['sandbox', '--dead-grant-as', '402'], 'one of: invalid_grant, 400, 401, 403. Did you mean 400?'],
  [['sandbox', '--access-token-key', 'key '], '--access-token-key takes a key in printable ASCII.'],
])('%j is wrong usage, and said so', async (args, words) => {
  const { stdout, stderr, exitCode } = await runHere(args);
  expect(unwrapped(stderr)).toContain(words);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
});

test.each([
  ['nowhere.env', 'there is no such file'],
  ['.', 'the file cannot be read'],
])('the file %s is refused without its name', async (file, reason) => {
  // Node 20 takes --env-file for its own wherever it stands, unless "--" comes first, and then ends with a word of its own.
  const byNode = await cli.run(['doctor', '--env-file', file]);
  expect(byNode.exitCode).toBeGreaterThan(1);
  expect(byNode.stderr).toContain(file);
  const byUs = await cli.run(['doctor', '--env-file', file], {}, ['--']);
  expect(byUs.stderr).toBe(`--env-file: ${reason}.\nSee: express-connect-auth doctor --help\n`);
  expect({ exitCode: byUs.exitCode, stdout: byUs.stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(await runHere(['doctor', '--env-file', file])).toEqual(byUs);
});

test('a pipe sees neither colour nor progress; FORCE_COLOR paints, NO_COLOR does not', async () => {
  const plain = await cli.run(['doctor', '--offline']);
  const forced = await runHere(['doctor', '--offline'], { FORCE_COLOR: '1' });
  expect(plain.stdout).not.toContain('\u001b');
  expect(plain.stderr).toBe('');
  expect(forced.stdout).toContain('\u001b[31mfail\u001b[39m  CONNECT_CLIENT_ID');
  for (const env of [{ FORCE_COLOR: '0' }, { NO_COLOR: '1' }]) {
    expect((await runHere(['doctor', '--offline'], env)).stdout).not.toContain('\u001b');
  }
});

test('whoever reads no further ends nothing: the exit code stays, and there is no stack', async () => {
  const child = cli.start(['doctor', '--offline']);
  child.stdout!.destroy();
  const [stderr] = await Promise.all([text(child.stderr!), once(child, 'close')]);
  expect({ exitCode: child.exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
});

test('the report fits into 80 columns', async () => {
  const { stdout } = await runHere(['doctor', '--offline'], {
    CONNECT_CLIENT_AUTHENTICATION: 'x',
    CONNECT_ALLOW_MISSING_STATE: 'x',
  });
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
