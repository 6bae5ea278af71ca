import type { World } from '../../../src/cli/command';
import { run } from '../../../src/cli/run';
import type { Ended } from './built-cli';

/** A command that runs within this process. */
export interface RunningHere {
  /** What it has written so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  /** Asks it to end, as SIGTERM would. */
  readonly end: () => void;
  readonly exitCode: Promise<number>;
}

/** Starts a command within this process; the environment is `env` and nothing else. */
export function startHere(args: readonly string[], env: World['env'] = {}): RunningHere {
  const said = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof said): World['stdout'] => ({
    write: (words) => {
      said[name] += String(words);
      return true;
    },
  });
  let end = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    end = resolve;
  });
  const exitCode = run(args, { env, stdout: sink('stdout'), stderr: sink('stderr'), asked: () => asked });
  return { said, exitCode, end };
}

/** Runs a command that ends by itself. */
export async function runHere(args: readonly string[], env: World['env'] = {}): Promise<Ended> {
  const { said, exitCode } = startHere(args, env);
  return { exitCode: await exitCode, ...said };
}
