import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { Pool } from 'pg';
import postgres from 'postgres';
import { cleanup } from '../../support/cleanup';
import type { PostgresServer } from '../../support/postgres';
import { blocks } from '../docs/markdown';

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
    const db = drizzle(poolOf(connection, 5));
    return (text, values) => db.$client.query(text, values);
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
export const TABLES = tables();

function tables(): string {
  const found = blocks('docs/postgres.md', 'sql').find(({ text }) => text.startsWith('CREATE TABLE'));
  if (found === undefined) throw new Error('docs/postgres.md has no tables');
  return found.text;
}
