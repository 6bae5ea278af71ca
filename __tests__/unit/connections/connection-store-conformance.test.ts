import { AssertionError } from 'node:assert';
import { createHash, randomUUID } from 'node:crypto';
import { setImmediate as oneTurn } from 'node:timers/promises';
import type { ConnectionStore, StoredConnection } from '../../../src/connections/connection-store';
import { connectionStoreConformance, type ConnectionStoreUnderTest } from '../../../src/testing';

/** Where a store keeps its records. */
interface Kept {
  get(key: string): StoredConnection | undefined;
  set(key: string, stored: StoredConnection): unknown;
  delete(key: string): unknown;
}

/** A store that is sound but for what is passed. */
interface Flaws {
  readonly kept?: () => Kept;
  /** How a key is written. */
  readonly spell?: (key: string) => string;
  /** What is left of a record. */
  readonly keep?: (record: string) => string;
  readonly version?: (record: string, held: StoredConnection | undefined) => string;
  readonly maySave?: (held: StoredConnection | undefined, ifVersion: string | undefined) => boolean;
  readonly mayRemove?: (held: StoredConnection | undefined, ifVersion: string) => boolean;
  /** Between looking and writing. */
  readonly pause?: () => Promise<void>;
}

const asItIs = (text: string): string => text;
const isHeld = (held: StoredConnection | undefined, version: string | undefined): boolean => held?.version === version;

function storeWith(flaws: Flaws = {}): ConnectionStore {
  const { spell = asItIs, keep = asItIs, version = () => randomUUID() } = flaws;
  const { maySave = isHeld, mayRemove = isHeld, pause } = flaws;
  const kept = flaws.kept?.() ?? new Map<string, StoredConnection>();
  return {
    load: (key) => Promise.resolve(kept.get(spell(key))),
    async save(key, record, ifVersion) {
      const held = kept.get(spell(key));
      if (!maySave(held, ifVersion)) return undefined;
      if (pause !== undefined) await pause();
      const stored = { record: keep(record), version: version(record, held) };
      kept.set(spell(key), stored);
      return stored.version;
    },
    async remove(key, ifVersion) {
      if (!mayRemove(kept.get(spell(key)), ifVersion)) return false;
      if (pause !== undefined) await pause();
      kept.delete(spell(key));
      return true;
    },
  };
}

/** One operation of a sound store in another way. */
function changed(change: (sound: ConnectionStore) => Partial<ConnectionStore>): ConnectionStore {
  const sound = storeWith();
  return { ...sound, ...change(sound) };
}

function plainObject(): Kept {
  const records: Record<string, StoredConnection | undefined> = {};
  return {
    get: (key) => records[key],
    set: (key, stored) => (records[key] = stored),
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- as such stores do it
    delete: (key) => delete records[key],
  };
}

/** What is put first stays, as with a cache in front of the database that nobody clears. */
function staleMap(): Kept {
  const records = new Map<string, StoredConnection>();
  const seen = new Map<string, StoredConnection | undefined>();
  return {
    get(key) {
      if (!seen.has(key)) seen.set(key, records.get(key));
      return seen.get(key);
    },
    set: (key, stored) => records.set(key, stored),
    delete: (key) => records.delete(key),
  };
}

/** A record and its version are read one after the other. */
function tornLoad(): ConnectionStore {
  return changed(({ load }) => ({
    async load(key) {
      const before = await load(key);
      await oneTurn();
      const after = await load(key);
      return before && after && { record: before.record, version: after.version };
    },
  }));
}

/** Answers before it has written. */
function lateStore(): ConnectionStore {
  const records = new Map<string, StoredConnection>();
  return {
    load: (key) => Promise.resolve(records.get(key)),
    save(key, record, ifVersion) {
      if (!isHeld(records.get(key), ifVersion)) return Promise.resolve(undefined);
      const stored = { record, version: randomUUID() };
      setImmediate(() => records.set(key, stored));
      return Promise.resolve(stored.version);
    },
    remove(key, ifVersion) {
      const isOurs = isHeld(records.get(key), ifVersion);
      if (isOurs) setImmediate(() => records.delete(key));
      return Promise.resolve(isOurs);
    },
  };
}

const next = (held: StoredConnection | undefined): string => String(Number(held?.version ?? 0) + 1);
const numeric = (key: string): string => (/^[\d.e+]+$/u.test(key) ? String(Number(key)) : key);
const withoutAccents = (key: string): string => key.normalize('NFD').replace(/\p{M}/gu, '');

/** What is wrong with a store, how it comes about, and a case that shows it. */
const FAULTS: readonly (readonly [string, () => ConnectionStore, string])[] = [
  [
    'null for a record that is not there',
    () => changed(({ load }) => ({ load: async (key) => (await load(key)) ?? (null as unknown as undefined) })),
    'a key that nothing was saved under is absent',
  ],
  [
    'a row of nulls for a record that is not there',
    () => changed(({ load }) => ({ load: async (key) => (await load(key)) ?? { record: '', version: '' } })),
    'a key that nothing was saved under is absent',
  ],
  [
    'a version that is a number',
    () => {
      let versions = 0;
      return storeWith({ version: () => (versions += 1) as unknown as string });
    },
    'what was saved is loaded, with the version that save has given',
  ],
  [
    'an empty version',
    () => storeWith({ version: () => '' }),
    'what was saved is loaded, with the version that save has given',
  ],
  [
    'true for a version',
    () => changed(({ save }) => ({ save: async (...all) => (await save(...all)) && (true as unknown as string) })),
    'what was saved is loaded, with the version that save has given',
  ],
  ['an answer before it has written', lateStore, 'what was saved is loaded, with the version that save has given'],
  [
    'a cache that nobody clears',
    () => storeWith({ kept: staleMap }),
    'what was saved is loaded, with the version that save has given',
  ],
  [
    'an upsert for a record that has to be absent',
    () => storeWith({ maySave: (held, ifVersion) => ifVersion === undefined || isHeld(held, ifVersion) }),
    'a save that wants the key absent loses where there is a record, and changes nothing',
  ],
  [
    'an insert where the version is gone',
    () => storeWith({ maySave: (held, ifVersion) => held === undefined || isHeld(held, ifVersion) }),
    'a save with the version of a record that has been removed loses, and the key stays absent',
  ],
  [
    'a save that looks at no version',
    () => storeWith({ maySave: (held, ifVersion) => (held === undefined) === (ifVersion === undefined) }),
    'a save with a version that has been replaced loses, and changes nothing',
  ],
  [
    'a record that is written once only',
    () => storeWith({ maySave: (held) => held === undefined }),
    'a save with the version that was loaded replaces the record, under a new version',
  ],
  [
    'null for a save that has lost',
    () => changed(({ save }) => ({ save: async (...all) => (await save(...all)) ?? (null as unknown as undefined) })),
    'a save that wants the key absent loses where there is a record, and changes nothing',
  ],
  [
    'a removal that looks at no version',
    () => storeWith({ mayRemove: (held) => held !== undefined }),
    'a removal with a version that has been replaced does nothing',
  ],
  [
    'true also when nothing was removed',
    () => changed(({ remove }) => ({ remove: (...all) => remove(...all).then(() => true) })),
    'a removal with the version that was loaded makes the key absent, once',
  ],
  [
    'a count of removed rows',
    () => changed(({ remove }) => ({ remove: (...all) => remove(...all).then((is) => Number(is) as unknown as true) })),
    'a removal with the version that was loaded makes the key absent, once',
  ],
  [
    'a removal that removes nothing',
    () => changed(({ load }) => ({ remove: async (key, version) => isHeld(await load(key), version) })),
    'a removal with the version that was loaded makes the key absent, once',
  ],
  [
    'the hash of the record as its version',
    () => storeWith({ version: (record) => createHash('sha256').update(record).digest('hex') }),
    'a version does not come back with the text of a record',
  ],
  [
    'a counter that begins again after a removal',
    () => storeWith({ version: (_record, held) => next(held) }),
    'a version does not come back after a removal: with it nothing is saved or removed',
  ],
  [
    'versions that are rounded to whole thousands',
    () => {
      let ids = 0;
      return storeWith({ version: () => String(Math.floor((ids += 1) / 1000)) });
    },
    'no version of a key is given twice',
  ],
  [
    'records in lower case',
    () => storeWith({ keep: (record) => record.toLowerCase() }),
    'a record is kept to the letter',
  ],
  [
    'records of 4,096 characters',
    () => storeWith({ keep: (text) => text.slice(0, 4096) }),
    'a record is kept to the letter',
  ],
  [
    'records of 65,535 bytes, as TEXT of MySQL',
    () => storeWith({ keep: (text) => text.slice(0, 65_535) }),
    'a record is kept to the letter',
  ],
  [
    'records without spaces at their ends',
    () => storeWith({ keep: (text) => text.trim() }),
    'a record is kept to the letter',
  ],
  [
    'records that are parsed where they are JSON',
    () =>
      storeWith({
        keep(record) {
          try {
            return JSON.stringify(JSON.parse(record));
          } catch {
            return record;
          }
        },
      }),
    'a record is kept to the letter',
  ],
  [
    'records with escapes that are read',
    () => storeWith({ keep: (record) => record.replaceAll('\\\\', '\\') }),
    'a record is kept to the letter',
  ],
  [
    'a pause between look and write',
    () => storeWith({ pause: oneTurn }),
    'of 20 saves at once that want the key absent exactly one wins',
  ],
  [
    'a pause between look and write, unless the key is new',
    () => {
      const busy = new Set<string>();
      const loose = storeWith({ pause: oneTurn });
      return {
        ...loose,
        async save(key, record, ifVersion) {
          if (ifVersion === undefined) {
            if (busy.has(key)) return undefined;
            busy.add(key);
          }
          return loose.save(key, record, ifVersion).finally(() => void busy.delete(key));
        },
      };
    },
    'of 20 saves at once from one version exactly one wins',
  ],
  [
    'a removal with a pause between look and write',
    () =>
      changed(({ load, remove }) => ({
        async remove(key, version) {
          if (!isHeld(await load(key), version)) return false;
          await oneTurn();
          await remove(key, version);
          return true;
        },
      })),
    'of 20 removals at once exactly one removes',
  ],
  [
    'a removal that does not see a save at the same time',
    () =>
      changed(({ load, remove }) => {
        const removing = new Set<string>();
        return {
          async remove(key, version) {
            if (removing.has(key) || !isHeld(await load(key), version)) return false;
            removing.add(key);
            await oneTurn();
            removing.delete(key);
            return remove(key, (await load(key))?.version ?? '');
          },
        };
      }),
    'of a save and a removal at once exactly one wins',
  ],
  ['a record and its version in two reads', tornLoad, 'a load while others save gives a record with its own version'],
  ['one record for all', () => storeWith({ spell: () => 'one' }), 'what happens to one key happens to no other'],
  [
    'keys in lower case',
    () => storeWith({ spell: (key) => key.toLowerCase() }),
    'keys are apart that differ only in letter case',
  ],
  [
    'keys without spaces at their ends',
    () => storeWith({ spell: (key) => key.trim() }),
    'keys are apart that differ only in spaces',
  ],
  [
    'keys that are compared as CHAR is',
    () => storeWith({ spell: (key) => key.trimEnd() }),
    'keys are apart that differ only in spaces',
  ],
  [
    'keys in normal form',
    () => storeWith({ spell: (key) => key.normalize('NFC') }),
    'keys are apart that differ only in accents, their spelling or an emoji',
  ],
  [
    'keys without accents',
    () => storeWith({ spell: withoutAccents }),
    'keys are apart that differ only in accents, their spelling or an emoji',
  ],
  [
    'keys in an encoding without emoji',
    () => storeWith({ spell: (key) => key.replace(/[\u{10000}-\u{10FFFF}]/gu, '?') }),
    'keys are apart that differ only in accents, their spelling or an emoji',
  ],
  [
    'keys that are read as a pattern',
    () => {
      const records = new Map<string, StoredConnection>();
      const like = (key: string): string =>
        [...records.keys()].find((one) =>
          new RegExp(
            `^${key
              .replace(/[$()*+.?[\\\]^{|}]/gu, '\\$&')
              .replaceAll('%', '.*')
              .replaceAll('_', '.')}$`,
            'u',
          ).test(one),
        ) ?? key;
      return storeWith({
        kept: () => ({
          get: (key) => records.get(like(key)),
          set: (key, stored) => records.set(key, stored),
          delete: (key) => records.delete(key),
        }),
      });
    },
    'keys are apart, and whole, that hold what databases read as something else',
  ],
  [
    'quotes that are written twice',
    () => storeWith({ spell: (key) => key.replace(/'+/gu, "'") }),
    'keys are apart, and whole, that hold what databases read as something else',
  ],
  [
    'keys that end at a colon',
    () => storeWith({ spell: (key) => key.split(':')[0] ?? '' }),
    'keys are apart, and whole, that hold what databases read as something else',
  ],
  [
    'keys that are decoded',
    () => storeWith({ spell: (key) => key.replaceAll('%25', '%') }),
    'keys are apart, and whole, that hold what databases read as something else',
  ],
  [
    'keys that are numbers where they look like it',
    () => storeWith({ spell: numeric }),
    'keys are apart that a database may take for one number',
  ],
  [
    'keys of 255 characters',
    () => storeWith({ spell: (key) => key.slice(0, 255) }),
    'keys are apart that are long and differ only at their end',
  ],
  [
    'keys that are too long refused',
    () =>
      changed(({ save }) => ({
        save: (key, ...rest) => (Buffer.byteLength(key) > 767 ? Promise.resolve(undefined) : save(key, ...rest)),
      })),
    'keys are apart that are long and differ only at their end',
  ],
  [
    'a plain object for a map',
    () => storeWith({ kept: plainObject }),
    'keys are apart, and at first absent, that every object has as members',
  ],
];

/** The cases that fail, with what they say. */
async function failures(make: () => ConnectionStoreUnderTest): Promise<ReadonlyMap<string, unknown>> {
  const failed = new Map<string, unknown>();
  for (const { name, run } of connectionStoreConformance(make)) {
    await run().catch((error: unknown) => failed.set(name, error));
  }
  return failed;
}

test('a sound store is found sound', async () => {
  expect(await failures(() => ({ store: storeWith() }))).toEqual(new Map());
});

test.each(FAULTS)('%s: found', async (_fault, make, name) => {
  const failed = await failures(() => ({ store: make() }));
  expect([...failed.keys()]).toContain(name);
  const error = failed.get(name);
  expect(error).toBeInstanceOf(AssertionError);
  expect((error as Error).message).toMatch(/: expected .+, got .+$/u);
  expect((error as Error).message.length).toBeLessThan(1000);
});

test('each case finds something, and all are named above', () => {
  const cases = connectionStoreConformance(() => ({ store: storeWith() })).map(({ name }) => name);
  expect(new Set(FAULTS.map(([, , name]) => name))).toEqual(new Set(cases));
});

test('a store that rejects fails its case with its own words', async () => {
  const store = changed(() => ({ load: () => Promise.reject(new Error('no such table')) }));
  const failed = await failures(() => ({ store }));
  expect(failed.size).toBeGreaterThan(15);
  expect(failed.get('a key that nothing was saved under is absent')).toEqual(new Error('no such table'));
});

test('each case makes a store, and closes it also when it fails', async () => {
  const seen: string[] = [];
  const make = (): ConnectionStoreUnderTest => {
    seen.push('made');
    return { store: storeWith({ maySave: () => false }), close: () => void seen.push('closed') };
  };
  const failed = await failures(make);
  const cases = connectionStoreConformance(make);
  expect([...failed.keys()]).toEqual(cases.map(({ name }) => name).slice(1));
  expect(seen).toEqual(cases.flatMap(() => ['made', 'closed']));
});

test('a case can be run again on a store that keeps what is in it', async () => {
  const store = storeWith();
  expect(await failures(() => ({ store }))).toEqual(new Map());
  expect(await failures(() => ({ store }))).toEqual(new Map());
});
