import { startSandbox } from '../testing';
import type { Sandbox } from '../testing/sandbox';
import type { SandboxSwitches } from '../testing/switches';
import type { Command } from './command';
import { refuse } from './command';
import { readFlags } from './read-flags';
import { flagOf, readSwitches, SWITCH_FLAGS, SWITCH_VALUES } from './sandbox-flags';
import { announcement } from './sandbox-text';
import { painter, wrap } from './terminal';

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  accessTokenKey: 'ignored | the key that is required',
  graceMs: 'milliseconds [0]',
  lifetimeSeconds: 'seconds [3600]',
};

/** What `sandbox --help` says. */
export const SANDBOX_HELP = `Usage: express-connect-auth sandbox [flags]

Runs a local stand-in for Appy Pie Connect on 127.0.0.1, with a client id and a
secret of its own, and prints the options to paste. Ctrl+C (SIGINT, SIGTERM)
stops it.

  --port N              [a free one]
  --help                this text

Switches, for what the provider's documentation leaves open; the first value is
the default, docs/testing.md says what each does:

${switchLines().join('\n')}
`;

/** `sandbox`: runs the sandbox provider until the process is asked to end. */
export const runSandbox: Command = async function runSandbox(args, world) {
  const { env, stdout, stderr, asked } = world;
  const read = readFlags(args, { ...SWITCH_FLAGS, port: 'value', help: 'switch' });
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

  const end = asked();
  const started = await start(Number(port), given.switches);
  if (typeof started === 'string') {
    stderr.write(`${started}\n`);
    return 1;
  }
  stdout.write(announcement({ sandbox: started, switches: given.switches, paint: painter(stdout, env) }));
  await end;
  await started.close();
  return 0;
};

async function start(port: number, switches: Partial<SandboxSwitches>): Promise<Sandbox | string> {
  try {
    return await startSandbox({ port, switches });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return `Port ${port} is taken: choose another with --port, or none for a free one.`;
    if (code === 'EACCES') return `Port ${port} needs more rights: choose one from 1024 on with --port.`;
    throw error;
  }
}

function switchLines(): readonly string[] {
  return Object.entries(SWITCH_VALUES).flatMap(([name, values]) => {
    const words = PLACEHOLDERS[name] ?? [values].flat().join(' | ');
    return wrap(words, 78 - 24).map((line, index) => `  ${(index === 0 ? `--${flagOf(name)}` : '').padEnd(22)}${line}`);
  });
}
