import { startSandbox } from '../testing';
import type { Sandbox, SandboxOptions } from '../testing/sandbox';
import {
  SWITCHES,
  SWITCH_NAMES,
  expectedOf,
  isChoice,
  takes,
  type SandboxSwitches,
  type SwitchName,
} from '../testing/switches';
import type { Command } from './command';
import { refuse } from './command';
import { readFlags, type FlagKind, type Flags } from './read-flags';
import { announcement } from './sandbox-text';
import { painter, wrap } from './terminal';

const FLAGS: Readonly<Record<string, FlagKind>> = {
  ...Object.fromEntries(SWITCH_NAMES.map((name) => [flagOf(name), 'value'])),
  port: 'value',
  'client-id': 'value',
  'client-secret': 'value',
  help: 'switch',
};

/** What `sandbox --help` says. */
export const SANDBOX_HELP = `Usage: express-connect-auth sandbox [flags]

Runs a local stand-in for Appy Pie Connect on 127.0.0.1 and prints the options
to paste. Ctrl+C (SIGINT, SIGTERM) stops it; started by npx, it ends with it.

  --port N              [a free one]
  --client-id ID        [random]
  --client-secret TEXT  [random]; with these three set, what you have pasted
                        still fits after a restart
  --help                this text

Switches, for what the provider's documentation leaves open; the first value is
the default, docs/testing.md says what each does:

${switchLines().join('\n')}
`;

/** `sandbox`: runs the sandbox provider until the process is asked to end. */
export const runSandbox: Command = async function runSandbox(args, world) {
  const { env, stdout, stderr, asked } = world;
  const read = readFlags(args, FLAGS);
  if ('misuse' in read) return refuse(read.misuse, 'sandbox', world);
  if (read.flags.switches.has('help')) {
    stdout.write(SANDBOX_HELP);
    return 0;
  }
  const port = read.flags.values.get('port') ?? '0';
  if (!/^\d{1,5}$/u.test(port) || Number(port) > 65_535)
    return refuse('--port takes a number from 0 to 65535.', 'sandbox', world);
  const given = readSwitches(read.flags);
  if ('misuse' in given) return refuse(given.misuse, 'sandbox', world);

  const client = { clientId: read.flags.values.get('client-id'), clientSecret: read.flags.values.get('client-secret') };
  const unfit = Object.entries(client).find(([, value]) => value !== undefined && !/^[\w.~-]{1,256}$/u.test(value));
  if (unfit !== undefined) return refuse(`--${flagOf(unfit[0])} takes letters, digits, and . _ ~ -`, 'sandbox', world);

  const end = asked();
  const started = await start({ port: Number(port), switches: given.switches, ...client });
  if (typeof started === 'string') {
    stderr.write(`${started}\n`);
    return 1;
  }
  stdout.write(announcement({ sandbox: started, switches: given.switches, paint: painter(stdout, env) }));
  await end;
  await started.close();
  return 0;
};

async function start(options: SandboxOptions): Promise<Sandbox | string> {
  const { port } = options;
  try {
    return await startSandbox(options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return `Port ${port} is taken: choose another with --port, or none for a free one.`;
    if (code === 'EACCES') return `Port ${port} needs more rights: choose one from 1024 on with --port.`;
    throw error;
  }
}

/** A line or more of help for each switch. */
function switchLines(): readonly string[] {
  return SWITCH_NAMES.flatMap((name) =>
    wrap(valuesOf(name), 78 - 24).map(
      (line, index) => `  ${(index === 0 ? `--${flagOf(name)}` : '').padEnd(22)}${line}`,
    ),
  );
}

function valuesOf(name: SwitchName): string {
  const row = SWITCHES[name];
  if (row === 'key') return 'ignored | the key that is required';
  return isChoice(row) ? row.join(' | ') : `${row.unit} [${row.default}]`;
}

/** The flag of a switch: `requestFormat` is `request-format`. */
export function flagOf(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}

/** The switches as the flags set them, or what is wrong with one of them. */
export function readSwitches({
  values,
}: Pick<Flags, 'values'>): { readonly switches: Partial<SandboxSwitches> } | { readonly misuse: string } {
  const switches: [SwitchName, unknown][] = [];
  for (const name of SWITCH_NAMES) {
    const text = values.get(flagOf(name));
    if (text === undefined) continue;
    const value = valueIn(text, name);
    if (!takes(name, value)) {
      const expected =
        SWITCHES[name] === 'key' ? 'a key in printable ASCII.' : expectedOf(name, text, (word) => String(word));
      return { misuse: `--${flagOf(name)} takes ${expected}` };
    }
    switches.push([name, value]);
  }
  return { switches: Object.fromEntries(switches) };
}

function valueIn(text: string, name: SwitchName): unknown {
  const row = SWITCHES[name];
  if (row === 'key') return text === 'ignored' ? text : { required: text };
  if (isChoice(row)) return row.find((word) => String(word) === text);
  return /^[\d.]{1,16}$/u.test(text) ? Number(text) : undefined;
}
