import { isConnectError } from '../errors';
import type { RefreshLedger } from '../refresh/ledger';

/** Ended connections that the shared ledger does not know of yet; beyond that many, the oldest are given up. */
const MAX_OWED = 10_000;

/**
 * Does each operation in the local ledger that the shared one does not carry out. A token set that no key opens is no
 * such case: it is there. A connection that was ended meanwhile stays ended: the shared ledger is told as soon as it is
 * asked for that connection again.
 */
export function withLocal(shared: RefreshLedger, local: RefreshLedger): RefreshLedger {
  const owed = new Map<string, number>();

  const revoke: RefreshLedger['revoke'] = async (key, retentionMs) => {
    const here = await local.revoke(key, retentionMs);
    try {
      const { box = here.box } = await shared.revoke(key, retentionMs);
      owed.delete(key);
      return box === undefined ? {} : { box };
    } catch {
      if (owed.size >= MAX_OWED) owed.delete([...owed.keys()][0] ?? '');
      owed.set(key, retentionMs);
      return here;
    }
  };

  async function ended(key: string): Promise<boolean> {
    const retentionMs = owed.get(key);
    if (retentionMs !== undefined) await revoke(key, retentionMs);
    return retentionMs !== undefined;
  }

  return Object.freeze<RefreshLedger>({
    acquire: async (key, claim) => (await ended(key)
      ? { kind: 'revoked' } : either(() => shared.acquire(key, claim), () => local.acquire(key, claim))),
    settle: async (key, success) => (await ended(key)
      ? { kind: 'revoked' } : either(() => shared.settle(key, success), () => local.settle(key, success))),
    renew: (key, claimant, leaseMs) => either(
      async () => await shared.renew(key, claimant, leaseMs) || local.renew(key, claimant, leaseMs),
      () => local.renew(key, claimant, leaseMs),
    ),
    fail: (key, failure) => either(
      async () => await shared.fail(key, failure) || local.fail(key, failure),
      () => local.fail(key, failure),
    ),
    revoke,
    once: (name, ttlMs) => either(() => shared.once(name, ttlMs), () => local.once(name, ttlMs)),
  });
}

async function either<Answer>(first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<Answer> {
  try {
    return await first();
  } catch (error) {
    if (isConnectError(error) && error.reason === 'key') throw error;
    return second();
  }
}
