import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import connectPgSimple from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import session, { MemoryStore, type Store } from 'express-session';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { memoryLedger, type EncryptionKey, type RefreshLedger } from '../../../../src';
import { patientLedger } from '../../../support/patient-ledger';
import { cleanup } from '../../../support/cleanup';
import { startPostgres } from '../../../support/postgres';
import { startRedis } from '../../../support/redis-server';

/**
 * A session store as an app would set it up, with a ledger that goes with it, and a look at what it keeps. What it needs
 * ends with the test or the file that makes it.
 */
export interface StoreAtHand {
  readonly store: Store;
  readonly ledger: RefreshLedger;
  /** What the store keeps, word for word, by session id. */
  texts(): Promise<ReadonlyMap<string, string>>;
  /** Forgets every session. */
  clear(): Promise<void>;
}

const LEDGER_KEYS: readonly EncryptionKey[] = [
  { id: 'ledger', secret: 'the ledger secret of these tests, long enough' },
];

export function memory(): Promise<StoreAtHand> {
  const store = new MemoryStore();
  const { sessions } = store as unknown as { sessions: Record<string, string> };
  return Promise.resolve({
    store,
    ledger: memoryLedger(),
    texts: () => Promise.resolve(new Map(Object.entries(sessions))),
    clear() {
      for (const id of Object.keys(sessions)) Reflect.deleteProperty(sessions, id);
      return Promise.resolve();
    },
  });
}

/** Sessions and ledger share one Redis and one client. */
export async function redis(): Promise<StoreAtHand> {
  const server = await startRedis();
  const client = createClient({ url: server.url });
  client.on('error', () => undefined);
  cleanup(() => client.destroy());
  await client.connect();
  return {
    store: new RedisStore({ client, prefix: 'sess:' }),
    ledger: patientLedger({ sendCommand: (...args) => client.sendCommand(args), encryptionKeys: LEDGER_KEYS }),
    async texts() {
      const keys = await client.keys('sess:*');
      const entries = keys.map(async (key) => [key.slice('sess:'.length), (await client.get(key)) ?? ''] as const);
      return new Map(await Promise.all(entries));
    },
    async clear() {
      await client.flushAll();
    },
  };
}

export async function postgres(): Promise<StoreAtHand> {
  const server = await startPostgres();
  const pool = new Pool(server.connection);
  // Connections that end with the server are no failure.
  pool.on('error', () => undefined);
  cleanup(() => pool.end());
  await pool.query(readFileSync(join(dirname(require.resolve('connect-pg-simple')), 'table.sql'), 'utf8'));
  return {
    store: new (connectPgSimple(session))({ pool, pruneSessionInterval: false }),
    ledger: memoryLedger(),
    async texts() {
      const { rows } = await pool.query<{ sid: string; sess: string }>('SELECT sid, sess::text AS sess FROM session');
      return new Map(rows.map(({ sid, sess }) => [sid, sess]));
    },
    async clear() {
      await pool.query('DELETE FROM session');
    },
  };
}
