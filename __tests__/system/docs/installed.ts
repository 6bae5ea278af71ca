import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './markdown';

/** A folder in which a program finds the package and what it needs, as after `npm install`. */
export interface Installed {
  readonly folder: string;
  /** Starts a program of the folder. Its output is in {@link Program.said}. */
  run(file: string, env: Readonly<Record<string, string>>): Program;
  remove(): void;
}

export interface Program {
  readonly child: ChildProcess;
  readonly said: () => string;
}

/** Builds the package into a new folder: `dist` may be absent or older than the source. */
export function install(names: readonly string[]): Installed {
  const folder = mkdtempSync(join(tmpdir(), 'connect-auth-docs-'));
  const modules = join(folder, 'node_modules');
  const own = join(modules, 'express-connect-auth');
  mkdirSync(own, { recursive: true });
  cpSync(join(root, 'package.json'), join(own, 'package.json'));
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p',
      join(root, 'tsconfig.build.json'),
      '--noCheck',
      '--declaration',
      'false',
      '--outDir',
      join(own, 'dist'),
    ],
    { stdio: 'pipe' },
  );
  for (const name of ['express', 'express-session', 'axios', 'joi', ...names]) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  }
  return {
    folder,
    run(file, env) {
      const child = spawn(process.execPath, [file], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], ...env },
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += String(text)));
      return { child, said: () => said };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A port that nobody has right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** The printed apps say nothing when they listen, so they are asked until they answer. */
export async function answering(url: string, { child, said }: Program): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (child.exitCode !== null) break;
    const ready = await fetch(url, { redirect: 'manual' }).then(
      (answer) => answer.status < 500,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The example did not start: ${said()}`);
}
