import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit, notAtExit } from './at-exit';
import { cleanup } from './cleanup';
import type { PostgresServer } from './postgres';
import { pgbouncerPath } from './requires';

const READY_MS = 60_000;
/** Only the name of the socket: no port of the machine is taken. */
const PORT = 6432;
/** After which a server that was away is looked for again; 15 if nothing is said. */
const LOOK_AGAIN_SECONDS = 1;

/**
 * Puts a PgBouncer in transaction mode in front of a server; it ends with the test or the file that starts it.
 * @param serverConnections - how many it keeps to the server, for any number of clients
 * @returns for `new pg.Pool()`
 */
export async function startPgBouncer(
  { connection, surroundings }: PostgresServer,
  serverConnections = 2,
): Promise<PostgresServer['connection']> {
  const program = pgbouncerPath();
  if (program === undefined) throw new Error('No pgbouncer here: use describeInPgBouncer().');
  const folder = mkdtempSync(join(tmpdir(), 'connect-auth-pgb-'));
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(
    settings,
    `[databases]
* = host=${connection.host} port=${connection.port} user=${connection.user}
[pgbouncer]
listen_addr =
listen_port = ${PORT}
unix_socket_dir = ${folder}
auth_type = any
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 500
server_login_retry = ${LOOK_AGAIN_SECONDS}
`,
  );
  const { uid, gid } = surroundings;
  if (uid !== undefined && gid !== undefined) for (const path of [folder, settings]) chownSync(path, uid, gid);
  const bouncer = spawn(program, [settings], { ...surroundings, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = (): void => void bouncer.kill('SIGKILL');
  atExit(kill);
  cleanup(async () => {
    notAtExit(kill);
    if (bouncer.exitCode === null && bouncer.signalCode === null) {
      const gone = once(bouncer, 'exit');
      kill();
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });
  await ready(bouncer);
  return { ...connection, host: folder, port: PORT };
}

function ready(bouncer: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error(`PgBouncer did not start in time: ${said}`)), READY_MS);
    bouncer.stderr?.on('data', (text: Buffer) => {
      said += String(text);
      if (!said.includes('process up')) return;
      clearTimeout(timer);
      bouncer.stderr?.removeAllListeners('data').resume();
      resolve();
    });
    bouncer.once('error', reject);
    bouncer.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`PgBouncer ended: ${said}`));
    });
  });
}
