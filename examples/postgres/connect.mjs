import { basename } from 'node:path';
import pg from 'pg';
import { connectAuth, connectOptionsFromEnv } from 'express-connect-auth';
import { postgresConnections, postgresLedger } from 'express-connect-auth/postgres';

export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  connectionTimeoutMillis: 3000,
  query_timeout: 4000,
});
pool.on('error', (error) => console.error('postgres:', error.message)); // without a listener an outage ends the process

const options = connectOptionsFromEnv();
const database = {
  query: (text, values) => pool.query(text, values),
  encryptionKeys: options.encryptionKeys,
  queryTimeoutMs: 3000, // two processes, PostgreSQL and a provider on one small machine (default: 1000)
};

const program = basename(process.argv[1], '.mjs');

/** The same in every process: what one of them records, all the others can read. */
export const connect = connectAuth({
  ...options,
  owner: (req) => req.session?.user,
  connections: postgresConnections(database),
  ledger: postgresLedger(database),
  onEvent({ type, owner, reason }) {
    if (type === 'ended') console.log(`${program}: the connection of ${owner} has ended (${reason})`);
    if (type === 'refreshed') console.log(`${program}: refreshed the token of ${owner}`);
  },
});

/** For the end of a process, when it does nothing any more. */
export async function close() {
  await connect.close(); // refreshes in flight are finished and recorded
  await pool.end();
}
