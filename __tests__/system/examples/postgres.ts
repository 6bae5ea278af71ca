import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { root } from '../../support/packed';
import { startPostgres } from '../../support/postgres';
import { describeInPostgres } from '../../support/requires';
import { poolOf, TABLES } from '../postgres/clients';
import type { Stage } from './stage';

/** A database as good as new, and the variable by which a program finds it. */
async function startDatabase(): Promise<{ readonly pool: Pool; readonly env: { readonly DATABASE_URL: string } }> {
  const { connection } = await startPostgres();
  const { host, user, database } = connection;
  const DATABASE_URL = `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`;
  return { pool: poolOf(connection), env: { DATABASE_URL } };
}

/** The same with the tables of docs/postgres.md. */
export async function startPrepared(): Promise<Readonly<Record<string, string>>> {
  const { pool, env } = await startDatabase();
  await pool.query(TABLES);
  return env;
}

/** What the example "postgres" promises beyond "jobs". @param stageOf - asked in the tests, when there is one */
export function describePostgres(stageOf: () => Stage): void {
  const textOf = (name: string, file: string): string => readFileSync(join(root, 'examples', name, file), 'utf8');

  describe('the folder of postgres', () => {
    test('has the SQL of docs/postgres.md', () => {
      expect(textOf('postgres', 'tables.sql').replaceAll(' IF NOT EXISTS', '')).toBe(TABLES);
    });

    test('has the programs of jobs, but for what is said to differ', () => {
      const programs = readdirSync(join(root, 'examples/jobs')).filter((file) => file.endsWith('.mjs'));
      const different = programs.filter((file) => textOf('jobs', file) !== textOf('postgres', file));
      expect(programs.length).toBeGreaterThan(4);
      expect(different).toEqual(['connect.mjs', 'store.mjs']);
      for (const file of different) expect(textOf('postgres', 'README.md')).toContain(`\`${file}\``);
    });
  });

  describeInPostgres('postgres in a database of your own', () => {
    test('makes its tables where they are missing, and says which database it is, but not its password', async () => {
      const { pool, env } = await startDatabase();
      const DATABASE_URL = env.DATABASE_URL.replace('app@', 'app:secret-of-mine@');
      const tables = async (): Promise<readonly string[]> => {
        const { rows } = await pool.query<{ readonly name: string }>(
          "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        );
        return rows.map(({ name }) => name);
      };
      for (const before of [[], ['connect_auth_connections', 'connect_auth_ledger']]) {
        expect(await tables()).toEqual(before);
        const example = await stageOf().example('postgres', { DATABASE_URL });
        await example.saying(/^worker: grace is not connected$/mu);
        const { exitCode, output } = await example.stop();
        expect(exitCode).toBe(0);
        expect(output).toMatch(/^ {2}Postgres {2}the one of DATABASE_URL$/mu);
        expect(output).not.toContain('secret-of-mine');
      }
    });

    test('says what keeps it from making them', async () => {
      const { pool, env } = await startDatabase();
      await pool.query('ALTER ROLE app SET default_transaction_read_only = on');
      const { exitCode, output } = await stageOf()
        .node(['examples/run.mjs', 'postgres'], { PORT: '0', ...env })
        .ended();
      expect({ exitCode, output }).toEqual({
        exitCode: 1,
        output: expect.stringContaining(
          'The tables cannot be made in that database: cannot execute CREATE TABLE',
        ) as unknown,
      });
    });
  });

  describe('without PostgreSQL', () => {
    test('postgres says what to install', async () => {
      const { exitCode, output } = await stageOf()
        .node(['examples/run.mjs', 'postgres'], { PORT: '0', POSTGRES_BIN_PATH: join(stageOf().folder, 'nowhere') })
        .ended();
      expect({ exitCode, output }).toEqual({
        exitCode: 1,
        output: expect.stringContaining('apt install postgresql') as unknown,
      });
    });
  });
}
