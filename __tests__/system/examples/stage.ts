import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from '../../support/cleanup';
import { packed, root } from '../../support/packed';
import { unlessTaken } from '../../support/ports';

/** How long a program may take until it says what is waited for. */
const PATIENCE_MS = 300_000;

/** What a program said, and how it ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

/** A program that runs; it is stopped with the test or the file that starts it. */
export interface Running {
  /** Both streams, as far as they have come. */
  output(): string;
  /** Resolves with the output once it matches. @throws Error when the program ends before */
  saying(pattern: RegExp): Promise<string>;
  /** As Ctrl+C does: every process that belongs to it gets the signal. @defaultValue SIGINT */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  ended(): Promise<Ended>;
}

/** An example that answers. */
export interface RunningExample extends Running {
  readonly url: string;
  readonly sandboxUrl: string;
}

/**
 * The packed package with the examples in it, as the repository looks after `npm run build`. It is removed with the test or
 * the file that makes it.
 */
export interface Stage {
  readonly folder: string;
  /** Starts a program with Node, on a free port if it asks `PORT`. */
  node(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** Starts an example by the one command, less the build. */
  example(name: string, env?: Readonly<Record<string, string>>): Promise<RunningExample>;
}

/** Nothing else: what is set on somebody's own machine must not lead an example elsewhere. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, REDIS_SERVER_PATH, POSTGRES_BIN_PATH, CI } = process.env;
  return { PATH, HOME, TMPDIR, REDIS_SERVER_PATH, POSTGRES_BIN_PATH, CI };
}

export function makeStage(): Stage {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'examples-')));
  cleanup(() => rmSync(folder, { recursive: true, force: true }));
  // The examples find the package by its own name, as they do in the repository: so it is the folder that they are in.
  cpSync(packed().folder, folder, { recursive: true });
  cpSync(join(root, 'examples'), join(folder, 'examples'), {
    recursive: true,
    filter: (path) => !path.endsWith('/dist'),
  });
  cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');

  function node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...plainEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group, as a terminal makes it
    });
    const program = watch(child);
    cleanup(() => program.stop());
    return program;
  }
  async function example(name: string, env: Readonly<Record<string, string>> = {}): Promise<RunningExample> {
    const program = node(['examples/run.mjs', name], { PORT: '0', ...env });
    const greeting = await program.saying(/Ctrl\+C/u);
    const addressAfter = (label: RegExp): string => label.exec(greeting)?.[1] ?? '';
    return {
      ...program,
      url: addressAfter(/Open +(\S+)/u),
      sandboxUrl: addressAfter(/Provider .*\((http:\S+)\)/u),
    };
  }
  // The port is looked for by one program, and taken by another.
  return { folder, node, example: (name, env) => unlessTaken(() => example(name, env)) };
}

function watch(child: ChildProcess): Running {
  let output = '';
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const look of looks) look();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
  return {
    output: () => output,
    ended: () => ended,
    saying: (pattern) =>
      new Promise((resolve, reject) => {
        const fail = (): void => reject(new Error(`does not say ${pattern.source}: ${output}`));
        const timer = setTimeout(fail, PATIENCE_MS);
        const look = (): void => {
          if (!pattern.test(output)) return;
          clearTimeout(timer);
          looks.delete(look);
          resolve(output);
        };
        looks.add(look);
        void ended.then(() => {
          clearTimeout(timer);
          fail();
        });
        look();
      }),
    stop(signal = 'SIGINT') {
      const isRunning = child.exitCode === null && child.signalCode === null;
      if (isRunning && child.pid !== undefined) process.kill(-child.pid, signal);
      return ended;
    },
  };
}
