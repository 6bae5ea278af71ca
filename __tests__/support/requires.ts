import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

const CHROMIUM_NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome-stable',
  'google-chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Whether a missing tool is a failure (CI) or a reason to skip (somebody's own machine). */
export function inCi(): boolean {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '');
}

/**
 * Where Chromium is: environment variable `CHROMIUM_PATH`, else the usual names on `PATH`.
 * `undefined` when there is none; in CI that throws instead, because nothing may be skipped there.
 */
export function chromiumPath(): string | undefined {
  const chosen = process.env['CHROMIUM_PATH'];
  const found = (chosen ? [chosen] : CHROMIUM_NAMES).flatMap(places).find(isExecutable);
  if (found === undefined && inCi()) throw new Error('No Chromium: install it, or point CHROMIUM_PATH to it.');
  return found;
}

/** A `describe` that needs a browser: skipped where none is installed, except in CI. */
export function describeInChromium(title: string, suite: (executablePath: string) => void): void {
  describeWith(chromiumPath(), 'Chromium', 'CHROMIUM_PATH', title, suite);
}

/**
 * Where redis-server is: environment variable `REDIS_SERVER_PATH`, else on `PATH`.
 * `undefined` when there is none; in CI that throws instead, because nothing may be skipped there.
 */
export function redisServerPath(): string | undefined {
  const found = places(process.env['REDIS_SERVER_PATH'] || 'redis-server').find(isExecutable);
  if (found === undefined && inCi()) throw new Error('No redis-server: install it, or point REDIS_SERVER_PATH to it.');
  return found;
}

/** A `describe` that needs a Redis: skipped where none is installed, except in CI. */
export function describeInRedis(title: string, suite: (executablePath: string) => void): void {
  describeWith(redisServerPath(), 'redis-server', 'REDIS_SERVER_PATH', title, suite);
}

/** Debian keeps these programs out of `PATH`, a folder for each version. */
const POSTGRES_VERSIONS = '/usr/lib/postgresql';

/**
 * Where `initdb` and `postgres` are: environment variable `POSTGRES_BIN_PATH`, else Debian's folders, else on `PATH`.
 * `undefined` when there are none; in CI that throws instead, because nothing may be skipped there.
 */
export function postgresFolder(): string | undefined {
  const chosen = process.env['POSTGRES_BIN_PATH'];
  const candidates = chosen ? [join(chosen, 'postgres')] : [...debianPostgres(), ...places('postgres')];
  const found = candidates.find((path) => isExecutable(path) && isExecutable(join(dirname(path), 'initdb')));
  if (found === undefined && inCi())
    throw new Error('No PostgreSQL: install it, or point POSTGRES_BIN_PATH to its bin folder.');
  return found === undefined ? undefined : dirname(found);
}

/** A `describe` that needs a PostgreSQL: skipped where none is installed, except in CI. */
export function describeInPostgres(title: string, suite: () => void): void {
  describeWith(postgresFolder(), 'PostgreSQL', 'POSTGRES_BIN_PATH', title, suite);
}

/**
 * Where pgbouncer is: environment variable `PGBOUNCER_PATH`, else on `PATH`, or where Debian puts it.
 * `undefined` when there is none; in CI that throws instead, because nothing may be skipped there.
 */
export function pgbouncerPath(): string | undefined {
  const chosen = process.env['PGBOUNCER_PATH'];
  const found = (chosen ? places(chosen) : [...places('pgbouncer'), '/usr/sbin/pgbouncer']).find(isExecutable);
  if (found === undefined && inCi()) throw new Error('No pgbouncer: install it, or point PGBOUNCER_PATH to it.');
  return found;
}

/** A `describe` that needs a PostgreSQL and a PgBouncer: skipped where one is not installed, except in CI. */
export function describeInPgBouncer(title: string, suite: () => void): void {
  const both = postgresFolder() === undefined ? undefined : pgbouncerPath();
  describeWith(both, 'PgBouncer', 'PGBOUNCER_PATH', title, suite);
}

/** Where `npm run sqlite` puts SQLite, compiled for this Node. */
export const SQLITE = join(__dirname, 'sqlite/node_modules/better-sqlite3');

function isBuilt(): boolean {
  const open = ['-e', `new (require(${JSON.stringify(SQLITE)}))(':memory:')`];
  const isOpened = spawnSync(process.execPath, open).status === 0;
  if (!isOpened && inCi()) throw new Error('SQLite is not built for this Node: npm run sqlite.');
  return isOpened;
}

/** A `describe` that needs SQLite: skipped where better-sqlite3 is not built, except in CI. */
export function describeInSqlite(title: string, suite: () => void): void {
  if (isBuilt()) describe(title, suite);
  else describe.skip(`${title} (needs better-sqlite3: npm run sqlite)`, suite);
}

/** A skipped block's title carries the reason into every report; scripts/left-out-reporter.mjs counts by it. */
function describeWith(
  found: string | undefined,
  program: string,
  variable: string,
  title: string,
  suite: (path: string) => void,
): void {
  if (found !== undefined) describe(title, () => suite(found));
  else describe.skip(`${title} (needs ${program}: install it, or set ${variable})`, () => suite(''));
}

/** The newest version first. */
function debianPostgres(): readonly string[] {
  try {
    const versions = readdirSync(POSTGRES_VERSIONS).sort((one, other) => Number(other) - Number(one));
    return versions.map((version) => join(POSTGRES_VERSIONS, version, 'bin', 'postgres'));
  } catch {
    return [];
  }
}

function places(name: string): readonly string[] {
  if (isAbsolute(name)) return [name];
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
