import { randomInt } from 'node:crypto';
import { agree, type StorePlay, type StoreScene } from './connection-store-scene';

/** A key is a user as the app names it, so it is any text without control characters. */
function apart(keysOf: (key: string) => readonly string[]): StorePlay {
  return async (scene) => {
    const { store, wins, holds } = scene;
    const versions = new Map<string, string>();
    for (const key of keysOf(scene.key)) {
      await holds(undefined, undefined, `load of ${named(key)}, which nothing was saved under`, key);
      versions.set(key, await wins(`record ${versions.size}`, undefined, key));
    }
    await allHold(scene, versions, 'record');
    for (const [at, [key, version]] of [...versions].entries())
      versions.set(key, await wins(`new ${at}`, version, key));
    await allHold(scene, versions, 'new');
    for (const [key, version] of versions) {
      agree(await store.remove(key, version), true, `remove of ${named(key)}, the others being there`);
      await holds(undefined, undefined, `load of ${named(key)} after remove`, key);
    }
  };
}

async function allHold({ holds }: StoreScene, versions: ReadonlyMap<string, string>, record: string): Promise<void> {
  for (const [at, [key, version]] of [...versions].entries()) {
    await holds(`${record} ${at}`, version, `load of ${named(key)}`, key);
  }
}

/** A key as a message shows it: its end, where keys differ, in printable ASCII. */
function named(key: string): string {
  const shown = key.length > 60 ? `…${key.slice(-20)}` : key;
  return JSON.stringify(shown).replace(/[^\x20-\x7e]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16) ?? ''}}`);
}

/** More digits than a number has. */
const digits = (): string => Array.from({ length: 20 }, () => randomInt(1, 9)).join('');

/** No key of a case of its own can be one of these, so an earlier run may have left something. */
const MEMBERS = ['__proto__', 'constructor', 'hasOwnProperty', 'prototype', 'toString', 'valueOf'] as const;
const members: StorePlay = async (scene) => {
  for (const key of MEMBERS) {
    const left: unknown = await scene.store.load(key);
    const { version } = Object(left) as { version?: unknown };
    if (typeof version === 'string') await scene.store.remove(key, version);
  }
  await apart(() => MEMBERS)(scene);
};

/** Which keys are different. */
export const KEYS: Readonly<Record<string, StorePlay>> = {
  'what happens to one key happens to no other': apart((key) => [`${key}-a`, `${key}-b`, key]),
  'keys are apart that differ only in letter case': apart((key) => [`${key}-aa`, `${key}-aA`, `${key}-AA`]),
  'keys are apart that differ only in spaces': apart((key) => [key, `${key} `, ` ${key}`, `${key}  `, `${key}\u00a0`]),
  'keys are apart that differ only in accents, their spelling or an emoji': apart((key) =>
    ['e', 'é', 'e\u0301', 'ss', 'ß', 'ı', 'i', '😀', '😁', '👩‍💻', '👩'].map((end) => `${key}-${end}`),
  ),
  'keys are apart, and whole, that hold what databases read as something else': apart((key) => [
    ...[
      '%',
      '_',
      '*',
      '?',
      '.',
      'a',
      'ab',
      '%25',
      '%s',
      '$1',
      ':a',
      '{a}',
      '{b}',
      '[a]',
      '(',
      '#',
      '/',
      '/..',
      ':',
    ].map((end) => `${key}-${end}`),
    ...["'", "''", '"', '""', '`', '\\', '\\\\', "\\'", "'; --", "' OR ''='", '<a>', '&amp;', '&'].map(
      (end) => `${key}-${end}`,
    ),
    ...['a:b', 'a:c', '{x}:a', '{x}:b', 'null', 'undefined', '\\u0000', '\\n', '+', ' ', '%20'].map(
      (end) => `${key}:${end}`,
    ),
  ]),
  'keys are apart that a database may take for one number': apart(() => {
    const number = digits();
    const last = Number(number.at(-1));
    return [number, `0${number}`, `${number}.0`, `${number}e0`, `+${number}`, `${number.slice(0, -1)}${last + 1}`];
  }),
  'keys are apart that are long and differ only at their end': apart((key) =>
    ['x', '漢', '𠮷'].flatMap((letter) =>
      ['a', 'b'].map((end) => `${key}:${letter.repeat(255 / letter.length)}${end}`),
    ),
  ),
  'keys are apart, and at first absent, that every object has as members': members,
};
