import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { refuse, type Command, type World } from './command';
import type * as Doctor from './doctor/doctor';
import type * as Sandbox from './sandbox';
import { didYouMean } from '../checks/nearest';

const HELP = `Usage: express-connect-auth <command> [flags]

  doctor     find out why sign-in does not work, and what to do about it
  sandbox    run a local provider to sign in against, without an account

  --help     this text; after a command, its own
  --version  the version of the package
`;

/** Each is loaded when it is called: a word of help must not wait for all of them. */
const COMMANDS: ReadonlyMap<string, () => Command> = new Map([
  /* eslint-disable @typescript-eslint/no-require-imports -- an import() would need a name that only the built package has */
  ['doctor', () => (require('./doctor/doctor') as typeof Doctor).doctor],
  ['sandbox', () => (require('./sandbox') as typeof Sandbox).runSandbox],
  /* eslint-enable @typescript-eslint/no-require-imports */
]);

/** Runs the command that the arguments name. @returns the exit code */
export async function run(args: readonly string[], world: World): Promise<number> {
  const [name, ...rest] = args;
  const command = COMMANDS.get(name ?? '');
  if (command !== undefined) return command()(rest, world);
  if (name === '--help' || name === '-h' || name === 'help') {
    world.stdout.write(HELP);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    world.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  if (name === undefined) {
    world.stderr.write(HELP);
    return 2;
  }
  // The name is not repeated: it may be a secret that was pasted a line too early.
  const meant = didYouMean(name, [...COMMANDS.keys(), '--help', '--version']);
  const kind = name.startsWith('-') ? 'flag' : 'command';
  return refuse(`There is no such ${kind}.${meant}`, '', world);
}

/** Beside `dist` in the package, wherever that is installed. */
function packageVersion(): string {
  const manifest = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}
