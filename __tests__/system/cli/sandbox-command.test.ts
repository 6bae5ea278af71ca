import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Server } from 'node:net';
import { join } from 'node:path';
import * as util from 'node:util';
import { runInNewContext } from 'node:vm';
import { parseEnv } from 'node:util';
import { flagOf, readSwitches } from '../../../src/cli/sandbox';
import { SWITCHES, isChoice } from '../../../src/testing/switches';
import type { Sandbox, SandboxSwitches } from '../../../src/testing';
import { clickThrough } from '../../../src/testing/visitor';
import { beginSignIn, browser, startApp } from '../../support/app';
import { connectOptionsFromEnv } from '../../../src';
import { buildCli, type BuiltCli } from '../../support/cli/built-cli';
import { diagnoseBy } from '../../support/cli/patient';
import { runHere, startHere } from '../../support/cli/run-here';
import { freePort, unlessTaken } from '../../support/ports';
import { startSandbox } from '../../support/sandbox';
import { answering, install } from '../docs/installed';
import { blocks } from '../docs/markdown';

let cli: BuiltCli;
beforeAll(() => {
  cli = buildCli();
});

interface Started {
  readonly child: ChildProcess;
  readonly said: string;
  readonly url: string;
}

/** Starts the command and waits until it has said everything. */
async function startCommand(...flags: readonly string[]): Promise<Started> {
  const child = cli.start(['sandbox', ...flags]);
  let said = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  while (!said.includes('Ctrl+C stops it.')) await once(child.stdout!, 'data');
  return { child, said, url: /listens on (\S+)/.exec(said)?.[1] ?? '' };
}

test('what it prints to paste is all that an app and the doctor need', async () => {
  const { said, url } = await startCommand();
  const file = join(cli.folder, 'pasted.env');
  const pasted = said
    .split('\n')
    .filter((line) => line.startsWith('CONNECT_'))
    .join('\n');
  writeFileSync(file, pasted);
  const { exitCode, report } = await diagnoseBy((...call) => cli.run(...call), {}, '--env-file', file);
  expect(report).toContain('Nothing wrong found.');
  expect(exitCode).toBe(0);

  const { clientId, clientSecret, authorizeUrl, tokenUrl } = connectOptionsFromEnv(parseEnv(pasted));
  const app = await startApp({ connectOptions: { clientId, clientSecret, authorizeUrl, tokenUrl } } as Sandbox);
  const visitor = browser();
  const callback = await beginSignIn(
    app,
    { allow: (address) => clickThrough(url, address, 'allow') } as Sandbox,
    visitor,
  );
  expect((await visitor.visit(callback)).location).toBe('/');
  expect(JSON.parse((await visitor.visit(`${app.url}/token`)).body)).toMatchObject({ type: 'bearer' });
});

/** Runs it within this process until it has said everything. */
async function saidBySandbox(...flags: readonly string[]): Promise<string> {
  const { said, exitCode, end } = startHere(['sandbox', ...flags]);
  while (!said.stdout.includes('Ctrl+C')) await new Promise(setImmediate);
  end();
  expect({ exitCode: await exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  return said.stdout;
}

test('the quick start of README runs with what is pasted, as it stands', async () => {
  const { said, url } = await startCommand();
  const program = blocks('README.md', 'js').find(({ text }) => text.startsWith('// app.mjs\n'))?.text ?? '';
  const pasted = said.split('\n').filter((line) => /^[A-Z_]+=/u.test(line));
  const installed = install([]);
  writeFileSync(join(installed.folder, 'app.mjs'), program);
  const { site } = await unlessTaken(async () => {
    // The one of the quick start may be taken on this machine.
    const port = await freePort();
    const lines = [...pasted, `PORT=${port}`].join('\n').replaceAll(':3000/', `:${port}/`);
    writeFileSync(join(installed.folder, '.env'), lines);
    const running = installed.run('app.mjs', {}, ['--env-file=.env']);
    await answering(`http://localhost:${port}`, running);
    return { site: `http://localhost:${port}` };
  });
  const visitor = browser();
  const started = await visitor.visit(`${site}/connect/authorize`);
  expect(started.status).toBe(302);
  await visitor.visit(await clickThrough(url, started.location, 'allow'));
  expect((await visitor.visit(site)).body).toBe('Connected (bearer)');
});

test('the switches work, and the options that they ask for are printed', async () => {
  const said = await saidBySandbox(
    '--credentials',
    'body',
    '--request-format=form',
    '--access-token-key',
    'dev-key',
    '--state',
    'drop',
    '--pkce',
    'refused',
  );
  for (const line of [
    'CONNECT_CLIENT_AUTHENTICATION=body',
    'CONNECT_REQUEST_FORMAT=form',
    'CONNECT_ACCESS_TOKEN_KEY=dev-key',
    'CONNECT_ALLOW_MISSING_STATE=true',
    'CONNECT_PKCE=false',
    "  clientAuthentication: 'body',",
    '  pkce: false,',
    'Switches: state drop, credentials body, requestFormat form, accessTokenKey dev-key, pkce refused',
  ])
    expect(said.split('\n')).toContain(line);
});

test('without switches no more options than the required ones and the addresses are printed', async () => {
  const said = await saidBySandbox();
  expect(said).not.toContain('Switches:');
  expect(said.match(/^CONNECT_\w+/gm)).toEqual([
    'CONNECT_CLIENT_ID',
    'CONNECT_CLIENT_SECRET',
    'CONNECT_REDIRECT_URI',
    'CONNECT_AUTHORIZE_URL',
    'CONNECT_TOKEN_URL',
    'CONNECT_API_BASE_URL',
  ]);
});

test('a key that is ignored is no option to paste', async () => {
  const said = await saidBySandbox('--access-token-key', 'ignored');
  expect(said).toContain('Switches: accessTokenKey ignored');
  expect(said).not.toContain('ACCESS_TOKEN_KEY');
});

test.each(["it's", 'back\\slash', "a'b`c#1", '"double"#1'])(
  'the key %s can be pasted as it is printed',
  async (key) => {
    const lines = (await saidBySandbox('--access-token-key', key)).split('\n');
    const variable = lines.filter((line) => line.startsWith('CONNECT_ACCESS_TOKEN_KEY=')).join('');
    const member = lines.filter((line) => line.startsWith('  accessTokenKey: ')).join('');
    expect(util.parseEnv(variable)).toEqual({ CONNECT_ACCESS_TOKEN_KEY: key });
    expect(runInNewContext(`({${member}}).accessTokenKey`)).toBe(key);
  },
);

test('a client id and a secret of its own are printed, and taken', async () => {
  const said = await saidBySandbox('--client-id', 'my-app', '--client-secret', 's3cret');
  expect(said.split('\n')).toEqual(
    expect.arrayContaining(['CONNECT_CLIENT_ID=my-app', 'CONNECT_CLIENT_SECRET=s3cret']),
  );
});

test.each(['client-id', 'client-secret'])('--%s that no app could be given is refused', async (flag) => {
  expect(await runHere(['sandbox', `--${flag}`, ' CANARY '])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `--${flag} takes letters, digits, and . _ ~ -\n` + 'See: express-connect-auth sandbox --help\n',
  });
});

test('started by npm, it ends with the shell that npm has started', async () => {
  // A signal to npx ends the shell in between, and the shell passes nothing on.
  const shell = cli.start(['sandbox'], { npm_command: 'exec' }, [], ['sh', '-c', '"$0" "$@"; exit']);
  let said = '';
  shell.stdout!.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  while (!said.includes('Ctrl+C stops it.')) await once(shell.stdout!, 'data');
  const url = /listens on (\S+)/u.exec(said)?.[1] ?? '';
  expect((await fetch(url)).status).toBe(400);
  shell.kill('SIGTERM');
  // Its end of the pipe closes with the last process that has it.
  await once(shell, 'close');
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it cleanly, with requests under way', async (signal) => {
  const { child, url } = await startCommand('--port', '0');
  const lingering = fetch(`${url}/oAuth/authorize`, { headers: { connection: 'keep-alive' } });
  await lingering;
  child.kill(signal);
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  expect(exitCode).toBe(0);
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});

test('it serves until it is asked to end, and ends with 0', async () => {
  const holder = await startSandbox();
  const { port, origin } = new URL(holder.url);
  await holder.close();
  const { said, exitCode, end } = startHere(['sandbox', '--port', port, '--lifetime-seconds', '60']);
  while (!said.stdout.includes('Ctrl+C')) await new Promise(setImmediate);
  expect(said.stdout).toContain(`CONNECT_TOKEN_URL=${origin}/`);
  expect((await fetch(`${origin}/v1/oauth2/token`, { method: 'POST' })).status).toBe(400);
  end();
  expect({ exitCode: await exitCode, stderr: said.stderr }).toEqual({ exitCode: 0, stderr: '' });
  await expect(fetch(origin)).rejects.toThrow('fetch failed');
});

describe('where the port cannot be had', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** Whose ports are whose is up to the machine: so the answer of the system is given here. */
  function refusePorts(code: string): void {
    jest.spyOn(Server.prototype, 'listen').mockImplementation(function listen(this: Server) {
      process.nextTick(() => this.emit('error', Object.assign(new Error('listen'), { code })));
      return this;
    });
  }

  test('a port of the system is said in a line, with exit code 1', async () => {
    refusePorts('EACCES');
    expect(await runHere(['sandbox', '--port', '80'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'Port 80 needs more rights: choose one from 1024 on with --port.\n',
    });
  });

  test('any other fault is not explained away', async () => {
    refusePorts('EMFILE');
    await expect(runHere(['sandbox', '--port', '80'])).rejects.toMatchObject({ code: 'EMFILE' });
  });
});

test('a taken port is said in a line, with exit code 1', async () => {
  const holder = await startSandbox();
  const { port } = new URL(holder.url);
  const { exitCode, stdout, stderr } = await cli.run(['sandbox', '--port', port]);
  const here = await runHere(['sandbox', '--port', port]);
  expect(here).toEqual({ exitCode, stdout, stderr });
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  expect(stderr).toBe(`Port ${port} is taken: choose another with --port, or none for a free one.\n`);
});

test('the sandbox takes every value that a flag allows', async () => {
  for (const [name, allowed] of Object.entries(SWITCHES)) {
    for (const text of isChoice(allowed) ? allowed.map(String) : ['7']) {
      const read = readSwitches({ values: new Map([[flagOf(name), text]]) });
      const { switches } = read as { switches: Partial<SandboxSwitches> };
      expect(Object.keys(switches)).toEqual([name]);
      await startSandbox({ switches });
    }
  }
});
