import { dumpOf as pgDumpOf, startPostgres, type PostgresServer } from '../../support/postgres';
import { startPgBouncer } from '../../support/pgbouncer';
import { startRedis, startRedisProxy, type RedisServer } from '../../support/redis-server';
import { describeInPgBouncer, describeInRedis } from '../../support/requires';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy';
import { poolOf, TABLES } from '../postgres/clients';
import type { Coordination } from './cluster';
import { ledgerInPostgres, ledgerInRedis, type LedgerView } from './ledger-view';
import { dumpOf } from './stored';

/** Where the processes keep ledger and connections; sessions are in a Redis of their own. */
export interface Backend {
  readonly name: 'redis' | 'postgres';
  /** How the processes reach it: by {@link Backend.way}. */
  readonly coordination: Coordination;
  readonly way: TcpProxy;
  readonly ledger: LedgerView;
  /** A user's connection as it is stored; `undefined`: there is none. */
  connectionOf(user: string): Promise<string | undefined>;
  /** Loses what the ledger knows, and no connection. */
  emptyLedger(): Promise<void>;
  /** Loses everything. */
  empty(): Promise<void>;
  /** All of it, as somebody finds it who has a copy of the database. */
  dump(): Promise<string>;
}

/** What both databases can do; it ends with the test or the file that starts it. */
export type StartBackend = () => Promise<Backend>;

/** Runs the suite once for each database, where it is installed. */
export function describeOnEach(title: string, suite: (start: StartBackend) => void): void {
  describeInRedis(title, () => {
    describe('ledger and connections in Redis', () => suite(startRedisBackend));
    describeInPgBouncer('ledger and connections in PostgreSQL, by PgBouncer', () => suite(startPostgresBackend));
  });
}

export interface RedisBackend extends Backend {
  readonly server: RedisServer;
}

export async function startRedisBackend(): Promise<RedisBackend> {
  const server = await startRedis();
  const way = await startRedisProxy(server.port);
  const named = (user: string): string => `connect-auth:owner:${user}`;
  return {
    name: 'redis',
    coordination: { redis: way.url },
    way,
    ledger: ledgerInRedis(server),
    server,
    async connectionOf(user) {
      const words = (await server.command('HGETALL', named(user))) as readonly string[];
      return words.length === 0 ? undefined : words.join('\n');
    },
    async emptyLedger() {
      const keys = (await server.command('KEYS', 'connect-auth:*')) as readonly string[];
      const ofLedger = keys.filter((key) => !key.startsWith(named('')));
      if (ofLedger.length > 0) await server.command('DEL', ...ofLedger);
    },
    async empty() {
      await server.command('FLUSHALL');
    },
    dump: () => dumpOf(server),
  };
}

export interface PostgresBackend extends Backend {
  readonly server: PostgresServer;
  /** One statement, straight to the server. @returns the rows */
  readonly statement: (text: string) => Promise<readonly unknown[]>;
}

/** Connections of each process, and of PgBouncer to the server. */
const POOL_SIZE = 5;
const SERVER_CONNECTIONS = 2;

/** @param by - PgBouncer in transaction mode, or nothing but a pool of one connection in each process */
export async function startPostgresBackend(by: 'PgBouncer' | 'a pool of one' = 'PgBouncer'): Promise<PostgresBackend> {
  const server = await startPostgres();
  const { host, port, user, database } =
    by === 'PgBouncer' ? await startPgBouncer(server, SERVER_CONNECTIONS) : server.connection;
  const way = await startTcpProxy({ path: `${host}/.s.PGSQL.${port}` });
  const pool = poolOf(server.connection, 2);
  await pool.query(TABLES);
  return {
    name: 'postgres',
    coordination: {
      postgres: { host: '127.0.0.1', port: way.port, user, database, max: by === 'PgBouncer' ? POOL_SIZE : 1 },
    },
    way,
    ledger: ledgerInPostgres(pool),
    server,
    statement: async (text) => (await pool.query<Record<string, unknown>>(text)).rows,
    async connectionOf(owner) {
      const { rows } = await pool.query<{ record: string }>(
        'SELECT version || record AS record FROM connect_auth_connections WHERE owner = $1',
        [owner],
      );
      return rows[0]?.record;
    },
    async emptyLedger() {
      await pool.query('DELETE FROM connect_auth_ledger');
    },
    async empty() {
      await pool.query('DELETE FROM connect_auth_ledger');
      await pool.query('DELETE FROM connect_auth_connections');
    },
    dump: () => pgDumpOf(server),
  };
}
