import { setImmediate as oneTurn } from 'node:timers/promises';
import { inTime } from '../../base/in-time';
import { isFields, own, ownData, type Fields } from '../../base/own';
import { ConnectError } from '../../errors/connect-error';
import type { PostgresConfig } from './options';

/** Who talks to PostgreSQL: what its errors are like. */
export interface Asker {
  /** Name of our function. */
  readonly name: string;
  /**
   * @param fault - `timeout`: no answer in time; `failed`: not carried out; `setup`: not carried out, and not before somebody
   * mends the set-up; `answer`: not an answer to what was asked
   * @param message - free of addresses, keys and values
   */
  readonly error: (fault: 'timeout' | 'failed' | 'setup' | 'answer', message: string) => ConnectError;
}

/** Sends one statement. @param values - for `$1`, `$2` …, which stand in the text once each, in this order */
export type Send = (text: string, values: readonly string[]) => Promise<readonly Fields[]>;

/** Talks to PostgreSQL within a time of ours, whatever the settings of client and pool are. */
export interface Statements {
  /** Gives an operation its time. Once that is over, `send` sends nothing more for it. */
  readonly operation: <Done>(work: (send: Send) => Promise<Done>) => Promise<Done>;
}

/**
 * Nothing was done, and the same statement may succeed now: of PostgreSQL's documentation, appendix "Error Codes", and what
 * Prisma makes of the two.
 */
const AGAIN: readonly unknown[] = ['40001', '40P01', 'P2034'];
/** Sent so often for that. */
const TRIES = 5;

/** Every operation rejects with the asker's error, free of addresses, keys and values, when PostgreSQL does not do it. */
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
  'PostgreSQL is away or does not carry the statement out: query has rejected, so let it log what with, and look at the ' +
  'log of the server';

/** Faults of the set-up, which stay until somebody mends them. */
const NO_TABLE = 'does not find its table, with the columns that it needs: create it as docs/postgres.md shows';
const NO_ENTRY = 'needs a user whom the server lets in: look at user and password of the pool, and at pg_hba.conf';
const CURES: ReadonlyMap<string, string> = new Map([
  ['42P01', NO_TABLE],
  ['42703', NO_TABLE],
  ['3F000', NO_TABLE],
  ['42P10', NO_TABLE],
  ['28P01', NO_ENTRY],
  ['28000', NO_ENTRY],
  ['3D000', 'needs a database that exists: look at what the pool connects to'],
  ['42501', 'needs the rights SELECT, INSERT, UPDATE and DELETE on its table'],
  ['25006', 'needs a server that writes: query reaches a replica, or one that is set to read only'],
]);

/** Where Prisma, Drizzle and the clients put the server's code; Prisma has one of its own, which looks the same. */
function stateOf(fault: unknown): string | undefined {
  const places = [inside(fault, 'meta'), inside(fault, 'cause'), fault];
  const codes = places.map((place) => inside(place, 'code'));
  // Of the server, else of Node: why it could not be reached.
  const words = codes.filter((code) => typeof code === 'string');
  return words.find((code) => /^[0-9A-Z]{5}$/u.test(code)) ?? words.find((code) => /^E[A-Z_]{3,30}$/u.test(code));
}

function inside(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? ownData(value, name) : undefined;
}

/** The error for an answer that is none of ours. */
export function unreadable({ name, error }: Asker): ConnectError {
  return error(
    'answer',
    `PostgreSQL answered with something else than ${name}() asks for: query must resolve with the rows as objects, or ` +
      'with { rows }.',
  );
}
