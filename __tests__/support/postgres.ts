import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atExit, notAtExit } from './at-exit';
import { cleanup } from './cleanup';
import { postgresFolder } from './requires';

/** A PostgreSQL of our own, which listens in its folder only. */
export interface PostgresServer {
  /** For `new pg.Pool()`. `host` is the folder of its socket, which nobody else may enter. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** Its socket, for a proxy. */
  readonly socket: { readonly path: string };
  /** Whom its programs may run as, and where. */
  readonly surroundings: Surroundings;
  /** Ends it as a crash does. */
  stop(): Promise<void>;
  /** Starts it again with the same data; stops it before if it runs. */
  restart(): Promise<void>;
}

/** For `spawn` and its like: the folder is nobody else's. */
export interface Surroundings extends Partial<Account> {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

const READY_MS = 60_000;
/** Only the name of the socket: no port of the machine is taken. */
const PORT = 5432;
// What a crash of the machine would lose may be lost.
const FOR_TESTS = [
  '-F',
  ...[
    'synchronous_commit=off',
    'full_page_writes=off',
    'autovacuum=off',
    'shared_buffers=16MB',
    'max_connections=60',
    'listen_addresses=',
  ].flatMap((setting) => ['-c', setting]),
];

/** Makes an empty database and starts a server on it, which ends with the test or the file that starts it. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = programsOrThrow();
  const account = process.getuid?.() === 0 ? unprivileged() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'connect-auth-pg-'));
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  const data = join(folder, 'data');
  const surroundings = { ...account, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };

  let server: ChildProcess | undefined;
  // "Immediate shutdown", which ends the server's own children as well; SIGKILL would not.
  const kill = (): void => void server?.kill('SIGQUIT');

  async function start(): Promise<void> {
    atExit(kill);
    server = spawn(join(programs, 'postgres'), ['-D', data, '-k', folder, '-p', String(PORT), ...FOR_TESTS], {
      ...surroundings,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await ready(server);
  }

  async function stop(): Promise<void> {
    notAtExit(kill);
    const running = server;
    server = undefined;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGQUIT');
    await gone;
  }

  cleanup(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await promisify(execFile)(
    join(programs, 'initdb'),
    ['--pgdata', data, '--username', 'app', '--auth', 'trust', '--encoding', 'UTF8', '--no-locale', '--no-sync'],
    surroundings,
  );
  await start();
  return {
    connection: { host: folder, port: PORT, user: 'app', database: 'postgres' },
    socket: { path: join(folder, `.s.PGSQL.${PORT}`) },
    surroundings,
    stop,
    async restart() {
      await stop();
      await start();
    },
  };
}

/** Dumps everything as `pg_dump` does for a backup. */
export async function dumpOf({ connection, surroundings }: PostgresServer): Promise<string> {
  const { host, port, user, database } = connection;
  const args = ['--host', host, '--port', String(port), '--username', user, database];
  const { stdout } = await promisify(execFile)(join(programsOrThrow(), 'pg_dump'), args, {
    ...surroundings,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

function programsOrThrow(): string {
  const programs = postgresFolder();
  if (programs === undefined) throw new Error('No PostgreSQL here: use describeInPostgres().');
  return programs;
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): Account {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const [, , uid, gid] =
    accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL needs an account other than root: postgres or nobody.');
  return { uid: Number(uid), gid: Number(gid) };
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start in time: ${said}`)), READY_MS);
    server.stderr?.on('data', (text: Buffer) => {
      said += String(text);
      if (!said.includes('ready to accept connections')) return;
      clearTimeout(timer);
      // Nobody reads on from here; a full pipe would hold the server.
      server.stderr?.removeAllListeners('data').resume();
      resolve();
    });
    server.once('error', reject);
    server.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`PostgreSQL ended: ${said}`));
    });
  });
}
