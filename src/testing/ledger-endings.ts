import assert from 'node:assert/strict';
import type { LedgerSuccess } from '../ledger/ledger';
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
  type Scene,
  type Won,
} from './ledger-scene';

/** How a refresh or a connection ends. */
export const ENDINGS: Readonly<Record<string, Play>> = {
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
export const LATE: Readonly<Record<string, Play>> = {
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
    const { a, b } = await twoSuccesses({ won, advance });
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
    const { a, b } = await twoSuccesses({ won, advance });
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
    const { a, b } = await twoSuccesses({ won, advance });
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

/** Of one refresh token: a's lease has run out before b has won. Neither is settled yet. */
async function twoSuccesses({
  won,
  advance,
}: Pick<Scene, 'won' | 'advance'>): Promise<Record<'a' | 'b', LedgerSuccess>> {
  const a = { generation: 0, fence: (await won(0, 'a')).fence, box: 'box of a', retentionMs: RETENTION_MS };
  await advance(LEASE_MS);
  const b = { generation: 0, fence: (await won(0, 'b')).fence, box: 'box of b', retentionMs: RETENTION_MS };
  return { a, b };
}
