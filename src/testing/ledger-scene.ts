import assert from 'node:assert/strict';
import type { Acquired, LedgerClaim, LedgerFailure, RefreshLedger } from '../ledger/ledger';

/** A ledger under test, fresh or at least shared with nobody else. */
export interface LedgerUnderTest {
  /** A ledger that knows nothing under the keys of this case. */
  readonly ledger: RefreshLedger;
  /**
   * Lets this many milliseconds pass for the ledger: moves its clock on, or moves every time that it has stored back.
   * A real clock may tick besides; no case depends on less than 30 seconds.
   */
  readonly advance: (ms: number) => void | Promise<void>;
  /** Called at the end of the case, whatever came of it. */
  readonly close?: (() => void | Promise<void>) | undefined;
}

/** What one case plays with. */
export interface Scene extends LedgerUnderTest {
  readonly key: string;
  readonly claim: (generation: number, claimant: string, more?: Partial<LedgerClaim>) => Promise<Acquired>;
  /** Claims and settles. @returns the fence */
  readonly refresh: (generation: number, claimant: string, box: string) => Promise<number>;
  readonly won: (generation: number, claimant: string) => Promise<Won>;
}

export type Won = Extract<Acquired, { kind: 'won' }>;
export type Play = (scene: Scene) => Promise<void>;

export const LEASE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const RETENTION_MS = 48 * HOUR_MS;
export const DEAD_MS = 600_000;
/** A connection that is refused for this long, and this often, has ended. */
export const REFUSED_MS = 24 * HOUR_MS;
export const REFUSED_TRIES = 8;
/** A claim of a connection that nothing has happened to; its fence aside. */
export const WON = { kind: 'won', ambiguous: false, attempts: 0, refusals: 0, ended: false } as const;
/** What a real clock may have moved on by itself between two steps. */
const SLACK_MS = 20_000;

/** A failure that backs off for two minutes. */
export const transient = (claimant: string, more: Partial<LedgerFailure> = {}): LedgerFailure => ({
  claimant,
  kind: 'transient',
  backoffMs: 120_000,
  error: 'unavailable',
  ambiguous: false,
  retentionMs: RETENTION_MS,
  ...more,
});
/** A refusal of this one connection, which backs off for two minutes. */
export const refused = (claimant: string, more: Partial<LedgerFailure> = {}): LedgerFailure =>
  transient(claimant, { kind: 'refused', error: 'refused', ...more });
/** A failure that ends the connection. */
export const terminal = (claimant: string, more: Partial<LedgerFailure> = {}): LedgerFailure =>
  transient(claimant, { kind: 'terminal', backoffMs: 0, error: 'invalid_grant', ...more });

/** Sets the scene for one case on one key. */
export function scene(made: LedgerUnderTest, key: string): Scene {
  const { ledger } = made;
  const claim: Scene['claim'] = (generation, claimant, more = {}) =>
    ledger.acquire(key, {
      generation,
      claimant,
      leaseMs: LEASE_MS,
      minAgeMs: 0,
      retentionMs: RETENTION_MS,
      ...more,
    });
  const won: Scene['won'] = async (generation, claimant) => {
    const answer = await claim(generation, claimant);
    assert.equal(answer.kind, 'won');
    return answer;
  };
  return {
    ...made,
    key,
    claim,
    won,
    async refresh(generation, claimant, box) {
      const { fence } = await won(generation, claimant);
      assert.deepEqual(await ledger.settle(key, { generation, fence, box, retentionMs: RETENTION_MS }), {
        kind: 'settled',
        generation: generation + 1,
      });
      return fence;
    },
  };
}

/** An answer whose `ms` lies in the last so many milliseconds up to `most`; a real clock may have ticked. */
export function assertTimed(answer: Acquired, expected: object, most: number): void {
  const { ms, ...rest } = answer as { ms: number };
  assert.deepEqual(rest, expected);
  assert.ok(ms > most - SLACK_MS && ms <= most, `${ms} ms is not in the ${SLACK_MS} ms up to ${most}`);
}

/** An answer that hands out this box, of at least this age. */
export function assertAdopts(answer: Acquired, generation: number, box: string, atLeastMs = 0): void {
  const { ageMs, ...rest } = answer as { ageMs: number };
  assert.deepEqual(rest, { kind: 'adopt', generation, box });
  assert.ok(ageMs >= atLeastMs && ageMs < atLeastMs + SLACK_MS, `an age of ${ageMs} ms, not ${atLeastMs}`);
}
