import { startSandbox as start, type Sandbox, type SandboxOptions } from '../../src/testing';
import { cleanup, renewed } from './cleanup';

/** The package's own `startSandbox`, closed with the test or the file that starts it, and reset before each test. */
export async function startSandbox(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await start(options);
  cleanup(sandbox.close);
  renewed(sandbox.reset);
  return sandbox;
}
