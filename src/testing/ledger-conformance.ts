import { randomBytes } from 'node:crypto';
import { LEDGER_CASES } from './ledger-cases';
import { scene, type LedgerUnderTest } from './ledger-scene';

/** One behaviour of the contract. */
export interface LedgerCase {
  /** What it shows, as a sentence. */
  readonly name: string;
  /** Rejects with an `AssertionError` when the ledger does not behave like this. */
  readonly run: () => Promise<void>;
}

/**
 * The contract of a refresh ledger as cases for any test runner:
 * `for (const { name, run } of ledgerConformance(make)) test(name, run);`
 * @param makeLedger - called once per case; each case uses keys of its own
 */
export function ledgerConformance(makeLedger: () => LedgerUnderTest | Promise<LedgerUnderTest>): readonly LedgerCase[] {
  return Object.entries(LEDGER_CASES).map(([name, play]) =>
    Object.freeze({
      name,
      run: async () => {
        const made = await makeLedger();
        try {
          await play(scene(made, randomBytes(32).toString('base64url')));
        } finally {
          await made.close?.();
        }
      },
    }),
  );
}
