import { isConnectError } from '../../errors/connect-error';
import { boundedMap, type BoundedMap } from '../../base/bounded-map';
import { forgettings } from '../forgotten';
import type { LedgerSuccess, RefreshLedger } from '../ledger';

/** Ends and successes that the shared ledger does not know of yet; of more, the oldest are given up, and that is told. */
const MAX_OWED = 10_000;

/**
 * Does each operation in the local ledger that the shared one does not carry out. A token set that no key opens is no
 * such case: it is there. What happened meanwhile counts: the shared ledger is told of an ended connection, and of a
 * token set that only the local one knows, before it is asked for that connection again.
 */
export function withLocal(shared: RefreshLedger, local: RefreshLedger): RefreshLedger {
  const forgotten = forgettings(
    'redisLedger() has been without Redis for too long',
    'Redis will not be told of it. Event ledger_forgot counts what is lost.',
  );
  const owed = boundedMap<number>({ most: MAX_OWED, onDropped: () => forgotten.note('tombstone', Date.now()) });
  const owedSuccesses = boundedMap<LedgerSuccess>({
    most: MAX_OWED,
    onDropped: () => forgotten.note('record', Date.now()),
  });

  const revoke: RefreshLedger['revoke'] = async (key, retentionMs) => {
    const here = await local.revoke(key, retentionMs);
    try {
      const { first, box = here.box } = await shared.revoke(key, retentionMs);
      owed.delete(key);
      // Each of the two may know of an end that the other has not been told of.
      return { first: first && here.first, ...(box === undefined ? {} : { box }) };
    } catch {
      owe(owed, key, retentionMs, retentionMs);
      return here;
    }
  };

  async function ended(key: string): Promise<boolean> {
    const retentionMs = owed.get(key, Date.now());
    if (retentionMs !== undefined) await revoke(key, retentionMs);
    return retentionMs !== undefined;
  }

  /** @returns false while the shared ledger knows less than the local one */
  async function isTold(key: string): Promise<boolean> {
    const success = owedSuccesses.get(key, Date.now());
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
          owe(owedSuccesses, key, success, success.retentionMs);
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
    onForgotten(listener) {
      forgotten.listen(listener);
      local.onForgotten?.(listener);
    },
  });
}

/** A debt that has outlived its retention says nothing any more. */
function owe<Debt>(debts: BoundedMap<Debt>, key: string, debt: Debt, retentionMs: number): void {
  debts.put(key, debt, { now: Date.now(), keepMs: retentionMs });
}

async function either<Answer>(first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<Answer> {
  try {
    return await first();
  } catch (error) {
    if (isConnectError(error) && error.reason === 'key') throw error;
    return second();
  }
}
