import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { cleanup } from '../cleanup';
import { packed } from '../packed';

/** What a command said, and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Call = readonly [
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
  nodeFlags?: readonly string[],
  /** What stands before the whole command. */
  starter?: readonly string[],
];

/** The command line of the packed package; folder and processes end with the test or the file that makes them. */
export interface BuiltCli {
  /** A folder of its own for files that a test needs; the command runs in it. */
  readonly folder: string;
  /** Runs to the end; the environment is `env` and nothing else, `nodeFlags` stand before the script. */
  run(...call: Call): Promise<Ended>;
  start(...call: Call): ChildProcess;
}

export function buildCli(): BuiltCli {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  cleanup(() => rmSync(folder, { recursive: true }));
  const program = join(packed().folder, 'dist/cli.js');
  function start(...[args, env = {}, nodeFlags = [], starter = []]: Call): ChildProcess {
    const [command = '', ...rest] = [...starter, process.execPath, ...nodeFlags, program, ...args];
    const child = spawn(command, rest, {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
    });
    cleanup(() => child.kill('SIGKILL'));
    return child;
  }
  return {
    folder,
    start,
    async run(...call) {
      const child = start(...call);
      const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')]);
      return { exitCode: child.exitCode, stdout, stderr };
    },
  };
}

/** A report without its line breaks, so that a test does not depend on where they fall. */
export function unwrapped(report: string): string {
  return report.replace(/\s+/g, ' ');
}
