import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ModuleKind, ScriptTarget, transpile } from 'typescript';

const ROOT = join(__dirname, '../../..');

/** What a command said, and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Call = readonly [args: readonly string[], env?: Readonly<Record<string, string>>, nodeFlags?: readonly string[]];

/** The command line, compiled from the sources as they are: nothing says that dist/ is new. */
export interface BuiltCli {
  /** A folder of its own for files that a test needs. */
  readonly folder: string;
  /** Runs to the end; the environment is `env` and nothing else, `nodeFlags` stand before the script. */
  run(...call: Call): Promise<Ended>;
  start(...call: Call): ChildProcess;
  remove(): void;
}

export function buildCli(): BuiltCli {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  for (const path of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    const source = readFileSync(join(ROOT, 'src', path), 'utf8');
    const target = join(folder, 'dist', path.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(
      target,
      transpile(source, { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true }),
    );
  }
  const start = (...[args, env = {}, nodeFlags = []]: Call): ChildProcess =>
    spawn(process.execPath, [...nodeFlags, join(folder, 'dist/cli.js'), ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
    });
  return {
    folder,
    start,
    async run(...call) {
      const child = start(...call);
      const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
      return { exitCode: child.exitCode, stdout, stderr };
    },
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

/** A report without its line breaks, so that a test does not depend on where they fall. */
export function unwrapped(report: string): string {
  return report.replace(/\s+/g, ' ');
}
