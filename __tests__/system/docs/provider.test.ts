import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { API_BASE_URL, AUTHORIZE_URL, TOKEN_URL } from '../../../src/provider/token/endpoints';
import { DOCUMENTED_API_CODES } from '../../../src/provider/errors/error-table';
import { prose, root } from './markdown';

const DOCUMENT = 'docs/provider.md';
/** `[get-profile](https://api.appypie.com/get-profile), 2026-11-30` */
const PAGE_SEEN = /^\[([a-z-]+)\]\(https:\/\/api\.appypie\.com\/\1\), (\d{4}-\d{2}-\d{2})$/u;

interface Fact {
  readonly fact: string;
  readonly standing: string;
  readonly seen: string;
}

/** Of all tables of facts; each section has its own. */
const facts: readonly Fact[] = prose(DOCUMENT)
  .split(/\n(?=\| fact )/u)
  .slice(1)
  .flatMap((section) =>
    section
      .slice(0, section.search(/\n(?!\|)/u))
      .split('\n')
      .slice(2),
  )
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, fact = '', standing = '', seen = '']) => ({ fact, standing, seen }));
const documented = facts.filter(({ standing }) => standing.includes('documented'));
const pages = documented.map(({ seen }) => PAGE_SEEN.exec(seen)?.[1]);

test.each(documented)('"$fact" has the address of a page and the day on which it was seen there', ({ seen }) => {
  expect(seen).toMatch(PAGE_SEEN);
  const day = PAGE_SEEN.exec(seen)?.[2] ?? '';
  expect(new Date(day).toISOString().slice(0, 10)).toBe(day);
  expect(new Date(day).getTime()).toBeLessThanOrEqual(Date.now());
});

test('what no page says has no page', () => {
  const others = facts.filter((fact) => !documented.includes(fact));
  expect(others.length).toBeGreaterThan(5);
  expect(others.filter(({ seen }) => seen !== '–')).toEqual([]);
});

test('nothing is called documented outside the tables, but by the sentence that says what it means', () => {
  const lines = prose(DOCUMENT)
    .split('\n')
    .filter((line) => !line.startsWith('|') && /documented/iu.test(line));
  expect(lines).toEqual([expect.stringMatching(/^- \*\*documented\*\*: a page says so\./u)]);
});

test('the addresses and codes that the code has by default are among what is documented', () => {
  const text = documented.map(({ fact }) => fact).join('\n');
  const missing = [AUTHORIZE_URL, TOKEN_URL, API_BASE_URL, ...DOCUMENTED_API_CODES.map(String)].filter(
    (value) => !text.includes(value),
  );
  expect(missing).toEqual([]);
});

test('every page that the source takes a fact from is among them', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const cited = sources
    .flatMap((name) => [
      ...readFileSync(join(root, 'src', name), 'utf8').matchAll(/\bpages? "([a-z-]+)"(?: and "([a-z-]+)")?/gu),
    ])
    .flatMap(([, first, second]) => [first, second])
    .filter((page) => page !== undefined);
  expect(new Set(cited).size).toBeGreaterThan(3);
  expect(cited.filter((page) => !pages.includes(page))).toEqual([]);
});
