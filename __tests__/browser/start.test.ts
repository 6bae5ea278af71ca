import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import ts from 'typescript';

jest.setTimeout(60_000);

const root = join(__dirname, '..', '..');
let folder: string;
const running: ChildProcessByStdio<null, Readable, Readable>[] = [];

beforeAll(() => {
  // Compiled aside: `npm run demo` rewrites dist, which other tests pack at the same time.
  folder = mkdtempSync(join(tmpdir(), 'demo-'));
  for (const part of ['src', 'demo-app']) compile(part);
  const self = join(folder, 'node_modules', 'express-connect-auth');
  mkdirSync(self, { recursive: true });
  writeFileSync(join(self, 'package.json'), '{"main":"index.js"}');
  writeFileSync(join(self, 'index.js'), "module.exports = require('../../src/index.js');");
  writeFileSync(join(self, 'testing.js'), "module.exports = require('../../src/testing/index.js');");
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => new Promise((resolve) => {
    if (child.exitCode !== null) resolve(undefined);
    else child.once('exit', resolve).kill('SIGKILL');
  })));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function compile(part: string): void {
  for (const name of readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.startsWith('dist')) continue;
    const target = join(folder, part, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    writeFileSync(target, ts.transpileModule(readFileSync(join(root, part, name), 'utf8'), { compilerOptions }).outputText);
  }
}

interface Run {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  output(): string;
  /** Resolves with the whole output once it matches; rejects if the program ends before. */
  saying(pattern: RegExp): Promise<string>;
  exit(): Promise<number | null>;
}

function startDemo(env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [join(folder, 'demo-app', 'main.js')], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NODE_PATH: join(root, 'node_modules'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  let text = '';
  const collect = (chunk: Buffer) => void (text += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    output: () => text,
    exit: () => ended,
    saying: (pattern) => new Promise((resolve, reject) => {
      const look = () => {
        if (pattern.test(text)) resolve(text);
      };
      child.stdout.on('data', look);
      void ended.then(() => reject(new Error(`ended without saying ${pattern.source}: ${text}`)));
      look();
    }),
  };
}

function addressIn(output: string): string {
  return /Open +(\S+)/.exec(output)?.[1] ?? '';
}

test('starts without any account, prints an address that works, and stops on Ctrl+C', async () => {
  const demo = startDemo({ PORT: '0' });
  const output = await demo.saying(/Ctrl\+C/);
  const page = await fetch(addressIn(output));
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Connect your account')]);
  expect(output).toContain('built-in sandbox');
  demo.child.kill('SIGINT');
  expect(await demo.exit()).toBe(0);
});

test('says that the port is taken and takes the next free one', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const output = await startDemo({ PORT: String(port) }).saying(/Ctrl\+C/);
  other.close();
  expect(output).toContain(`Port ${port} is taken, trying the next one.`);
  expect(Number(new URL(addressIn(output)).port)).toBeGreaterThan(port);
  expect((await fetch(addressIn(output))).status).toBe(200);
});

test('talks to the real provider once CONNECT_CLIENT_ID is set', async () => {
  const env = { PORT: '0', CONNECT_CLIENT_ID: 'client-of-mine', CONNECT_CLIENT_SECRET: 'secret-of-mine' };
  const output = await startDemo(env).saying(/Ctrl\+C/);
  expect(output).not.toMatch(/secret-of-mine|built-in sandbox/);
  const response = await fetch(`${addressIn(output)}/connect/authorize`, { redirect: 'manual' });
  const target = new URL(response.headers.get('location') ?? '');
  expect(target.origin + target.pathname).toBe('https://connectcloud.appypie.com/oAuth/authorize');
  expect(target.searchParams.get('redirect_uri')).toBe(`${addressIn(output)}/connect/callback`);
});

test('reads .env, where set values win and empty ones count as unset', async () => {
  writeFileSync(join(folder, '.env'), 'CONNECT_CLIENT_ID=from-file\nCONNECT_CLIENT_SECRET=x\nCONNECT_SCOPE=\nPORT=1\n');
  const output = await startDemo({ PORT: '0' }).saying(/Ctrl\+C/);
  rmSync(join(folder, '.env'));
  const response = await fetch(`${addressIn(output)}/connect/authorize`, { redirect: 'manual' });
  expect(new URL(response.headers.get('location') ?? '').searchParams.get('client_id')).toBe('from-file');
});

test.each([
  ['a missing secret', { CONNECT_CLIENT_ID: 'client', PORT: '0' }, /CONNECT_CLIENT_SECRET/],
  ['a port that is no number', { PORT: 'abc' }, /PORT must be a number/],
  ['a callback elsewhere', {
    CONNECT_CLIENT_ID: 'client', CONNECT_CLIENT_SECRET: 'x', PORT: '0',
    CONNECT_REDIRECT_URI: 'http://localhost:3000/elsewhere/connect/callback',
  }, /CONNECT_REDIRECT_URI/],
])('says what is wrong about %s in words, and ends with 1', async (_what, env, expected) => {
  const demo = startDemo(env);
  expect(await demo.exit()).toBe(1);
  expect(demo.output()).toMatch(expected);
  expect(demo.output()).not.toMatch(/\n +at /);
});
