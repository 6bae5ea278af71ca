import { startSandbox } from '../testing';
import type { Sandbox } from '../testing/sandbox';
import type { SandboxSwitches } from '../testing/switches';
import type { Command } from './command';
import { refuse } from './command';
import { painter } from './console';
import { SANDBOX_HELP } from './help';
import { readFlags } from './read-flags';
import { readSwitches, SWITCH_FLAGS } from './sandbox-flags';
import { announcement } from './sandbox-text';

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
