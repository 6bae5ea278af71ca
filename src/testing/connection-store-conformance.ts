import { randomBytes } from 'node:crypto';
import { STORE_CASES } from './connection-store-cases';
import { storeScene, type ConnectionStoreUnderTest } from './connection-store-scene';

/** One behaviour of the contract of `ConnectionStore`. */
export interface ConnectionStoreCase {
  /** What it shows, as a sentence. */
  readonly name: string;
  /** Rejects with an `AssertionError` that says what was expected when the store does not behave like this. */
  readonly run: () => Promise<void>;
}

/**
 * The contract of a store of connections as cases for any test runner:
 * `for (const { name, run } of connectionStoreConformance(make)) test(name, run);`
 *
 * What a store does with more than one process, and that nothing in it expires, no case can show.
 * @param makeStore - called once per case; each case uses keys of its own, and names of every object's members
 */
export function connectionStoreConformance(
  makeStore: () => ConnectionStoreUnderTest | Promise<ConnectionStoreUnderTest>,
): readonly ConnectionStoreCase[] {
  return Object.entries(STORE_CASES).map(([name, play]) =>
    Object.freeze({
      name,
      run: async () => {
        const made = await makeStore();
        try {
          await play(storeScene(made.store, randomBytes(32).toString('base64url')));
        } finally {
          await made.close?.();
        }
      },
    }),
  );
}
