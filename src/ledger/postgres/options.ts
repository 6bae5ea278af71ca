import { only, type Read, type Row } from '../../checks/table';
import { isWholeNumber } from '../../checks/values';
import { KEY_RING_HINT, readKeyRing, type EncryptionKey } from '../../session/seal';

/**
 * Sends one SQL statement with its parameters `$1`, `$2` …, each used once and in this order, and resolves with its
 * rows as objects, or with an object that has them as `rows`.
 */
export type PostgresQuery = (text: string, values: string[]) => PromiseLike<unknown>;

/** What an app passes to `postgresLedger()`. */
export interface PostgresLedgerOptions {
  /**
   * Sends one SQL statement with its parameters, all of them text, and resolves with the rows, or with `{ rows }`. It
   * must reach the server that accepts writes, not a replica.
   * pg: `(text, values) => pool.query(text, values)`; postgres: `(text, values) => sql.unsafe(text, values)`. For Knex,
   * Drizzle and Prisma see docs/postgres.md.
   */
  readonly query: PostgresQuery;
  /**
   * 1–10 keys: the first one seals token sets, any of them opens them. To rotate, deploy twice: add the new key at the
   * end in every process, then move it to the front. Keep the old one for as long as records sealed with it live.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
  /**
   * Name of the table, case-sensitive; `schema.table` if the search path does not include it.
   * @defaultValue `'connect_auth_ledger'`
   */
  readonly table?: string | undefined;
  /**
   * Milliseconds that one operation may take, 50–5000; each takes two statements, and more only while others write the
   * same record.
   * @defaultValue `1000`
   */
  readonly queryTimeoutMs?: number | undefined;
}

const NAME = /^[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62})?$/u;

/** The options of everything that keeps data in PostgreSQL; the table's default name is the ledger's. */
export const POSTGRES_TABLE = {
  query: {
    read: only((value): value is PostgresQuery => typeof value === 'function'),
    expected: 'a function that sends one SQL statement with its values to PostgreSQL and gives its rows',
    isRequired: true,
  },
  encryptionKeys: { read: readKeyRing, expected: KEY_RING_HINT, isRequired: true },
  table: {
    read: only((value): value is string => typeof value === 'string' && NAME.test(value)),
    expected: 'the name of a table, or schema.table: letters, digits and _',
    default: 'connect_auth_ledger',
  },
  queryTimeoutMs: {
    read: only((value): value is number => isWholeNumber(value, 50, 5000)),
    expected: 'whole milliseconds, 50–5000',
    default: 1000,
  },
} as const satisfies Readonly<Record<keyof PostgresLedgerOptions, Row>>;

/** Checked options, with every default filled in. */
export type PostgresConfig = Read<typeof POSTGRES_TABLE>;

/** The name of a table, quoted so that SQL takes it unchanged. */
export function quoted(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
}
