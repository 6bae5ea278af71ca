import { connectOptionsFromEnv, isConnectError, type ConnectAuthOptions } from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { createDemo, type Demo, type DemoParts } from './app';
import type { OpenPort } from './loopback';
import { findPlace, say, wishedPort } from './place';
import { DEMO_TIMEOUT_MS, startDemoProvider } from './provider';

async function main(): Promise<void> {
  readEnvFile();
  const usesRealProvider = (process.env['CONNECT_CLIENT_ID'] ?? '') !== '';
  const place = await findPlace({
    wanted: wishedPort() ?? (usesRealProvider ? registeredPort() : undefined),
    fixed: usesRealProvider ? 'The registered redirect URI names this port' : undefined,
    command: 'npm run demo',
  });
  const sandbox = usesRealProvider ? undefined : await startDemoProvider();
  let demo: Demo | undefined;

  function stop(): void {
    place.close();
    void Promise.resolve(demo?.close()).then(() => sandbox?.close());
  }

  try {
    const parts = partsOf(place, sandbox);
    demo = createDemo(parts);
    place.serve(demo.app);
    greet(parts.address, sandbox);
  } catch (error) {
    // An open port would keep the process alive behind its error message.
    stop();
    throw error;
  }
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function partsOf(place: OpenPort, sandbox: Sandbox | undefined): DemoParts {
  const redirectUri = `http://localhost:${place.port}/connect/callback`;
  const connectOptions = sandbox === undefined ? realOptions(redirectUri) : sandboxOptions(sandbox, redirectUri);
  return { address: originOf([connectOptions.redirectUri].flat()[0] ?? '', redirectUri), connectOptions, sandbox };
}

function originOf(redirectUri: string, expected: string): string {
  const home = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (home?.pathname === '/connect/callback') return home.origin;
  throw new Error(
    `The demo answers on /connect/callback: set CONNECT_REDIRECT_URI to ${expected} here and where your ` +
      'client is registered.',
  );
}

function greet(address: string, sandbox: Sandbox | undefined): void {
  say(`\n  express-connect-auth demo\n\n  Open      ${address}`);
  say(
    sandbox === undefined
      ? '  Provider  Appy Pie Connect, with the credentials of your environment'
      : `  Provider  built-in sandbox, no account needed (${sandbox.url})`,
  );
  say('\n  Ctrl+C stops it.\n');
}

function registeredPort(): number | undefined {
  const uri = process.env['CONNECT_REDIRECT_URI'] ?? '';
  if (!URL.canParse(uri)) return undefined;
  const { hostname, port } = new URL(uri);
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname) && port !== '' ? Number(port) : undefined;
}

function realOptions(redirectUri: string): ConnectAuthOptions {
  return connectOptionsFromEnv({
    ...process.env,
    CONNECT_REDIRECT_URI: process.env['CONNECT_REDIRECT_URI'] || redirectUri,
    CONNECT_AFTER_CONNECT: process.env['CONNECT_AFTER_CONNECT'] || '/connected',
  });
}

function sandboxOptions(sandbox: Sandbox, redirectUri: string): ConnectAuthOptions {
  return { ...sandbox.connectOptions, redirectUri, afterConnect: '/connected', timeoutMs: DEMO_TIMEOUT_MS };
}

/** Values that are set already win over those of `.env`; Node before 20.12 cannot read the file. */
function readEnvFile(): void {
  try {
    (process as Partial<Pick<NodeJS.Process, 'loadEnvFile'>>).loadEnvFile?.();
  } catch {
    // There is no .env: nothing to read.
  }
}

main().catch((error: unknown) => {
  console.error(isConnectError(error) || error instanceof Error ? error.message : 'The demo could not start.');
  process.exitCode = 1;
});
