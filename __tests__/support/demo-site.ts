import type { ConnectAuthOptions } from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { createDemo, type ClusterPart } from '../../demo-app/app';
import { openPort } from '../../demo-app/loopback';
import { startDemoProvider } from '../../demo-app/provider';
import { cleanup } from './cleanup';

/** The demo, listening, with a sandbox of its own. */
export interface DemoSite {
  /** `http://localhost:<port>` */
  readonly address: string;
  readonly sandbox: Sandbox;
}

/**
 * Starts the demo as `npm run demo` does, in this process, with a deadline for the provider that suits tests. It is closed
 * with the test or the file that starts it.
 */
export async function startDemoSite(
  options: Partial<ConnectAuthOptions> = {},
  cluster?: ClusterPart,
): Promise<DemoSite> {
  const sandbox = await startDemoProvider();
  cleanup(sandbox.close);
  const place = await openPort(0);
  if (place === undefined) throw new Error('no port for the demo');
  cleanup(() => place.close());
  const address = `http://localhost:${place.port}`;
  const connectOptions = {
    ...sandbox.connectOptions,
    redirectUri: `${address}/connect/callback`,
    afterConnect: '/connected',
    timeoutMs: 10_000,
    ...options,
  };
  const demo = createDemo({ address, connectOptions, sandbox, cluster });
  cleanup(() => demo.close());
  place.serve(demo.app);
  return { address, sandbox };
}
