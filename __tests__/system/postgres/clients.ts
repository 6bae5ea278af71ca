import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { Pool } from 'pg';
import postgres from 'postgres';
import { cleanup } from '../../support/cleanup';
import type { PostgresServer } from '../../support/postgres';

/** As an app passes it. */
export type Query = (text: string, values: string[]) => PromiseLike<unknown>;

type Connection = PostgresServer['connection'];

/** Each as docs/postgres.md has it; it ends with the test or the file that makes it. */
export const CLIENTS: Readonly<Record<string, (connection: Connection) => Query>> = {
  pg: (connection) => pgPool(connection, 5),
  'pg, a pool of one': (connection) => pgPool(connection, 1),
  postgres({ host, port, user, database }) {
    const client = postgres({ host, port, user, database, prepare: false, max: 5, onnotice: () => undefined });
    cleanup(() => client.end());
    return (text, values) => client.unsafe(text, values);
  },
  Knex(connection) {
    const db = knex({ client: 'pg', connection, pool: { min: 0, max: 5 } });
    cleanup(() => db.destroy());
    return (text, values) => db.raw(text.replaceAll(/\$\d+/gu, '?'), values);
  },
  Drizzle(connection) {
    const pool = poolOf(connection, 5);
    const db = drizzle(pool);
    return (text, values) => {
      const [first = '', ...rest] = text.split(/\$\d+/u);
      return db.execute(rest.reduce((sum, part, at) => sql`${sum}${values[at]}${sql.raw(part)}`, sql.raw(first)));
    };
  },
};

function pgPool(connection: Connection, max: number): Query {
  const pool = poolOf(connection, max);
  return (text, values) => pool.query(text, values);
}

/** A pool that ends with the test or the file, and that survives the end of the server. */
export function poolOf(connection: Connection, max = 5): Pool {
  const pool = new Pool({ ...connection, max });
  pool.on('error', () => undefined);
  cleanup(() => pool.end());
  return pool;
}

/** Of docs/postgres.md. */
export const TABLES = `
CREATE TABLE connect_auth_ledger (
  key        text COLLATE "C" PRIMARY KEY,
  record     text NOT NULL,
  version    text NOT NULL,
  expires_ms double precision NOT NULL
);
CREATE INDEX connect_auth_ledger_expires_ms ON connect_auth_ledger (expires_ms);
CREATE TABLE connect_auth_connections (
  owner   text COLLATE "C" PRIMARY KEY,
  record  text NOT NULL,
  version text NOT NULL
);`;
