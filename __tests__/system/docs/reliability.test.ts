import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { prose, root } from './markdown';

interface Row {
  readonly promised: string;
  readonly shownBy: string;
}

/** A file of tests, or of scenarios that several of them run. */
const TESTS = /^__tests__\/(?:[\w/-]+\.test|support\/endings[a-z-]*)\.ts$/u;

/** The rows of every table whose first column says what is promised. */
const ROWS: readonly Row[] = prose('docs/reliability.md')
  .split(/\n{2,}/u)
  .filter((block) => block.startsWith('| promised '))
  .flatMap((block) => block.trim().split('\n').slice(2))
  .map((line) => line.split(/(?<!\\)\|/u).map((cell) => cell.trim()))
  .map(([, promised = '', shownBy = '']) => ({ promised, shownBy }));

/** What a row names: words of a title, and the file with that test. */
function shown({ shownBy }: Row): readonly (readonly [words: string, file: string])[] {
  return [...shownBy.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+)\)/gu)].map(([, words = '', file = '']) => [words, file]);
}

test('docs/reliability.md promises something', () => {
  expect(ROWS.length).toBeGreaterThan(1);
});

test.each(ROWS.map((row) => [row.promised.slice(0, 60), row] as const))(
  '“%s …” names tests that exist',
  (_words, row) => {
    const named = shown(row);
    expect(named.length).toBeGreaterThan(0);
    const missing = named.filter(([words, file]) => {
      const path = join(root, file);
      return !TESTS.test(file) || !existsSync(path) || !readFileSync(path, 'utf8').includes(words);
    });
    expect(missing).toEqual([]);
  },
);
