import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

/** Debian keeps the programs here, a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';
/** Only the name of the socket: no port of the machine is taken. */
const PORT = 5432;
const MAX_CONNECTIONS = 100;

/** The tables as the document has them. */
const TABLES = /```sql\n(CREATE TABLE connect_auth_ledger[\s\S]+?)```/u.exec(
  readFileSync(new URL('../../docs/postgres.md', import.meta.url), 'utf8'),
)[1];

/**
 * Starts a PostgreSQL of our own with the two tables, as it comes but for the number of its connections. It listens in its
 * folder only.
 */
export async function startPostgres() {
  const programs = programFolder();
  const folder = mkdtempSync(join(tmpdir(), 'connect-auth-soak-'));
  const account = process.getuid?.() === 0 ? unprivileged() : {};
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid);
  const surroundings = { ...account, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  const data = join(folder, 'data');
  await promisify(execFile)(
    join(programs, 'initdb'),
    ['--pgdata', data, '--username', 'app', '--auth', 'trust', '--encoding', 'UTF8', '--no-locale'],
    surroundings,
  );
  const child = spawn(
    join(programs, 'postgres'),
    [
      '-D',
      data,
      '-k',
      folder,
      '-p',
      String(PORT),
      '-c',
      'listen_addresses=',
      '-c',
      `max_connections=${MAX_CONNECTIONS}`,
    ],
    { ...surroundings, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  // "Immediate shutdown", which ends the server's own children as well; SIGKILL would not.
  const kill = () => void child.kill('SIGQUIT');
  process.once('exit', kill);
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('PostgreSQL ended')));
    child.stderr.on('data', (text) => String(text).includes('ready to accept connections') && resolve());
  });
  const connection = { host: folder, port: PORT, user: 'app', database: 'postgres' };
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(TABLES);
  await client.end();
  return {
    connection,
    async close() {
      process.off('exit', kill);
      const gone = once(child, 'exit');
      kill();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function programFolder() {
  const chosen = process.env.POSTGRES_BIN_PATH;
  const places = chosen ? [chosen] : [...versions(), ...(process.env.PATH ?? '').split(delimiter).filter(Boolean)];
  const found = places.find((place) => ['postgres', 'initdb'].every((name) => isExecutable(join(place, name))));
  if (found === undefined) throw new Error('No PostgreSQL: install it, or point POSTGRES_BIN_PATH to its bin folder.');
  return found;
}

/** The newest first. */
function versions() {
  try {
    const names = readdirSync(VERSIONS).sort((one, other) => Number(other) - Number(one));
    return names.map((name) => join(VERSIONS, name, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL refuses to run as root. */
function unprivileged() {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => accounts.find(([account]) => account === name)).find(Boolean);
  if (found === undefined) throw new Error('PostgreSQL needs an account other than root: postgres or nobody.');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}
