import fc from 'fast-check';
import type { LedgerUnderTest } from '../../src/testing';
import type { runs } from './property';

type Deed =
  | 'acquire'
  | 'renew'
  | 'settle'
  | 'fail'
  | 'fail unsure'
  | 'fail for good'
  | 'refused'
  | 'refused on and on'
  | 'crash'
  | 'revoke'
  | 'time';

interface Step {
  readonly deed: Deed;
  /** Who does it: one of three. */
  readonly actor: number;
  /** Selects among variants of the deed. */
  readonly variant: number;
}

/** What three actors do, in any order. One who is not named for a while is frozen, with what it holds. */
const SCHEDULES: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    deed: fc.oneof(
      { weight: 8, arbitrary: fc.constant<Deed>('acquire') },
      { weight: 9, arbitrary: fc.constantFrom<Deed>('settle', 'time') },
      {
        weight: 4,
        arbitrary: fc.constantFrom<Deed>('renew', 'fail', 'fail unsure', 'fail for good', 'refused', 'crash'),
      },
      { weight: 1, arbitrary: fc.constantFrom<Deed>('revoke', 'refused on and on') },
    ),
    actor: fc.nat({ max: 2 }),
    variant: fc.nat({ max: 3 }),
  }),
  { minLength: 5, maxLength: 60, size: 'max' },
);

const LEASE_MS = 60_000;
const TIMES_MS = [1000, LEASE_MS / 2, LEASE_MS, 600_000];
const DAY_MS = 24 * 3_600_000;
/** Between two refusals of a connection that is refused on and on: four and a half of them are a day. */
const REFUSALS_APART_MS = DAY_MS / 4.5;
const RETENTION_MS = 30 * 24 * 3_600_000;

interface Claim {
  readonly claimant: string;
  readonly generation: number;
  readonly fence: number;
}

interface Actor {
  claimant: string;
  /** Of the session copy that it works with. */
  generation: number;
  claim: Claim | undefined;
}

/** How often things came up, which shows that the schedules reach them. */
type Tally = Record<string, number>;

/** What the schedules are no use without. */
const REACHED = [
  'won, sure',
  'won, ambiguous',
  'adopt',
  'wait',
  'backoff',
  'dead',
  'revoked',
  'settled',
  'superseded',
  'transient failure',
  'terminal failure',
  'refused failure',
  'ended by refusals',
  'probe',
  'failure ignored',
  'renewed',
];

/**
 * Plays random schedules, each on a record of its own.
 * @param make - gives the ledger for the next one
 * @throws Error naming the promise that was broken, and the schedule
 */
export async function playRandomly(
  parameters: ReturnType<typeof runs>,
  make: () => LedgerUnderTest | Promise<LedgerUnderTest>,
): Promise<void> {
  const tally: Tally = {};
  let run = 0;
  await fc.assert(
    fc.asyncProperty(SCHEDULES, async (steps) => {
      run += 1;
      await play(await make(), `key ${run}`, steps, tally);
    }),
    parameters,
  );
  for (const what of REACHED) {
    expect({ what, isCovered: (tally[what] ?? 0) > parameters.numRuns / 100 }).toEqual({ what, isCovered: true });
  }
}

/** Plays one schedule on a fresh record. @throws Error naming the promise that was broken */
async function play(
  { ledger, advance }: LedgerUnderTest,
  key: string,
  steps: readonly Step[],
  tally: Tally,
): Promise<void> {
  const actors = [0, 1, 2].map((at): Actor => ({ claimant: `actor ${at}`, generation: 0, claim: undefined }));
  /** Claims that may have reached the provider, as far as anybody knows. */
  const open = new Map<number, Claim[]>();
  let newest = 0;
  let fences = 0;
  let settledBelow = 0;
  let ended = false;
  /** Ended by a failure, and not revived by a success since. */
  let dead = false;
  /** Since the last success: how many, and how long ago the first of them was. */
  let refusals = 0;
  let refusedForMs = 0;

  function promise(kept: boolean, words: string): void {
    if (!kept) throw new Error(words);
  }

  function count(what: string): void {
    tally[what] = (tally[what] ?? 0) + 1;
  }

  function close(claim: Claim): void {
    open.set(
      claim.generation,
      (open.get(claim.generation) ?? []).filter((other) => other.fence !== claim.fence),
    );
  }

  function seen(generation: number): void {
    promise(generation >= newest, `the generation fell from ${newest} to ${generation}`);
    newest = generation;
  }

  async function acquire(actor: Actor, variant: number): Promise<void> {
    const { claimant, generation } = actor;
    const answer = await ledger.acquire(key, {
      generation,
      claimant,
      leaseMs: LEASE_MS,
      minAgeMs: variant === 0 ? 5000 : 0,
      retentionMs: RETENTION_MS,
    });
    count(answer.kind);
    promise(ended === (answer.kind === 'revoked'), `${answer.kind} ${ended ? 'after' : 'before'} the end`);
    promise(
      ended || generation >= settledBelow || answer.kind === 'adopt',
      `${answer.kind} for a generation that has a success`,
    );
    if (answer.kind === 'adopt') {
      seen(answer.generation);
      promise(answer.box === `box ${answer.generation}`, `${answer.box} as generation ${answer.generation}`);
      // A holder who is told to use its own young token set still holds the claim.
      if (answer.generation > generation) actor.claim = undefined;
      actor.generation = answer.generation;
    }
    if (answer.kind !== 'won') return;
    const claim = { claimant, generation, fence: answer.fence };
    const others = (open.get(generation) ?? []).filter(
      (other) => other.claimant !== claimant || other.fence !== claim.fence,
    );
    promise(
      answer.ambiguous || others.length === 0,
      `a second claim of generation ${generation} that is not ambiguous`,
    );
    const again = actor.claim?.generation === generation && actor.claim.fence === answer.fence;
    promise(again || answer.fence > fences, `fence ${answer.fence} after ${fences}`);
    promise(answer.ended === dead, `a claim ${answer.ended ? 'as' : 'not as'} a probe of an ended connection`);
    promise(answer.refusals === refusals, `${answer.refusals} refusals of ${refusals}`);
    if (answer.ended) count('probe');
    count(answer.ambiguous ? 'won, ambiguous' : 'won, sure');
    fences = Math.max(fences, answer.fence);
    actor.claim = claim;
    open.set(generation, [...others, claim]);
  }

  async function settle(actor: Actor): Promise<void> {
    if (actor.claim === undefined) return;
    const { generation, fence } = actor.claim;
    const answer = await ledger.settle(key, {
      generation,
      fence,
      box: `box ${generation + 1}`,
      retentionMs: RETENTION_MS,
    });
    count(answer.kind);
    promise(
      ended === (answer.kind === 'revoked'),
      `a success was ${answer.kind} ${ended ? 'after' : 'before'} the end`,
    );
    close(actor.claim);
    actor.claim = undefined;
    if (answer.kind === 'revoked') return;
    seen(answer.generation);
    // A late success of a generation that has one already leaves the state of the next one as it is.
    if (answer.generation > settledBelow) [dead, refusals, refusedForMs] = [false, 0, 0];
    settledBelow = Math.max(settledBelow, answer.generation);
    actor.generation = answer.generation;
  }

  async function fail(actor: Actor, kind: 'transient' | 'refused' | 'terminal', ambiguous: boolean): Promise<void> {
    if (actor.claim === undefined) return;
    const answer = await ledger.fail(key, {
      claimant: actor.claimant,
      kind,
      backoffMs: 1000,
      error: 'failed',
      ambiguous,
      retentionMs: RETENTION_MS,
    });
    const recorded = answer !== 'lost';
    count(recorded ? `${kind} failure` : 'failure ignored');
    promise(!(recorded && ended), 'a failure was recorded after the end');
    if (recorded) {
      if (kind === 'refused') refusals += 1;
      const forGood = kind === 'terminal' || (kind === 'refused' && refusals >= 8 && refusedForMs >= DAY_MS);
      promise((answer === 'ended') === (dead || forGood), `${answer} by a ${kind} failure`);
      if (kind === 'refused' && forGood && !dead) count('ended by refusals');
      dead ||= forGood;
    }
    promise(!(recorded && actor.claim.generation < settledBelow), 'a failure was recorded over a success');
    if (recorded && !ambiguous) close(actor.claim);
    actor.claim = undefined;
  }

  async function renew(actor: Actor): Promise<void> {
    const renewed = await ledger.renew(key, actor.claimant, LEASE_MS);
    promise(!(renewed && ended), 'a lease was renewed after the end');
    if (renewed) count('renewed');
  }

  async function pass(ms: number): Promise<void> {
    await advance(ms);
    if (refusals > 0) refusedForMs += ms;
  }

  for (const [at, { deed, actor: who, variant }] of steps.entries()) {
    const actor = actors[who]!;
    if (deed === 'acquire') await acquire(actor, variant);
    if (deed === 'renew') await renew(actor);
    if (deed === 'settle') await settle(actor);
    if (deed === 'fail') await fail(actor, 'transient', false);
    if (deed === 'fail unsure') await fail(actor, 'transient', true);
    if (deed === 'fail for good') await fail(actor, 'terminal', false);
    if (deed === 'refused') await fail(actor, 'refused', false);
    if (deed === 'refused on and on') {
      for (let time = 0; time < 4 + variant; time += 1) {
        await acquire(actor, 1);
        await fail(actor, 'refused', false);
        await pass(REFUSALS_APART_MS);
      }
    }
    if (deed === 'time') await pass(TIMES_MS[variant]!);
    if (deed === 'revoke' && variant === 0) {
      const { first } = await ledger.revoke(key, RETENTION_MS);
      promise(first === !(ended || dead), `an end that came ${first ? '' : 'not '}first`);
      ended = true;
    }
    if (deed === 'crash') {
      // A new process with a new nonce, and a session copy that may be older.
      actors[who] = {
        claimant: `actor ${who} after step ${at}`,
        generation: Math.max(0, actor.generation - variant),
        claim: undefined,
      };
    }
  }
}
