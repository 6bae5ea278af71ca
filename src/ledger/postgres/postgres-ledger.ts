import { setImmediate as oneTurn } from 'node:timers/promises';
import { readTable } from '../../checks/table';
import { own } from '../../base/own';
import { debug } from '../../errors/debug';
import { newVersion } from '../../base/version';
import { ledgerBySteps } from '../ledger-by-steps';
import type { RefreshLedger } from '../ledger';
import { ledgerError } from '../ledger-error';
import { BRIEFLY_MS } from '../retention';
import { sealedBoxes } from '../sealed-box';
import type { UpdateRecord } from '../update';
import { POSTGRES_TABLE, quoted, type PostgresLedgerOptions } from './options';
import { postgresStatements, unreadable, type Asker, type Send } from './statements';

const LEDGER: Asker = {
  name: 'postgresLedger',
  error: (fault, message) => ledgerError(fault === 'failed' ? 'refused' : fault, message),
};

/** Milliseconds between two deletions of expired rows by this process … */
const SWEEP_EVERY_MS = 60_000;
/** … each of at most this many rows. If it reaches that number, the next write deletes more. */
const SWEPT_AT_ONCE = 100;

/**
 * Coordinates the refreshes of all processes that share a PostgreSQL (12 or newer): one row per connection; each
 * operation is one statement that reads and, if something changes, one that writes unless somebody else has written
 * since. Token sets are sealed with AES-256-GCM. No transaction, lock or prepared statement outlives a statement, so a
 * pool of one connection is enough, and PgBouncer in transaction mode works. An operation rejects within
 * `queryTimeoutMs` if PostgreSQL does not carry it out, or if it finds a token set that no key opens. For the table see
 * docs/postgres.md.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 * @example
 * const ledger = postgresLedger({ query: (text, values) => pool.query(text, values), encryptionKeys });
 * app.use(connectAuth({ ...connectOptionsFromEnv(), ledger }));
 */
export function postgresLedger(options: PostgresLedgerOptions): RefreshLedger {
  const config = readTable('postgresLedger', POSTGRES_TABLE, options);
  const { operation } = postgresStatements(config, LEDGER);
  const { read, insert, replace, sweep } = statementsOn(quoted(config.table));
  let sweptAt = -Infinity;

  const update: UpdateRecord = (key, step) =>
    operation(async (send) => {
      for (;;) {
        const { nowMs, record: old, version } = readRow(await send(read, [key]));
        const { answer, record, keepMs } = step(old, nowMs);
        // The caller has only looked: that does not need a row.
        if (record === undefined || (version === undefined && keepMs <= BRIEFLY_MS)) return answer;
        const untilMs = String(nowMs + keepMs);
        const next = newVersion();
        const written = await (version === undefined
          ? send(insert, [key, record, next, untilMs])
          : send(replace, [record, next, untilMs, key, version, next]));
        if (written.length > 0) {
          sweepAt(nowMs);
          return answer;
        }
        // Somebody else was faster. One turn, so that timers run whatever query does.
        await oneTurn();
      }
    });

  /** Runs after the operation, in the background: if it fails, the next one makes up for it. */
  function sweepAt(nowMs: number): void {
    if (nowMs - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = nowMs;
    operation((send) => send(sweep, [String(nowMs)])).then(
      (gone) => {
        if (gone.length >= SWEPT_AT_ONCE) sweptAt = -Infinity;
      },
      () => debug('ledger', 'sweep failed'),
    );
  }

  return ledgerBySteps(update, sealedBoxes(config.encryptionKeys));
}

/** Times are milliseconds since 1970, by the clock of the server. Each write has its own version. */
function statementsOn(table: string) {
  return {
    read: `SELECT t.record, t.version, (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
FROM (SELECT $1::text AS key) AS asked LEFT JOIN ${table} AS t ON t.key = asked.key`,
    // If the version is already there, the same statement was carried out before and its answer was lost.
    insert: `INSERT INTO ${table} AS t (key, record, version, expires_ms)
VALUES ($1::text, $2::text, $3::text, $4::text::float8)
ON CONFLICT (key) DO UPDATE SET version = excluded.version WHERE t.version = excluded.version
RETURNING t.key`,
    replace: `UPDATE ${table} AS t SET record = $1::text, version = $2::text, expires_ms = $3::text::float8
WHERE t.key = $4::text AND t.version IN ($5::text, $6::text)
RETURNING t.key`,
    sweep: `DELETE FROM ${table} AS t WHERE t.key IN (
  SELECT s.key FROM ${table} AS s WHERE s.expires_ms < $1::text::float8
  ORDER BY s.expires_ms LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED)
RETURNING t.key`,
  };
}

interface Row {
  readonly nowMs: number;
  readonly record: string | undefined;
  readonly version: string | undefined;
}

/** The one row of `read`: the record under the key, if there is one, and always the time. */
function readRow(rows: Awaited<ReturnType<Send>>): Row {
  const [row = {}] = rows;
  const nowMs = Number(own(row, 'now') ?? Number.NaN);
  const record = own(row, 'record') ?? undefined;
  const version = own(row, 'version') ?? undefined;
  const isWhole = typeof record === typeof version && (record === undefined || typeof record === 'string');
  if (rows.length !== 1 || !Number.isFinite(nowMs) || !isWhole) throw unreadable(LEDGER);
  return { nowMs, record, version } as Row;
}
