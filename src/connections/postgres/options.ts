import type { PostgresQuery } from '../../ledger/postgres/options';
import type { EncryptionKey } from '../../session/seal';

/** What an app passes to `postgresConnections()`. */
export interface PostgresConnectionsOptions {
  /**
   * Sends one SQL statement with its parameters, all of them text, and resolves with the rows, or with `{ rows }`: the
   * same function as for `postgresLedger()`.
   */
  readonly query: PostgresQuery;
  /**
   * 1–10 keys: the first one seals records, any of them opens them. To rotate, deploy twice: add the new key at the end in
   * every process, then move it to the front. Keep the old one for as long as records sealed with it live.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
  /**
   * Name of the table, case-sensitive; `schema.table` if the search path does not include it.
   * @defaultValue `'connect_auth_connections'`
   */
  readonly table?: string | undefined;
  /** Milliseconds that one operation may take, 50–5000. @defaultValue `1000` */
  readonly queryTimeoutMs?: number | undefined;
}
