import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

const NOT_THERE =
  'This example needs PostgreSQL, and there is none here. Install it (Debian and Ubuntu: sudo apt install postgresql; ' +
  'macOS: brew install postgresql), or name a database that is yours to try things in by the environment variable ' +
  'DATABASE_URL=postgres://user:password@localhost:5432/name';

/** Debian keeps the programs out of `PATH`, a folder for each version. */
const DEBIAN = '/usr/lib/postgresql';

/**
 * `DATABASE_URL` of the environment, else a server of our own, whose data is gone when it stops. It has the tables.
 * @param tables - file with the SQL that makes them where they are missing
 * @throws Error with the next step in words when there is none
 */
export async function findPostgres(tables) {
  const given = process.env.DATABASE_URL ?? '';
  const server = given === '' ? await startPostgres() : { url: given, stop: async () => undefined };
  try {
    await makeTables(server.url, tables);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    label: 'Postgres',
    description:
      given === '' ? `started for this example; look into it: psql "${server.url}"` : 'the one of DATABASE_URL',
    env: { DATABASE_URL: server.url },
    stop: server.stop,
  };
}

async function makeTables(url, file) {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.query(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Error(`The tables cannot be made in that database: ${error.message || error.code}`, { cause: error });
  } finally {
    await client.end();
  }
}

async function startPostgres() {
  const programs = programsOrThrow();
  // It listens in this folder only, which is for nobody else's eyes: so there is no password and no port.
  const folder = await mkdtemp(join(tmpdir(), 'example-postgres-'));
  const data = join(folder, 'data');
  let child;
  const stop = async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGINT'); // "fast shutdown": does not wait for those who are connected
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  // A process group of its own: Ctrl+C in the terminal must not end it before the app that still writes to it.
  const options = { ...accountFor(folder), cwd: folder, env: { ...process.env, LC_ALL: 'C' }, detached: true };
  try {
    await made(
      spawn(
        join(programs, 'initdb'),
        ['-D', data, '-U', 'app', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
        { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
      ),
    );
    child = spawn(join(programs, 'postgres'), ['-D', data, '-k', folder, '-F', '-c', 'listen_addresses='], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `postgres://app@/postgres?host=${encodeURIComponent(folder)}`, stop };
}

/** The folder with `initdb` and `postgres`: that of `POSTGRES_BIN_PATH`, else Debian's newest, else one of `PATH`. */
function programsOrThrow() {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
  const chosen = process.env.POSTGRES_BIN_PATH ?? '';
  const folders =
    chosen === ''
      ? [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env.PATH ?? '').split(delimiter)]
      : [chosen];
  const found = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (found === undefined) throw new Error(NOT_THERE);
  return found;
}

/** PostgreSQL refuses to run as root, as which a container may run this: then it gets an account that may do less. */
function accountFor(folder) {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].map((name) => accounts.find(([own]) => own === name)).find(Boolean);
  if (account === undefined) throw new Error('PostgreSQL needs an account other than root: postgres or nobody.');
  const [uid, gid] = account.slice(2, 4).map(Number);
  chownSync(folder, uid, gid);
  return { uid, gid };
}

async function made(initdb) {
  let said = '';
  initdb.stderr.on('data', (text) => (said += text));
  const [code] = await once(initdb, 'close');
  if (code !== 0) throw new Error(`PostgreSQL could not make a database:\n${said}`);
}

function ready(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`The PostgreSQL that this example started has ended at once:\n${said}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      said += `${line}\n`;
      if (/ready to accept connections/u.test(line)) resolve();
    });
  });
}
