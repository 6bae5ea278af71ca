import { isConnectError } from '../errors';
import { dropOldest } from '../refresh/bounded-records';
import type { LedgerSuccess, RefreshLedger } from '../refresh/ledger';

/** Ends and successes that the shared ledger does not know of yet; beyond that many of each, the oldest are given up. */
const MAX_OWED = 10_000;

/**
 * Does each operation in the local ledger that the shared one does not carry out. A token set that no key opens is no
 * such case: it is there. What happened meanwhile counts: the shared ledger is told of an ended connection, and of a
 * token set that only the local one knows, before it is asked for that connection again.
 */
export function withLocal(shared: RefreshLedger, local: RefreshLedger): RefreshLedger {
  const owed = new Map<string, number>();
  const owedSuccesses = new Map<string, LedgerSuccess>();

  const revoke: RefreshLedger['revoke'] = async (key, retentionMs) => {
    const here = await local.revoke(key, retentionMs);
    try {
      const { first, box = here.box } = await shared.revoke(key, retentionMs);
      owed.delete(key);
      // Each of the two may know of an end that the other has not been told of.
      return { first: first && here.first, ...(box === undefined ? {} : { box }) };
    } catch {
      owe(owed, key, retentionMs);
      return here;
    }
  };

  async function ended(key: string): Promise<boolean> {
    const retentionMs = owed.get(key);
    if (retentionMs !== undefined) await revoke(key, retentionMs);
    return retentionMs !== undefined;
  }

  /** @returns false while the shared ledger knows less than the local one */
  async function isTold(key: string): Promise<boolean> {
    const success = owedSuccesses.get(key);
    if (success === undefined) return true;
    try {
      await shared.settle(key, success);
      owedSuccesses.delete(key);
      return true;
    } catch {
      return false;
    }
  }

  return Object.freeze<RefreshLedger>({
    acquire: async (key, claim) => {
      if (await ended(key)) return { kind: 'revoked' };
      if (!(await isTold(key))) return local.acquire(key, claim);
      return either(
        () => shared.acquire(key, claim),
        () => local.acquire(key, claim),
      );
    },
    settle: async (key, success) => {
      if (await ended(key)) return { kind: 'revoked' };
      return either(
        () => shared.settle(key, success),
        () => {
          owe(owedSuccesses, key, success);
          return local.settle(key, success);
        },
      );
    },
    renew: (key, claimant, leaseMs) =>
      either(
        async () => (await shared.renew(key, claimant, leaseMs)) || local.renew(key, claimant, leaseMs),
        () => local.renew(key, claimant, leaseMs),
      ),
    fail: (key, failure) =>
      either(
        async () => {
          const failed = await shared.fail(key, failure);
          return failed === 'lost' ? local.fail(key, failure) : failed;
        },
        () => local.fail(key, failure),
      ),
    revoke,
    once: (name, ttlMs) =>
      either(
        () => shared.once(name, ttlMs),
        () => local.once(name, ttlMs),
      ),
  });
}

function owe<Debt>(debts: Map<string, Debt>, key: string, debt: Debt): void {
  debts.delete(key);
  if (debts.size >= MAX_OWED) dropOldest(debts);
  debts.set(key, debt);
}

async function either<Answer>(first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<Answer> {
  try {
    return await first();
  } catch (error) {
    if (isConnectError(error) && error.reason === 'key') throw error;
    return second();
  }
}
