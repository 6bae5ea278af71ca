import assert from 'node:assert/strict';
import {
  DEAD_MS,
  HOUR_MS,
  LEASE_MS,
  RETENTION_MS,
  WON,
  assertAdopts,
  assertTimed,
  terminal,
  transient,
  type Play,
  type Won,
} from './ledger-scene';
import { REFUSALS } from './refusal-cases';

// Longer than other files: one table, in which each case is a sentence of the contract and can be read by itself.

/** Who may refresh. */
const CLAIMS: Readonly<Record<string, Play>> = {
  'the first claim wins with fence 1, and others wait for the rest of its lease': async ({ claim, advance }) => {
    assert.deepEqual(await claim(0, 'a'), { ...WON, fence: 1 });
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, LEASE_MS);
    await advance(30_000);
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, LEASE_MS - 30_000);
  },
  'of many claims at once exactly one wins': async ({ claim }) => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => claim(3, `claimant ${i}`)));
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), [...Array<string>(49).fill('wait'), 'won']);
  },
  'connections do not know of each other': async ({ ledger, key, claim }) => {
    await claim(0, 'a');
    const other = { generation: 0, claimant: 'b', leaseMs: LEASE_MS, minAgeMs: 0, retentionMs: RETENTION_MS };
    assert.equal((await ledger.acquire(`${key}-other`, other)).kind, 'won');
  },
  'the claimant who holds the claim wins it again, and it does not become ambiguous': async ({
    claim,
    advance,
    refresh,
  }) => {
    await refresh(0, 'a', 'box 1');
    assert.deepEqual(await claim(1, 'a'), { ...WON, fence: 2 });
    await advance(30_000);
    const again = (await claim(1, 'a')) as Won;
    assert.deepEqual([again.kind, again.ambiguous, again.attempts, again.fence >= 2], ['won', false, 0, true]);
    assertTimed(await claim(1, 'b'), { kind: 'wait' }, LEASE_MS);
  },
  'a claim whose lease has run out is taken over with a higher fence, as ambiguous': async ({ claim, advance }) => {
    await claim(0, 'a');
    await advance(LEASE_MS);
    assert.deepEqual(await claim(0, 'b'), { ...WON, fence: 2, ambiguous: true });
    assertTimed(await claim(0, 'a'), { kind: 'wait' }, LEASE_MS);
  },
  'whoever let an own lease run out is told that it is ambiguous, too': async ({ claim, advance }) => {
    await claim(0, 'a');
    await advance(LEASE_MS);
    assert.deepEqual(await claim(0, 'a'), { ...WON, fence: 2, ambiguous: true });
  },
  'a lease is extended by its holder only': async ({ ledger, key, claim, advance }) => {
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
    await claim(0, 'a');
    await advance(40_000);
    assert.equal(await ledger.renew(key, 'b', LEASE_MS), false);
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), true);
    await advance(40_000);
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, 20_000);
    await advance(20_000);
    assert.equal((await claim(0, 'b')).kind, 'won');
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
  },
  'everybody with an older token set adopts the newest, also while it is being refreshed': async ({
    claim,
    refresh,
    advance,
  }) => {
    await refresh(0, 'a', 'box 1');
    await refresh(1, 'b', 'box 2');
    await advance(90_000);
    assertAdopts(await claim(0, 'c'), 2, 'box 2', 90_000);
    assertAdopts(await claim(1, 'c'), 2, 'box 2', 90_000);
    await claim(2, 'd');
    assertAdopts(await claim(0, 'c'), 2, 'box 2', 90_000);
    assertTimed(await claim(2, 'c'), { kind: 'wait' }, LEASE_MS);
  },
  'a token set that was settled less than minAgeMs ago is handed out instead of being refreshed': async ({
    claim,
    refresh,
    advance,
  }) => {
    await refresh(0, 'a', 'box 1');
    assertAdopts(await claim(1, 'b', { minAgeMs: 300_000 }), 1, 'box 1');
    await advance(200_000);
    assertAdopts(await claim(1, 'b', { minAgeMs: 300_000 }), 1, 'box 1', 200_000);
    await advance(100_000);
    assert.equal((await claim(1, 'b', { minAgeMs: 300_000 })).kind, 'won');
  },
  'a record that is older than the caller is reset': async ({ ledger, key, claim, refresh }) => {
    await refresh(0, 'a', 'box 1');
    await claim(1, 'a');
    await ledger.fail(key, terminal('a', { ambiguous: true }));
    assert.deepEqual(await claim(5, 'b'), { ...WON, fence: 3 });
    // The old box is gone with the old record: it is not the newest any more.
    assertTimed(await claim(0, 'c'), { kind: 'wait' }, LEASE_MS);
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
  },
  'an older caller is never refused for good for want of a box': async ({ ledger, key, claim, advance }) => {
    await claim(5, 'a');
    assertTimed(await claim(3, 'b'), { kind: 'wait' }, LEASE_MS);
    await advance(LEASE_MS);
    const won = (await claim(3, 'b')) as Won;
    assert.deepEqual([won.kind, won.ambiguous], ['won', true]);
    const after = await ledger.settle(key, { generation: 3, fence: won.fence, box: 'box', retentionMs: RETENTION_MS });
    assert.equal(after.kind, 'settled');
    assert.ok(after.generation >= 5, 'the generation never falls');
  },
};

/** How a refresh or a connection ends. */
const ENDINGS: Readonly<Record<string, Play>> = {
  'a success is recorded as the next generation and ends the claim': async ({ ledger, key, claim, refresh }) => {
    assert.equal(await refresh(7, 'a', 'box 8'), 1);
    assertAdopts(await claim(7, 'b'), 8, 'box 8');
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
    assert.equal(await ledger.fail(key, transient('a')), 'lost');
    assert.deepEqual(await claim(8, 'b'), { ...WON, fence: 2 });
  },
  'boxes are kept to the letter': async ({ claim, refresh }) => {
    const box = `{"t":"ä€😀\\u0000","long":"${'x'.repeat(8192)}"}\r\n\0`;
    await refresh(0, 'a', box);
    assertAdopts(await claim(0, 'b'), 1, box);
  },
  'a transient failure backs off for its time, then one claimant tries again': async ({
    ledger,
    key,
    claim,
    advance,
  }) => {
    await claim(0, 'a');
    assert.equal(await ledger.fail(key, transient('a')), 'recorded');
    assertTimed(await claim(0, 'a'), { kind: 'backoff', error: 'unavailable' }, 120_000);
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
    await advance(120_000);
    assert.deepEqual(await claim(0, 'b'), { ...WON, fence: 2, attempts: 1 });
    assertTimed(await claim(0, 'a'), { kind: 'wait' }, LEASE_MS);
  },
  'attempts count the failures of a generation, and a success starts anew': async ({
    ledger,
    key,
    won,
    advance,
    claim,
  }) => {
    for (const attempts of [0, 1, 2]) {
      assert.equal((await won(0, 'a')).attempts, attempts);
      await ledger.fail(key, transient('a'));
      await advance(120_000);
    }
    const { fence, attempts } = await won(0, 'b');
    assert.deepEqual([fence, attempts], [4, 3]);
    await ledger.settle(key, { generation: 0, fence, box: 'box 1', retentionMs: RETENTION_MS });
    assert.deepEqual(await claim(1, 'a'), { ...WON, fence: 5 });
  },
  'a terminal failure is dead for ten minutes, then one probe is allowed': async ({
    ledger,
    key,
    claim,
    refresh,
    advance,
  }) => {
    await refresh(0, 'a', 'box 1');
    await claim(1, 'a');
    assert.equal(await ledger.fail(key, terminal('a')), 'ended');
    assert.deepEqual(await claim(1, 'b'), { kind: 'dead', error: 'invalid_grant' });
    assertAdopts(await claim(0, 'b'), 1, 'box 1');
    await advance(DEAD_MS - 30_000);
    assert.deepEqual(await claim(1, 'b'), { kind: 'dead', error: 'invalid_grant' });
    await advance(30_000);
    assert.deepEqual(await claim(1, 'b'), { ...WON, fence: 3, attempts: 1, ended: true });
    assertTimed(await claim(1, 'c'), { kind: 'wait' }, LEASE_MS);
    assert.equal(await ledger.fail(key, terminal('b')), 'ended');
    assert.deepEqual(await claim(1, 'c'), { kind: 'dead', error: 'invalid_grant' });
  },
  'once ambiguous, a generation stays so until it is settled': async ({ ledger, key, won, advance }) => {
    await won(0, 'a');
    await ledger.fail(key, transient('a', { ambiguous: true }));
    await advance(120_000);
    assert.equal((await won(0, 'b')).ambiguous, true);
    await ledger.fail(key, transient('b', { ambiguous: false }));
    await advance(120_000);
    const { fence, ambiguous } = await won(0, 'c');
    assert.equal(ambiguous, true);
    await ledger.settle(key, { generation: 0, fence, box: 'box 1', retentionMs: RETENTION_MS });
    assert.equal((await won(1, 'd')).ambiguous, false);
  },
  'a failure counts only while the claim is pending and of its claimant': async ({ ledger, key, claim, advance }) => {
    assert.equal(await ledger.fail(key, transient('a')), 'lost');
    await claim(0, 'a');
    assert.equal(await ledger.fail(key, terminal('b')), 'lost');
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, LEASE_MS);
    await advance(LEASE_MS);
    // Run out, but not taken over: still the claimant's.
    assert.equal(await ledger.fail(key, transient('a')), 'recorded');
    assert.equal(await ledger.fail(key, terminal('a')), 'lost');
    assertTimed(await claim(0, 'b'), { kind: 'backoff', error: 'unavailable' }, 120_000);
  },
  'the end of a connection beats everything': async ({ ledger, key, claim, refresh, advance }) => {
    await refresh(0, 'a', 'box 1');
    const { fence } = (await claim(1, 'a')) as Won;
    assert.deepEqual(await ledger.revoke(key, RETENTION_MS), { first: true, box: 'box 1' });
    for (const generation of [0, 1, 2, 9]) {
      assert.deepEqual(await claim(generation, 'a', { minAgeMs: HOUR_MS }), { kind: 'revoked' });
    }
    assert.deepEqual(await ledger.settle(key, { generation: 1, fence, box: 'box 2', retentionMs: RETENTION_MS }), {
      kind: 'revoked',
    });
    assert.equal(await ledger.fail(key, terminal('a')), 'lost');
    assert.equal(await ledger.renew(key, 'a', LEASE_MS), false);
    await advance(HOUR_MS);
    assert.deepEqual(await claim(1, 'b'), { kind: 'revoked' });
  },
  'a connection that was never refreshed can be ended, and twice': async ({ ledger, key, claim }) => {
    assert.deepEqual(await ledger.revoke(key, RETENTION_MS), { first: true });
    assert.deepEqual(await ledger.revoke(key, RETENTION_MS), { first: false });
    assert.deepEqual(await claim(0, 'a'), { kind: 'revoked' });
  },
};

/** Successes that come late. */
const LATE: Readonly<Record<string, Play>> = {
  'a success is accepted although the claim was taken over': async ({ ledger, key, claim, won, advance }) => {
    const first = await won(0, 'a');
    await advance(LEASE_MS);
    await won(0, 'b');
    const late = { generation: 0, fence: first.fence, box: 'box of a', retentionMs: RETENTION_MS };
    assert.deepEqual(await ledger.settle(key, late), { kind: 'settled', generation: 1 });
    assert.equal(await ledger.fail(key, terminal('b')), 'lost');
    assertAdopts(await claim(0, 'b'), 1, 'box of a');
  },
  'a success after the own failure counts': async ({ ledger, key, claim, won }) => {
    const { fence } = await won(0, 'a');
    await ledger.fail(key, terminal('a'));
    const late = { generation: 0, fence, box: 'box 1', retentionMs: RETENTION_MS };
    assert.deepEqual(await ledger.settle(key, late), { kind: 'settled', generation: 1 });
    assert.deepEqual(await claim(1, 'b'), { ...WON, fence: 2 });
  },
  'of two successes of one generation the one with the higher fence stays, in either order': async ({
    ledger,
    key,
    claim,
    won,
    advance,
  }) => {
    const a = { generation: 0, fence: (await won(0, 'a')).fence, box: 'box of a', retentionMs: RETENTION_MS };
    await advance(LEASE_MS);
    const b = { generation: 0, fence: (await won(0, 'b')).fence, box: 'box of b', retentionMs: RETENTION_MS };
    assert.deepEqual(await ledger.settle(key, a), { kind: 'settled', generation: 1 });
    assert.deepEqual(await ledger.settle(key, b), { kind: 'settled', generation: 1 });
    assertAdopts(await claim(0, 'c'), 1, 'box of b');
    assert.deepEqual(await ledger.settle(key, a), { kind: 'superseded', generation: 1, box: 'box of b' });
    assertAdopts(await claim(0, 'c'), 1, 'box of b');
  },
  'a success of a generation long past gets the newest box instead': async ({ ledger, key, refresh }) => {
    const fence = await refresh(0, 'a', 'box 1');
    await refresh(1, 'b', 'box 2');
    assert.deepEqual(await ledger.settle(key, { generation: 0, fence, box: 'late', retentionMs: RETENTION_MS }), {
      kind: 'superseded',
      generation: 2,
      box: 'box 2',
    });
  },
  'a success may be recorded twice: the first answer may have been lost': async ({ ledger, key, claim, won }) => {
    const success = { generation: 0, fence: (await won(0, 'a')).fence, box: 'box 1', retentionMs: RETENTION_MS };
    await ledger.settle(key, success);
    assert.deepEqual(await ledger.settle(key, success), { kind: 'settled', generation: 1 });
    await claim(1, 'b');
    assert.deepEqual(await ledger.settle(key, success), { kind: 'settled', generation: 1 });
    assertTimed(await claim(1, 'c'), { kind: 'wait' }, LEASE_MS);
    await ledger.fail(key, terminal('b'));
    assert.deepEqual(await ledger.settle(key, success), { kind: 'settled', generation: 1 });
    assert.deepEqual(await claim(1, 'c'), { kind: 'dead', error: 'invalid_grant' });
  },
  'a late second success does not open a claim of the next generation to others': async ({
    ledger,
    key,
    claim,
    won,
    advance,
  }) => {
    const a = { generation: 0, fence: (await won(0, 'a')).fence, box: 'box of a', retentionMs: RETENTION_MS };
    await advance(LEASE_MS);
    const b = { generation: 0, fence: (await won(0, 'b')).fence, box: 'box of b', retentionMs: RETENTION_MS };
    await ledger.settle(key, a);
    const next = await won(1, 'c');
    assert.equal((await ledger.settle(key, b)).kind, 'settled');
    assertTimed(await claim(1, 'd'), { kind: 'wait' }, LEASE_MS);
    const c = { generation: 1, fence: next.fence, box: 'box of c', retentionMs: RETENTION_MS };
    assert.deepEqual(await ledger.settle(key, c), { kind: 'settled', generation: 2 });
  },
  'a late second success does not make the next generation sure again': async ({
    ledger,
    key,
    claim,
    won,
    advance,
  }) => {
    const a = { generation: 0, fence: (await won(0, 'a')).fence, box: 'box of a', retentionMs: RETENTION_MS };
    await advance(LEASE_MS);
    const b = { generation: 0, fence: (await won(0, 'b')).fence, box: 'box of b', retentionMs: RETENTION_MS };
    await ledger.settle(key, a);
    await won(1, 'c');
    await ledger.fail(key, transient('c', { ambiguous: true }));
    assert.equal((await ledger.settle(key, b)).kind, 'settled');
    await advance(120_000);
    assert.deepEqual(await claim(1, 'd'), { ...WON, fence: 4, ambiguous: true, attempts: 1 });
  },
  'a success is recorded although the record was lost': async ({ ledger, key, claim }) => {
    const success = { generation: 4, fence: 9, box: 'box 5', retentionMs: RETENTION_MS };
    assert.deepEqual(await ledger.settle(key, success), { kind: 'settled', generation: 5 });
    assertAdopts(await claim(4, 'a'), 5, 'box 5');
    assert.equal(((await claim(5, 'a')) as Won).fence, 10);
  },
};

/** A connection of which there is a record ends: what is known of that is kept until then, and no longer. */
function endKept({ endMs, untilMs }: { readonly endMs: number; readonly untilMs: number }): Play {
  return async ({ ledger, key, claim, refresh, advance }) => {
    await refresh(0, 'a', 'box 1');
    await ledger.revoke(key, endMs);
    await advance(untilMs - HOUR_MS);
    assert.deepEqual(await claim(0, 'a'), { kind: 'revoked' });
    await advance(HOUR_MS);
    assert.equal((await claim(0, 'a')).kind, 'won');
  };
}

/** How long things are kept. */
const KEEPING: Readonly<Record<string, Play>> = {
  'a record is kept for its retention, counted from the last change': async ({ claim, refresh, advance }) => {
    await refresh(0, 'a', 'box 1');
    await advance(RETENTION_MS - HOUR_MS);
    assertAdopts(await claim(0, 'b'), 1, 'box 1', RETENTION_MS - HOUR_MS);
    await refresh(1, 'a', 'box 2');
    await advance(RETENTION_MS - HOUR_MS);
    assertAdopts(await claim(0, 'b'), 2, 'box 2', RETENTION_MS - HOUR_MS);
    await advance(HOUR_MS);
    assert.deepEqual(await claim(0, 'b'), { ...WON, fence: 1 });
  },
  'a time that a record was to be kept is never shortened': async ({ ledger, key, claim, advance }) => {
    await ledger.revoke(key, RETENTION_MS);
    await ledger.revoke(key, 1000);
    await advance(RETENTION_MS - HOUR_MS);
    assert.deepEqual(await claim(0, 'a'), { kind: 'revoked' });
    await advance(HOUR_MS);
    assert.equal((await claim(0, 'a')).kind, 'won');
  },
  'the end of a connection is kept for its own time, where that is longer than the record was to be kept': endKept({
    endMs: 2 * RETENTION_MS,
    untilMs: 2 * RETENTION_MS,
  }),
  'the end of a connection is kept for the time of the record, where that is longer': endKept({
    endMs: HOUR_MS,
    untilMs: RETENTION_MS,
  }),
  'a name is given to the first caller only, until its time is over': async ({ ledger, key, advance }) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ledger.once(key, HOUR_MS)));
    assert.deepEqual(answers.filter(Boolean).length, 1);
    assert.equal(await ledger.once(`${key}-other`, HOUR_MS), true);
    await advance(HOUR_MS - 60_000);
    assert.equal(await ledger.once(key, HOUR_MS), false);
    await advance(60_000);
    assert.equal(await ledger.once(key, HOUR_MS), true);
  },
  'names and connections do not meet': async ({ ledger, key, claim }) => {
    await claim(0, 'a');
    assert.equal(await ledger.once(key, HOUR_MS), true);
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, LEASE_MS);
  },
};

/** Every case, by its name. */
export const LEDGER_CASES: Readonly<Record<string, Play>> = { ...CLAIMS, ...ENDINGS, ...REFUSALS, ...LATE, ...KEEPING };
