import pg from 'pg';
import { postgresConnections, postgresLedger } from 'express-connect-auth/postgres';
import { redisConnections, redisLedger } from 'express-connect-auth/redis';

export const STORES = ['redis', 'postgres'];

const POOL_SIZE = 5;

/**
 * Ledger and connections of one process.
 * @param postgres what a pool is made with; undefined: both are in Redis, beside the sessions
 * @param timeoutMs for one operation; the library's default if undefined
 */
export function keptIn({ redis, postgres, encryptionKeys, timeoutMs }) {
  if (postgres === undefined) {
    const sendCommand = (...args) => redis.sendCommand(args);
    const options = { sendCommand, encryptionKeys, commandTimeoutMs: timeoutMs };
    return { ledger: redisLedger(options), connections: redisConnections(options) };
  }
  const pool = new pg.Pool({ ...postgres, max: POOL_SIZE });
  // Without a listener the process would end when PostgreSQL goes away.
  pool.on('error', () => undefined);
  const query = (text, values) => pool.query(text, values);
  const options = { query, encryptionKeys, queryTimeoutMs: timeoutMs };
  return { ledger: postgresLedger(options), connections: postgresConnections(options) };
}
