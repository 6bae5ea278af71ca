import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, table } from './markdown';

/** Words that were given up, each for one of the glossary or of plain English. Names that users have written down stay. */
const GIVEN_UP: readonly (readonly [string, RegExp])[] = [
  ['connection id', /(?<!stem\})\blineages?\b/iu],
  ['outcome, finished, returnTo', /\bland(?:ed|ings?)\b/iu],
  ['pending sign-in', /\blogin[ -]?attempt/iu],
  ['sealed', /\benvelopes?\b(?!:| ===)/iu],
  ['reported, learns, asked', /\btold\b/iu],
  ['whitespace', /\bblanks?\b/iu],
  ['newline', /\bline end\b/iu],
  ['is not a', /(?<!there )\b(?:is|are) no (?!longer|more|way|other|such)[a-z]/iu],
  ['across processes', /\bover all processes\b/iu],
];

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.m?ts$/u.test(file),
);

test.each(GIVEN_UP)('src/ says %s', (_instead, word) => {
  const found = sources.flatMap((file) =>
    readFileSync(join(root, 'src', file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (word.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [])),
  );
  expect(sources.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});

test('the glossary of CONTRIBUTING has at most 25 terms, and the code uses each', () => {
  const terms = table('CONTRIBUTING.md', 'term').map(([term = '']) => term);
  expect(terms.length).toBeGreaterThan(10);
  expect(terms.length).toBeLessThanOrEqual(25);
  const text = sources.map((file) => readFileSync(join(root, 'src', file), 'utf8')).join('\n');
  const unused = terms.filter((term) => !new RegExp(term.replace(/[ -]/gu, '[ -]?'), 'iu').test(text));
  expect(unused).toEqual([]);
});
