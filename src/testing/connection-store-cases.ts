import { randomBytes } from 'node:crypto';
import { KEYS } from './connection-store-keys';
import { agree, type StorePlay } from './connection-store-scene';

/** So many at once. */
const CROWD = 20;

/** Who wins. */
const VERSIONS: Readonly<Record<string, StorePlay>> = {
  'a key that nothing was saved under is absent': async ({ holds }) => {
    await holds(undefined, undefined, 'load where nothing was saved');
  },
  'what was saved is loaded, with the version that save has given': async ({ wins, holds }) => {
    const version = await wins('record 1');
    await holds('record 1', version, 'load after save');
    await holds('record 1', version, 'load once more');
  },
  'a save that wants the key absent loses where there is a record, and changes nothing': async ({
    wins,
    loses,
    holds,
  }) => {
    const version = await wins('record 1');
    await loses('record 2', undefined, 'a second save that wants the key absent');
    await holds('record 1', version, 'load after a save that has lost');
  },
  'a save with the version that was loaded replaces the record, under a new version': async ({ wins, holds }) => {
    const first = await wins('record 1');
    const second = await wins('record 2', first);
    await holds('record 2', second, 'load after the record was replaced');
    agree(second === first, false, 'whether the new version is the old one');
  },
  'a save with a version that has been replaced loses, and changes nothing': async ({ wins, loses, holds }) => {
    const first = await wins('record 1');
    const second = await wins('record 2', first);
    await loses('record 3', first, 'save with a version that has been replaced');
    await holds('record 2', second, 'load after a save that has lost');
  },
  'a save with the version of a record that has been removed loses, and the key stays absent': async ({
    wins,
    loses,
    removes,
    holds,
  }) => {
    const first = await wins('record 1');
    await removes(first, true, 'remove with the version that was loaded');
    await loses('record 2', first, 'save with the version of a record that has been removed');
    await holds(undefined, undefined, 'load after a save that has lost');
  },
  'a removal with the version that was loaded makes the key absent, once': async ({ wins, removes, holds }) => {
    const version = await wins('record 1');
    await removes(version, true, 'remove with the version that was loaded');
    await holds(undefined, undefined, 'load after remove');
    await removes(version, false, 'remove once more');
  },
  'a removal with a version that has been replaced does nothing': async ({ wins, removes, holds }) => {
    const first = await wins('record 1');
    const second = await wins('record 2', first);
    await removes(first, false, 'remove with a version that has been replaced');
    await holds('record 2', second, 'load after a removal that has done nothing');
  },
};

/** A writer with an old version must lose, whatever has happened since. */
const NEVER_AGAIN: Readonly<Record<string, StorePlay>> = {
  'no version of a key is given twice': async ({ wins, removes }) => {
    const versions: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      let version = await wins('record');
      versions.push(version);
      for (let change = 0; change < 4; change += 1) versions.push((version = await wins('record', version)));
      await removes(version, true, 'remove with the version that save has given');
    }
    agree(new Set(versions).size, versions.length, `versions that differ, of ${versions.length}`);
  },
  'a version does not come back with the text of a record': async ({ wins, loses, removes, holds }) => {
    const first = await wins('record 1');
    const third = await wins('record 1', await wins('record 2', first));
    await loses('record 3', first, 'save with the version that the same record had before');
    await removes(first, false, 'remove with the version that the same record had before');
    await holds('record 1', third, 'load after both have lost');
  },
  'a version does not come back after a removal: with it nothing is saved or removed': async ({
    wins,
    loses,
    removes,
    holds,
  }) => {
    const first = await wins('record 1');
    await removes(first, true, 'remove with the version that was loaded');
    const second = await wins('record 1');
    await loses('record 2', first, 'save with a version from before the removal');
    await removes(first, false, 'remove with a version from before the removal');
    await holds('record 1', second, 'load after both have lost');
  },
};

const PRINTABLE = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');
const random = (length: number): string => randomBytes(length).toString('base64url').slice(0, length);

/** Records are printable ASCII. Long ones and short ones take turns, so that nothing of an older one is left. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['one character', 'x'],
  ['65,536 characters', random(65_536)],
  ['JSON, its spaces, order and escapes included', String.raw`{"b": 1.0,  "a":"\"\\ \n \u00e9 ' %s $1 :a ?"}`],
  ['4,097 characters', random(4097)],
  ['digits', '007'],
  ['every printable character, with spaces at the ends', `${PRINTABLE} `],
  ['a word that means something elsewhere', 'null'],
];

const LETTERS: Readonly<Record<string, StorePlay>> = {
  'a record is kept to the letter': async ({ wins, holds }) => {
    let version: string | undefined;
    for (const [what, record] of TEXTS) {
      version = await wins(record, version);
      await holds(record, version, `load of a record that is ${what}`);
    }
  },
};

/** The places of those who have won. */
function winners(answers: readonly unknown[], lost: undefined | false): readonly number[] {
  return [...answers.keys()].filter((at) => answers[at] !== lost);
}

/** Saves many records at once, of which one has to be there afterwards. */
function crowd(before: readonly string[]): StorePlay {
  return async ({ store, key, wins, holds }) => {
    let version: string | undefined;
    for (const record of before) version = await wins(record, version);
    const record = (at: number | undefined): string => `record of writer ${at ?? 'nobody'}`;
    const saves = Array.from({ length: CROWD }, (_, at) => store.save(key, record(at), version));
    const answers = await Promise.all(saves);
    const [winner, ...others] = winners(answers, undefined);
    agree(1 + others.length, 1, `saves that have won, of ${CROWD} at once`);
    await holds(record(winner), answers[winner ?? 0], 'load after the one that has won');
  };
}

/** Several at once. Where a store looks first and writes then, two see the same. */
const AT_ONCE: Readonly<Record<string, StorePlay>> = {
  'of 20 saves at once that want the key absent exactly one wins': crowd([]),
  'of 20 saves at once from one version exactly one wins': crowd(['record 1', 'record 2']),
  'of 20 removals at once exactly one removes': async ({ store, key, wins, holds }) => {
    const version = await wins('record 1');
    const answers = await Promise.all(Array.from({ length: CROWD }, () => store.remove(key, version)));
    agree(winners(answers, false).length, 1, `removals that have removed, of ${CROWD} at once`);
    await holds(undefined, undefined, 'load after the one that has removed');
  },
  'of a save and a removal at once exactly one wins': async ({ store, key, wins, holds, removes }) => {
    for (let round = 0; round < CROWD; round += 1) {
      const version = await wins('record 1');
      const save = (): Promise<unknown> => store.save(key, 'record 2', version);
      const remove = (): Promise<unknown> => store.remove(key, version);
      const [first, second] = await Promise.all(round % 2 === 0 ? [save(), remove()] : [remove(), save()]);
      const [saved, removed] = round % 2 === 0 ? [first, second] : [second, first];
      agree(
        [saved === undefined, removed],
        [removed, saved === undefined],
        'whether the save has lost, and the removal won',
      );
      const left = typeof saved === 'string' ? saved : undefined;
      await holds(left === undefined ? undefined : 'record 2', left, 'load after the one that has won');
      if (left !== undefined) await removes(left, true, 'remove with the version that save has given');
    }
  },
  'a load while others save gives a record with its own version': async ({ store, key, wins }) => {
    const version = await wins('record 0');
    const saved = new Map<unknown, string>([[version, 'record 0']]);
    const loaded = [];
    for (let round = 1, last = version; round <= CROWD; round += 1) {
      const record = `record ${round}`;
      const [before, next, after] = await Promise.all([store.load(key), wins(record, last), store.load(key)]);
      saved.set((last = next), record);
      loaded.push(before, after);
    }
    for (const one of loaded) agree(one?.record, saved.get(one?.version), 'the record of a version');
  },
};

/** Every case, by its name. */
export const STORE_CASES: Readonly<Record<string, StorePlay>> = {
  ...VERSIONS,
  ...NEVER_AGAIN,
  ...LETTERS,
  ...AT_ONCE,
  ...KEYS,
};
