import type { WriteStream } from 'node:tty';

/** Variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a command has of the process it runs in. */
export interface World {
  readonly env: Env;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Resolves when the process is asked to end (SIGINT, SIGTERM). */
  readonly asked: () => Promise<void>;
}

/** A stream of the process, which may be a terminal. */
export type Output = Pick<WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** Runs to its end and gives the exit code: 0 all well, 1 something failed, 2 wrong usage. */
export type Command = (args: readonly string[], world: World) => Promise<number>;

/** Says what is wrong with the arguments, and where the right ones stand. */
export function refuse(misuse: string, command: string, { stderr }: World): number {
  stderr.write(`${misuse}\nSee: express-connect-auth ${command}${command === '' ? '' : ' '}--help\n`);
  return 2;
}
