import {
  DEAD_PROBE_MS,
  REFUSED_FOR_MS,
  REFUSED_TRIES,
  type Acquired,
  type Failed,
  type LedgerClaim,
  type LedgerFailure,
  type LedgerSuccess,
  type Revoked,
  type Settled,
} from './ledger';

/** What a ledger knows about one connection, or that a name has been claimed. Times in milliseconds of the ledger's own clock. */
export interface LedgerRecord {
  readonly state: 'idle' | 'pending' | 'backoff' | 'dead' | 'revoked' | 'claimed';
  readonly generation: number;
  /** The token set of `generation`; absent during the first refresh that this record knows of. */
  readonly box?: { readonly text: string; readonly fence: number; readonly settledAt: number } | undefined;
  /** Only while pending. */
  readonly claimant?: string | undefined;
  /** Counts the claims. */
  readonly fence: number;
  /** End of the lease, of the back-off, or of the time before a dead connection is probed. */
  readonly deadline: number;
  readonly ambiguous: boolean;
  readonly attempts: number;
  /** Refusals since the last success; `refusedAt`: when the first of them came. */
  readonly refusals: number;
  readonly refusedAt?: number | undefined;
  /** Whether it was dead before the pending claim, which is a probe. */
  readonly ended: boolean;
  readonly error: string;
}

/** An answer, and the record that replaces the old one; absent if nothing changes. */
export interface Step<Answer> {
  readonly answer: Answer;
  readonly record?: LedgerRecord;
}

/** The record of a connection about which nothing is known. */
export const NOTHING: LedgerRecord = {
  state: 'idle',
  generation: -1,
  box: undefined,
  claimant: undefined,
  refusedAt: undefined,
  fence: 0,
  deadline: 0,
  ambiguous: false,
  attempts: 0,
  refusals: 0,
  ended: false,
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
      // If the answer to a claim was lost, its own claimant must not be locked out.
      const again = record.claimant === claim.claimant && record.generation === claim.generation;
      return again ? win(record, claim, now, record.fence) : { answer: { kind: 'wait', ms } };
    }
  }
  // A newer generation without a box remains if a record was lost and its next claimant crashed. The caller's token has
  // been presented before, by the process that made that generation.
  const ambiguous = record.ambiguous || record.state === 'pending' || record.generation > claim.generation;
  return win({ ...record, ambiguous, ended: record.ended || record.state === 'dead' }, claim, now);
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
  const { ambiguous, attempts, refusals, ended } = before;
  return {
    answer: { kind: 'won', fence, ambiguous, attempts, refusals, ended },
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
  // From here on, somebody else has settled this generation or a later one.
  const other = record.box;
  if (other !== undefined && (generation > success.generation + 1 || other.fence > success.fence)) {
    return { answer: { kind: 'superseded', generation, box: other.text } };
  }
  // The later of two successes stays, and so does the state: otherwise a claim of the next generation would be won
  // twice, and an ambiguous one would look certain although the other token set may have been presented.
  return settled({ ...record, box, fence: Math.max(record.fence, success.fence) });
}

function settled(record: LedgerRecord): Step<Settled> {
  return { answer: { kind: 'settled', generation: record.generation }, record };
}

/** The rules of `fail`. */
export function failStep(before: LedgerRecord | undefined, failure: LedgerFailure, now: number): Step<Failed> {
  if (!holds(before, failure.claimant)) return { answer: 'lost' };
  const record = failure.kind === 'refused' ? refusedOnce(before, now) : before;
  const endsNow = failure.kind === 'terminal' || (failure.kind === 'refused' && isRefusedForGood(record, now));
  const dead = endsNow || record.ended;
  return {
    answer: dead ? 'ended' : 'recorded',
    record: {
      ...record,
      state: dead ? 'dead' : 'backoff',
      claimant: undefined,
      deadline: now + (dead ? DEAD_PROBE_MS : failure.backoffMs),
      ambiguous: record.ambiguous || failure.ambiguous,
      attempts: record.attempts + 1,
      // A probe that fails in another way says nothing new about why the connection ended.
      error: dead && !endsNow ? record.error : failure.error,
    },
  };
}

function refusedOnce(record: LedgerRecord, now: number): LedgerRecord {
  return { ...record, refusals: record.refusals + 1, refusedAt: record.refusedAt ?? now };
}

function isRefusedForGood({ refusals, refusedAt = Infinity }: LedgerRecord, now: number): boolean {
  return refusals >= REFUSED_TRIES && now - refusedAt >= REFUSED_FOR_MS;
}

/** The rules of `renew`. */
export function renewStep(record: LedgerRecord | undefined, claimant: string, deadline: number): Step<boolean> {
  return holds(record, claimant) ? { answer: true, record: { ...record, deadline } } : { answer: false };
}

/** Whether the claim is pending and this claimant's; a lease that expired unnoticed still counts. */
function holds(record: LedgerRecord | undefined, claimant: string): record is LedgerRecord {
  return record?.state === 'pending' && record.claimant === claimant;
}

/** The rules of `revoke`. The record keeps nothing but the state. */
export function revokeStep(before: LedgerRecord | undefined): Step<Revoked> {
  const { state, ended, box } = before ?? NOTHING;
  const first = state !== 'revoked' && state !== 'dead' && !ended;
  return {
    answer: box === undefined ? { first } : { first, box: box.text },
    record: { ...NOTHING, state: 'revoked' },
  };
}

/** The rules of `once`. */
export function onceStep(before: LedgerRecord | undefined): Step<boolean> {
  return before === undefined ? { answer: true, record: { ...NOTHING, state: 'claimed' } } : { answer: false };
}
