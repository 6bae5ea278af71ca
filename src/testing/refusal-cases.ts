import assert from 'node:assert/strict';
import {
  DEAD_MS,
  HOUR_MS,
  LEASE_MS,
  REFUSED_MS,
  REFUSED_TRIES,
  RETENTION_MS,
  WON,
  assertAdopts,
  assertTimed,
  refused,
  terminal,
  transient,
  type Play,
  type Scene,
} from './ledger-scene';

/** Claims generation 0 and is refused, after the back-off before. @returns what `fail` answered */
async function refuse({ ledger, key, won, advance }: Scene, times = 1): Promise<readonly string[]> {
  const answers: string[] = [];
  for (let time = 0; time < times; time += 1) {
    await won(0, 'a');
    answers.push(await ledger.fail(key, refused('a')));
    await advance(120_000);
  }
  return answers;
}

/** How the provider's refusals of one connection add up. */
export const REFUSALS: Readonly<Record<string, Play>> = {
  'a refusal backs off like a failure that may pass, and is counted': async (scene) => {
    const { ledger, key, claim, advance } = scene;
    await claim(0, 'a');
    assert.equal(await ledger.fail(key, refused('a')), 'recorded');
    assertTimed(await claim(0, 'b'), { kind: 'backoff', error: 'refused' }, 120_000);
    await advance(120_000);
    assert.deepEqual(await claim(0, 'b'), { ...WON, fence: 2, attempts: 1, refusals: 1 });
  },
  'refusals for 24 hours end the connection, with the 8th try at the earliest': async (scene) => {
    const { ledger, key, claim, won, advance } = scene;
    assert.deepEqual(await refuse(scene), ['recorded']);
    await advance(REFUSED_MS);
    const recorded = Array<string>(REFUSED_TRIES - 2).fill('recorded');
    assert.deepEqual(await refuse(scene, REFUSED_TRIES - 2), recorded);
    await won(0, 'a');
    assert.equal(await ledger.fail(key, refused('a')), 'ended');
    assert.deepEqual(await claim(0, 'b'), { kind: 'dead', error: 'refused' });
  },
  'more refusals in less than 24 hours end nothing; the first of them counts, not the last': async (scene) => {
    const { advance } = scene;
    assert.deepEqual(await refuse(scene, 2 * REFUSED_TRIES), Array<string>(2 * REFUSED_TRIES).fill('recorded'));
    await advance(REFUSED_MS - 2 * REFUSED_TRIES * 120_000 - HOUR_MS);
    assert.deepEqual(await refuse(scene), ['recorded']);
    await advance(HOUR_MS);
    assert.deepEqual(await refuse(scene), ['ended']);
  },
  'other failures between refusals neither count nor reset': async (scene) => {
    const { ledger, key, won, advance } = scene;
    await refuse(scene, 3);
    for (let time = 0; time < REFUSED_TRIES; time += 1) {
      await won(0, 'b');
      assert.equal(await ledger.fail(key, transient('b')), 'recorded');
      await advance(120_000);
    }
    await advance(REFUSED_MS);
    const { attempts, refusals } = await won(0, 'b');
    assert.deepEqual([attempts, refusals], [3 + REFUSED_TRIES, 3]);
    assert.equal(await ledger.fail(key, transient('b')), 'recorded');
    await advance(120_000);
    assert.deepEqual(await refuse(scene, 4), Array<string>(4).fill('recorded'));
    assert.deepEqual(await refuse(scene), ['ended']);
  },
  'a success starts the count and its time anew': async (scene) => {
    const { ledger, key, won, advance } = scene;
    await refuse(scene, REFUSED_TRIES - 1);
    const { fence } = await won(0, 'a');
    await ledger.settle(key, { generation: 0, fence, box: 'box 1', retentionMs: RETENTION_MS });
    await advance(REFUSED_MS);
    assert.deepEqual(await won(1, 'b'), { ...WON, fence: fence + 1 });
    assert.equal(await ledger.fail(key, refused('b')), 'recorded');
    await advance(REFUSED_MS - HOUR_MS);
    for (let time = 2; time < REFUSED_TRIES; time += 1) {
      await won(1, 'b');
      assert.equal(await ledger.fail(key, refused('b')), 'recorded');
      await advance(120_000);
    }
    await won(1, 'b');
    assert.equal(await ledger.fail(key, refused('b')), 'recorded');
  },
  'a record that is older than the caller is reset with its refusals': async (scene) => {
    await refuse(scene, REFUSED_TRIES);
    await scene.advance(REFUSED_MS);
    assert.deepEqual(await scene.claim(1, 'b'), { ...WON, fence: REFUSED_TRIES + 1 });
    assert.equal(await scene.ledger.fail(scene.key, refused('b')), 'recorded');
  },
  'a refusal counts only while the claim is pending and of its claimant': async (scene) => {
    const { ledger, key, claim, advance } = scene;
    assert.equal(await ledger.fail(key, refused('a')), 'lost');
    await claim(0, 'a');
    assert.equal(await ledger.fail(key, refused('b')), 'lost');
    await advance(LEASE_MS);
    assert.deepEqual(await claim(0, 'b'), { ...WON, fence: 2, ambiguous: true });
  },
  'a probe of an ended connection says that it had ended before, and nothing but a success revives it': async ({
    ledger,
    key,
    claim,
    won,
    refresh,
    advance,
  }) => {
    await refresh(0, 'a', 'box 1');
    await won(1, 'a');
    await ledger.fail(key, terminal('a'));
    for (const failure of [transient('b'), refused('b'), terminal('b')]) {
      await advance(DEAD_MS);
      assert.equal((await won(1, 'b')).ended, true);
      assert.equal(await ledger.fail(key, failure), 'ended');
      // What happened to the probe says nothing new about why it had ended.
      assert.deepEqual(await claim(1, 'c'), { kind: 'dead', error: 'invalid_grant' });
    }
    await advance(DEAD_MS);
    await won(1, 'b');
    await advance(LEASE_MS);
    const { ended, fence } = await won(1, 'c');
    assert.equal(ended, true);
    await ledger.settle(key, { generation: 1, fence, box: 'box 2', retentionMs: RETENTION_MS });
    assertAdopts(await claim(1, 'a'), 2, 'box 2');
    assert.equal((await won(2, 'a')).ended, false);
    assert.equal(await ledger.fail(key, transient('a')), 'recorded');
  },
  'the end of a connection comes first only once: not after a failure that ended it, not while that is probed': async ({
    ledger,
    key,
    won,
    advance,
  }) => {
    await won(0, 'a');
    await ledger.fail(key, terminal('a'));
    await advance(DEAD_MS);
    await won(0, 'a');
    assert.deepEqual(await ledger.revoke(key, RETENTION_MS), { first: false });
    const other = `${key}-other`;
    await ledger.acquire(other, { generation: 0, claimant: 'a', leaseMs: LEASE_MS, minAgeMs: 0, retentionMs: HOUR_MS });
    await ledger.fail(other, terminal('a'));
    assert.deepEqual(await ledger.revoke(other, RETENTION_MS), { first: false });
  },
  'a connection that is being refused ends first by its visitor': async (scene) => {
    await refuse(scene, 3);
    assert.deepEqual(await scene.ledger.revoke(scene.key, RETENTION_MS), { first: true });
    assert.deepEqual(await scene.claim(0, 'a'), { kind: 'revoked' });
  },
};
