import { setImmediate as oneTurn } from 'node:timers/promises';
import { inTime } from '../../base/in-time';
import { isFields, own, ownData, type Fields } from '../../base/own';
import { ConnectError } from '../../errors/connect-error';
import type { PostgresConfig } from './options';

/** Who talks to PostgreSQL, and how it makes its errors. */
export interface Asker {
  /** Name of the package's function. */
  readonly name: string;
  /**
   * @param fault - `timeout`: no answer in time; `failed`: not carried out; `setup`: not carried out until somebody
   * fixes the set-up; `answer`: not an answer to the statement
   * @param message - free of addresses, keys and values
   */
  readonly error: (fault: 'timeout' | 'failed' | 'setup' | 'answer', message: string) => ConnectError;
}

/** Sends one statement. @param values - for `$1`, `$2` …, each used once in the text, in this order */
export type Send = (text: string, values: readonly string[]) => Promise<readonly Fields[]>;

/** Talks to PostgreSQL within a time limit, whatever the settings of client and pool are. */
export interface Statements {
  /** Runs an operation within its time. Once that is over, `send` sends nothing more for it. */
  readonly operation: <Done>(work: (send: Send) => Promise<Done>) => Promise<Done>;
}

/**
 * Codes that mean "nothing was done; the same statement may succeed now": from PostgreSQL's documentation, appendix
 * "Error Codes", and Prisma's name for the two.
 */
const AGAIN: readonly unknown[] = ['40001', '40P01', 'P2034'];
/** How often a statement is sent in such a case. */
const TRIES = 5;

/**
 * Every operation rejects with the asker's error, free of addresses, keys and values, if PostgreSQL does not carry it
 * out.
 */
export function postgresStatements(
  { query, queryTimeoutMs }: Pick<PostgresConfig, 'query' | 'queryTimeoutMs'>,
  { name, error }: Asker,
): Statements {
  async function sent(text: string, values: readonly string[], isOver: () => boolean): Promise<readonly Fields[]> {
    for (let tries = 1; ; tries += 1) {
      if (isOver()) throw notDone();
      try {
        return rowsOf(await query(text, [...values]));
      } catch (fault) {
        if (fault instanceof ConnectError) throw fault;
        const state = stateOf(fault);
        if (!AGAIN.includes(state) || tries === TRIES) throw notDone(state);
      }
      await oneTurn();
    }
  }

  function notDone(state?: string): ConnectError {
    const cure = state === undefined ? undefined : CURES.get(state);
    if (cure === undefined) return error('failed', state === undefined ? AWAY : `${AWAY} (${state})`);
    return error('setup', `${name}() ${cure} (SQLSTATE ${state}).`);
  }

  function rowsOf(answer: unknown): readonly Fields[] {
    const rows: unknown = isFields(answer) ? own(answer, 'rows') : answer;
    if (Array.isArray(rows) && rows.every(isFields)) return rows;
    throw unreadable({ name, error });
  }

  return Object.freeze({
    operation: <Done>(work: (send: Send) => Promise<Done>): Promise<Done> =>
      inTime(
        queryTimeoutMs,
        (isOver) => work((text, values) => sent(text, values, isOver)),
        () => {
          throw error('timeout', `PostgreSQL did not answer within ${queryTimeoutMs} ms.`);
        },
      ),
  });
}

const AWAY =
  'PostgreSQL cannot be reached or did not carry the statement out: query has rejected, so let it log its error, and ' +
  'check the log of the server';

/** Faults of the set-up, which stay until somebody fixes them. */
const NO_TABLE = 'does not find its table with the columns that it needs: create it as docs/postgres.md shows';
const NO_ENTRY = 'needs a user that the server accepts: check user and password of the pool, and pg_hba.conf';
const CURES: ReadonlyMap<string, string> = new Map([
  ['42P01', NO_TABLE],
  ['42703', NO_TABLE],
  ['3F000', NO_TABLE],
  ['42P10', NO_TABLE],
  ['28P01', NO_ENTRY],
  ['28000', NO_ENTRY],
  ['3D000', 'needs a database that exists: check which one the pool connects to'],
  ['42501', 'needs the rights SELECT, INSERT, UPDATE and DELETE on its table: grant them'],
  ['25006', 'needs a server that accepts writes: query reaches a replica or a read-only server'],
]);

/**
 * Where Prisma, Drizzle and the clients put the server's code; Prisma also has a code of its own, which looks the same.
 */
function stateOf(fault: unknown): string | undefined {
  const places = [inside(fault, 'meta'), inside(fault, 'cause'), fault];
  const codes = places.map((place) => inside(place, 'code'));
  // The server's code, else Node's, which says why the server could not be reached.
  const words = codes.filter((code) => typeof code === 'string');
  return words.find((code) => /^[0-9A-Z]{5}$/u.test(code)) ?? words.find((code) => /^E[A-Z_]{3,30}$/u.test(code));
}

function inside(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? ownData(value, name) : undefined;
}

/** The error for an answer that does not fit the statement. */
export function unreadable({ name, error }: Asker): ConnectError {
  return error(
    'answer',
    `PostgreSQL's answer does not fit the statement of ${name}(): query must resolve with the rows as objects, or ` +
      'with { rows }.',
  );
}
