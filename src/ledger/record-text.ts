import { isFields, own, ownOnly, type Fields } from '../base/own';
import { NOTHING, type LedgerRecord } from './record';

/** A record with the time when it expires. */
export interface Kept {
  readonly record: LedgerRecord;
  /** In milliseconds of the ledger's clock; from then on the record does not count. */
  readonly untilMs: number;
}

/** Another release may write another form, which this one must not misread. */
const VERSION = 1;
const STATES: readonly unknown[] = [
  'idle',
  'pending',
  'backoff',
  'dead',
  'revoked',
  'claimed',
] satisfies LedgerRecord['state'][];

/** A record as JSON text, with only the members that differ from {@link NOTHING}. */
export function toText({ record, untilMs }: Kept): string {
  const changed = Object.entries(record).filter(([name, value]) => value !== NOTHING[name as keyof LedgerRecord]);
  return JSON.stringify({ v: VERSION, untilMs, record: Object.fromEntries(changed) });
}

/** Reads what {@link toText} has written. @returns undefined for anything else */
export function fromText(text: unknown): Kept | undefined {
  const kept = typeof text === 'string' ? parsed(text) : undefined;
  if (!isFields(kept) || own(kept, 'v') !== VERSION) return undefined;
  const untilMs = own(kept, 'untilMs');
  const fields = own(kept, 'record');
  const record = isFields(fields) ? ownOnly({ ...NOTHING, ...fields }) : undefined;
  return isRecord(record) && isNumber(untilMs) ? { record, untilMs } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(fields: Fields | undefined): fields is Fields & LedgerRecord {
  if (fields === undefined) return false;
  const { state, box, claimant, refusedAt, ambiguous, ended, error } = fields;
  const { generation, fence, deadline, attempts, refusals } = fields;
  return (
    STATES.includes(state) &&
    [generation, fence, deadline, attempts, refusals, refusedAt ?? 0].every(isNumber) &&
    [ambiguous, ended].every((flag) => typeof flag === 'boolean') &&
    [claimant ?? '', error].every((word) => typeof word === 'string') &&
    (box === undefined || isBox(box))
  );
}

function isBox(value: unknown): boolean {
  if (!isFields(value)) return false;
  return typeof own(value, 'text') === 'string' && ['fence', 'settledAt'].every((name) => isNumber(own(value, name)));
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}
