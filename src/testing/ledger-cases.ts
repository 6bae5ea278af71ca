import assert from 'node:assert/strict';
import {
  HOUR_MS,
  LEASE_MS,
  RETENTION_MS,
  WON,
  assertAdopts,
  assertTimed,
  terminal,
  type Play,
  type Won,
} from './ledger-scene';
import { ENDINGS, LATE } from './ledger-endings';
import { REFUSALS } from './refusal-cases';

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
  'a claimant who let its own lease run out also learns that the claim is ambiguous': async ({ claim, advance }) => {
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
  'names, and connections, that differ only in upper and lower case are different': async ({ ledger, key }) => {
    const [one, two] = [`${key}-Aa`, `${key}-aA`];
    assert.deepEqual([await ledger.once(one, HOUR_MS), await ledger.once(two, HOUR_MS)], [true, true]);
    const asked = { generation: 0, claimant: 'a', leaseMs: LEASE_MS, minAgeMs: 0, retentionMs: RETENTION_MS };
    await ledger.acquire(one, asked);
    assert.equal((await ledger.acquire(two, { ...asked, claimant: 'b' })).kind, 'won');
  },
  'names and connections do not meet': async ({ ledger, key, claim }) => {
    await claim(0, 'a');
    assert.equal(await ledger.once(key, HOUR_MS), true);
    assertTimed(await claim(0, 'b'), { kind: 'wait' }, LEASE_MS);
  },
};

/** Every case, by its name. */
export const LEDGER_CASES: Readonly<Record<string, Play>> = { ...CLAIMS, ...ENDINGS, ...REFUSALS, ...LATE, ...KEEPING };
