import { connectOptionsFromEnv, isConnectError, type ConnectAuthOptions } from 'express-connect-auth';
import { startSandbox, type Sandbox } from 'express-connect-auth/testing';
import { createDemo } from './app';
import { openPort, type OpenPort } from './loopback';

const DEFAULT_PORT = 3000;
/** How many ports after a taken one are tried. */
const PORTS_TO_TRY = 20;
/** Short enough that nobody gets bored by a provider that keeps silent. */
const DEMO_TIMEOUT_MS = 3_000;

async function main(): Promise<void> {
  readEnvFile();
  const usesRealProvider = (process.env['CONNECT_CLIENT_ID'] ?? '') !== '';
  const place = await findPlace(wishedPort(usesRealProvider), usesRealProvider ? 1 : PORTS_TO_TRY);
  const sandbox = usesRealProvider ? undefined : await startSandbox({ clientId: 'demo-app' });

  function stop(): void {
    place.close();
    void sandbox?.close();
  }

  try {
    greet(serve(place, sandbox), sandbox);
  } catch (error) {
    // An open port would keep the process alive behind its error message.
    stop();
    throw error;
  }
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

/** @returns the origin under which the demo is to be opened */
function serve(place: OpenPort, sandbox: Sandbox | undefined): string {
  const redirectUri = `http://localhost:${place.port}/connect/callback`;
  const connectOptions = sandbox === undefined ? realOptions(redirectUri) : sandboxOptions(sandbox, redirectUri);
  const app = createDemo({ address: originOf(connectOptions.redirectUri, redirectUri), connectOptions, sandbox });
  place.serve(app);
  return new URL(connectOptions.redirectUri).origin;
}

function originOf(redirectUri: string, expected: string): string {
  const home = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (home?.pathname === '/connect/callback') return home.origin;
  throw new Error(`The demo answers on /connect/callback: set CONNECT_REDIRECT_URI to ${expected} here and where your `
    + 'client is registered.');
}

function greet(address: string, sandbox: Sandbox | undefined): void {
  say(`\n  express-connect-auth demo\n\n  Open      ${address}`);
  say(sandbox === undefined
    ? '  Provider  Appy Pie Connect, with the credentials of your environment'
    : `  Provider  built-in sandbox, no account needed (${sandbox.url})`);
  say('\n  Ctrl+C stops it.\n');
}

/** Takes the first free port, and says so when that is not the one that was asked for. */
async function findPlace(wanted: number, tries: number): Promise<OpenPort> {
  for (let port = wanted; port < wanted + tries && port <= 65_535; port += 1) {
    const place = await openPort(port);
    if (place !== undefined) return place;
    say(`Port ${port} is taken${tries > 1 ? ', trying the next one' : ''}.`);
  }
  throw new Error(tries > 1
    ? `No free port from ${wanted} on. Choose another one: PORT=8080 npm run demo`
    : `The registered redirect URI names port ${wanted}, so the demo needs exactly that one. Free it and start again.`);
}

/** `PORT`; else the port of a registered redirect URI on this machine; else 3000. */
function wishedPort(usesRealProvider: boolean): number {
  const text = process.env['PORT'] ?? '';
  if (text === '') return (usesRealProvider ? registeredPort() : undefined) ?? DEFAULT_PORT;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error('PORT must be a number from 0 to 65535.');
  return port;
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

function say(line: string): void {
  console.log(line);
}

main().catch((error: unknown) => {
  console.error(isConnectError(error) || error instanceof Error ? error.message : 'The demo could not start.');
  process.exitCode = 1;
});
