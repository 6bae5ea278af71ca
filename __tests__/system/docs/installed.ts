import { spawn, type ChildProcess } from 'node:child_process';
import { cleanup } from '../../support/cleanup';
import { folderWithPackage } from '../../support/packed';

/**
 * A folder in which a program finds the package and what it needs, as after `npm install`. Folder and programs end with the
 * test or the file that makes them.
 */
export interface Installed {
  readonly folder: string;
  /** Starts a program of the folder. Its output is in {@link Program.said}. */
  run(file: string, env: Readonly<Record<string, string>>, nodeFlags?: readonly string[]): Program;
}

export interface Program {
  readonly child: ChildProcess;
  readonly said: () => string;
}

/** @param names - of the packages that the program needs beside Express, express-session and ours */
export function install(names: readonly string[]): Installed {
  const folder = folderWithPackage(['express', 'express-session', ...names]);
  return {
    folder,
    run(file, env, nodeFlags = []) {
      const child = spawn(process.execPath, [...nodeFlags, file], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'], ...env },
      });
      cleanup(() => child.kill('SIGKILL'));
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += String(text)));
      return { child, said: () => said };
    },
  };
}

/** The printed apps say nothing when they listen, so they are asked until they answer. */
export async function answering(url: string, { child, said }: Program): Promise<void> {
  for (const end = Date.now() + 300_000; Date.now() < end;) {
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
