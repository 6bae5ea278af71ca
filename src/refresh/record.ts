import {
  DEAD_PROBE_MS,
  type Acquired,
  type LedgerClaim,
  type LedgerFailure,
  type LedgerSuccess,
  type Settled,
} from './ledger';

/** What a ledger knows about one connection. Times in milliseconds of the ledger's own clock. */
export interface LedgerRecord {
  readonly state: 'idle' | 'pending' | 'backoff' | 'dead' | 'revoked';
  readonly generation: number;
  /** The token set of `generation`; absent while the first refresh that this record knows of is under way. */
  readonly box?: { readonly text: string; readonly fence: number; readonly settledAt: number } | undefined;
  /** Only while pending. */
  readonly claimant?: string | undefined;
  /** Counts the claims. */
  readonly fence: number;
  /** End of the lease, of the back-off, or of the time that a dead connection is left alone. */
  readonly deadline: number;
  readonly ambiguous: boolean;
  readonly attempts: number;
  readonly error: string;
}

/** An answer, and the record that replaces the old one; none when nothing changes. */
export interface Step<Answer> {
  readonly answer: Answer;
  readonly record?: LedgerRecord;
}

const NOTHING: LedgerRecord = {
  state: 'idle',
  generation: -1,
  fence: 0,
  deadline: 0,
  ambiguous: false,
  attempts: 0,
  error: '',
};

/** The rules of `acquire`, in the order of its documentation. */
export function acquireStep(record: LedgerRecord | undefined, claim: LedgerClaim, now: number): Step<Acquired> {
  if (record === undefined) return win({ ...NOTHING, generation: claim.generation }, claim, now);
  if (record.state === 'revoked') return { answer: { kind: 'revoked' } };
  const adopted = adoptable(record, claim, now);
  if (adopted !== undefined) return { answer: adopted };
  if (record.generation < claim.generation) {
    return win({ ...NOTHING, generation: claim.generation, fence: record.fence }, claim, now);
  }
  const ms = record.deadline - now;
  if (ms > 0) {
    if (record.state === 'dead') return { answer: { kind: 'dead', error: record.error } };
    if (record.state === 'backoff') return { answer: { kind: 'backoff', ms, error: record.error } };
    if (record.state === 'pending') {
      // An answer that got lost on its way back must not lock its own asker out.
      const again = record.claimant === claim.claimant && record.generation === claim.generation;
      return again ? win(record, claim, now, record.fence) : { answer: { kind: 'wait', ms } };
    }
  }
  // A newer generation whose box is unknown is left when a record was lost and its next claimant, too. The caller's
  // token has been presented before, by whoever made that generation.
  const ambiguous = record.ambiguous || record.state === 'pending' || record.generation > claim.generation;
  return win({ ...record, ambiguous }, claim, now);
}

function adoptable({ box, generation }: LedgerRecord, claim: LedgerClaim, now: number): Acquired | undefined {
  if (box === undefined) return undefined;
  const ageMs = Math.max(0, now - box.settledAt);
  const wanted = generation > claim.generation || (generation === claim.generation && ageMs < claim.minAgeMs);
  return wanted ? { kind: 'adopt', generation, box: box.text, ageMs } : undefined;
}

function win(
  before: LedgerRecord,
  { claimant, leaseMs }: LedgerClaim,
  now: number,
  fence = before.fence + 1,
): Step<Acquired> {
  const { ambiguous, attempts } = before;
  return {
    answer: { kind: 'won', fence, ambiguous, attempts },
    record: { ...before, state: 'pending', claimant, fence, deadline: now + leaseMs },
  };
}

/** The rules of `settle`. */
export function settleStep(before: LedgerRecord | undefined, success: LedgerSuccess, now: number): Step<Settled> {
  const record = before ?? { ...NOTHING, generation: success.generation };
  const { generation, state } = record;
  if (state === 'revoked') return { answer: { kind: 'revoked' } };
  const box = { text: success.box, fence: success.fence, settledAt: now };
  const current = state === 'pending' && record.fence === success.fence;
  if (current || generation <= success.generation) {
    return settled({
      ...NOTHING,
      generation: Math.max(generation, success.generation) + 1,
      box,
      fence: Math.max(record.fence, success.fence),
    });
  }
  // From here on somebody else has brought this generation, or a later one.
  const other = record.box;
  if (other !== undefined && (generation > success.generation + 1 || other.fence > success.fence)) {
    return { answer: { kind: 'superseded', generation, box: other.text } };
  }
  // The later success of the two stays, and the state too: a claim of the next generation would be won twice otherwise,
  // and an ambiguous one would look sure, although the other token set may have been presented.
  return settled({ ...record, box, fence: Math.max(record.fence, success.fence) });
}

function settled(record: LedgerRecord): Step<Settled> {
  return { answer: { kind: 'settled', generation: record.generation }, record };
}

/** The rules of `fail`. @returns the new record, or undefined when the failure does not count */
export function failStep(
  record: LedgerRecord | undefined,
  failure: LedgerFailure,
  now: number,
): LedgerRecord | undefined {
  if (!holds(record, failure.claimant)) return undefined;
  const terminal = failure.kind === 'terminal';
  return {
    ...record,
    state: terminal ? 'dead' : 'backoff',
    claimant: undefined,
    deadline: now + (terminal ? DEAD_PROBE_MS : failure.backoffMs),
    ambiguous: record.ambiguous || failure.ambiguous,
    attempts: record.attempts + 1,
    error: failure.error,
  };
}

/** Whether the claim is pending and this claimant's; a lease that ran out unnoticed still counts. */
export function holds(record: LedgerRecord | undefined, claimant: string): record is LedgerRecord {
  return record?.state === 'pending' && record.claimant === claimant;
}

/** What is left of a connection that has ended: no token set. */
export function tombstone(record: LedgerRecord | undefined): LedgerRecord {
  const { generation, fence } = record ?? NOTHING;
  return { ...NOTHING, state: 'revoked', generation, fence };
}
