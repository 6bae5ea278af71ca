import { AssertionError } from 'node:assert';
import { inspect, isDeepStrictEqual } from 'node:util';
import type { ConnectionStore } from '../connections/connection-store';

/** A store of connections under test, fresh or at least shared with nobody else. */
export interface ConnectionStoreUnderTest {
  /** A store that holds nothing under the keys of this case. */
  readonly store: ConnectionStore;
  /** Called at the end of the case, whatever came of it. */
  readonly close?: (() => void | Promise<void>) | undefined;
}

/** What one case plays with. Each step throws an AssertionError where the store does something else. */
export interface StoreScene {
  readonly store: ConnectionStore;
  readonly key: string;
  /** Saves, and wins. @returns the new version */
  readonly wins: (record: string, ifVersion?: string, key?: string) => Promise<string>;
  /** Saves, and loses. */
  readonly loses: (record: string, ifVersion: string | undefined, what: string) => Promise<void>;
  /** Removes, and does it or not. */
  readonly removes: (ifVersion: string, done: boolean, what: string) => Promise<void>;
  /** Loads this record; undefined: none. */
  readonly holds: (
    record: string | undefined,
    version: string | undefined,
    what: string,
    key?: string,
  ) => Promise<void>;
}

export type StorePlay = (scene: StoreScene) => Promise<void>;

/** Longer values are cut in messages: a record may have tens of thousands of characters. */
const SHOWN = { breakLength: Infinity, maxStringLength: 120, maxArrayLength: 30 };

/** @throws AssertionError that says what was expected, and what came */
export function agree(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const message = `${what}: expected ${inspect(expected, SHOWN)}, got ${inspect(actual, SHOWN)}`;
  throw new AssertionError({ message, actual, expected, operator: 'agree', stackStartFn: agree });
}

/** Sets the scene for one case on one key. */
export function storeScene(store: ConnectionStore, ofCase: string): StoreScene {
  return {
    store,
    key: ofCase,
    async wins(record, ifVersion, key = ofCase) {
      const version: unknown = await store.save(key, record, ifVersion);
      if (typeof version === 'string' && version !== '') return version;
      const when = ifVersion === undefined ? 'where there was no record' : 'with the version that was loaded';
      throw new AssertionError({
        message: `save ${when}: expected a version, as text, got ${inspect(version, SHOWN)}`,
        actual: version,
        operator: 'save',
      });
    },
    loses: async (record, ifVersion, what) => agree(await store.save(ofCase, record, ifVersion), undefined, what),
    removes: async (ifVersion, done, what) => agree(await store.remove(ofCase, ifVersion), done, what),
    async holds(record, version, what, key = ofCase) {
      const expected = record === undefined ? undefined : { record, version };
      agree(essence(await store.load(key)), expected, what);
    },
  };
}

/** What counts of an answer of `load`, which may be a row with more columns; anything but an object is shown as it is. */
function essence(loaded: unknown): unknown {
  if (typeof loaded !== 'object' || loaded === null) return loaded;
  const { record, version } = loaded as { record?: unknown; version?: unknown };
  return { record, version };
}
