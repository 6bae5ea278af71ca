import { ownOnly } from '../base/own';
import { ConnectError } from '../errors/connect-error';
import { ledgerError } from './ledger-error';
import type { LedgerRecord, Step } from './record';
import { fromText, toText, type Kept } from './record-text';
import type { RecordChange, UpdateRecord } from './update';

/** Prefix of the names of `once`, so that they never equal a connection's key. */
const NAMES = 'once:';

/** The key of a name that is claimed once. */
export function keyOfName(name: string): string {
  return `${NAMES}${name}`;
}

const WHAT = {
  idle: 'record',
  pending: 'refresh',
  backoff: 'record',
  dead: 'record',
  revoked: 'tombstone',
  claimed: 'claim',
} as const satisfies Readonly<Record<LedgerRecord['state'], RecordChange['what']>>;

/** One step on one record. */
export interface Replacement<Answer> {
  readonly key: string;
  /** Milliseconds to keep the record that the rule gives; an earlier promise is never shortened. */
  readonly keepMs: number;
  /** Decides by the known record; an expired one is not known. */
  readonly rule: (record: LedgerRecord | undefined, nowMs: number) => Step<Answer>;
}

/**
 * Has a database carry out one step, however often it runs the step.
 * @returns the answer of the run that the database has stored
 * @throws ConnectError `ERR_CONNECT_LEDGER` when it is not certain that it was stored
 */
export async function replace<Answer>(
  update: UpdateRecord,
  { key, keepMs, rule }: Replacement<Answer>,
): Promise<Answer> {
  // Compared by identity: only code that has run the step can resolve with it.
  let last: { readonly of: Answer } | undefined;

  function step(text: string | undefined, time: number): RecordChange {
    last = undefined;
    const nowMs = wholeMs(time);
    const known = text === undefined ? undefined : living(fromText(text), key.startsWith(NAMES), nowMs);
    const { answer, record } = ownOnly(rule(known?.record, nowMs));
    last = { of: answer };
    if (record === undefined) return { answer: last, record, keepMs: 0, what: undefined };
    const untilMs = Math.max(known?.untilMs ?? nowMs, nowMs + Math.ceil(keepMs));
    return { answer: last, record: toText({ record, untilMs }), keepMs: untilMs - nowMs, what: WHAT[record.state] };
  }

  let answered: unknown;
  try {
    answered = await update(key, step);
  } catch (error) {
    // The database's own error may hold its address, its password and what was sent.
    throw error instanceof ConnectError ? error : ledgerError('refused', NOT_DONE);
  }
  if (last === undefined || answered !== last) throw ledgerError('answer', NOT_ITS_ANSWER);
  return last.of;
}

const NOT_DONE = 'update() of recordLedger() has failed: let it log its own error before it rethrows it.';
const NOT_ITS_ANSWER = 'update() of recordLedger() must resolve with the unchanged answer of the last run of its step.';
const NOT_A_TIME = 'update() of recordLedger() must call its step with the time in milliseconds, as a number.';
const NOT_OURS =
  'A record of the ledger is not as it was stored: its database, or update() of recordLedger(), must return the text ' +
  'unchanged, and undefined only if there is none. A newer release of this package may also have written it.';

function wholeMs(time: number): number {
  if (!Number.isFinite(time)) throw ledgerError('answer', NOT_A_TIME);
  return Math.floor(time);
}

function living(kept: Kept | undefined, isName: boolean, nowMs: number): Kept | undefined {
  if (kept === undefined || (kept.record.state === 'claimed') !== isName) throw ledgerError('answer', NOT_OURS);
  return kept.untilMs > nowMs ? kept : undefined;
}
