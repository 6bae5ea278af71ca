import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { redisLedgerConfig } from '../../../src/ledger/redis/options';
import { root } from '../../support/packed';
import { table } from './markdown';

const source = join(root, 'src');
const CONSTANT =
  /^(?:export )?const ([A-Z][A-Z0-9_]*) = ([\d_.]+(?: \* [\w.]+)*|[A-Z][A-Z_]* *(?:\* [\w.]+)*|[\d.]+ \* [A-Z_]+);$/gmu;

/** Module-level numbers of a file by name. Products are the only arithmetic in them. */
function constantsOf(path: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [, name = '', expression = ''] of readFileSync(path, 'utf8').matchAll(CONSTANT)) {
    const factors = expression.split('*').map((text) => found.get(text.trim()) ?? Number(text.replaceAll('_', '')));
    found.set(
      name,
      factors.reduce((product, factor) => product * factor, 1),
    );
  }
  return found;
}

const sources = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
  (path) => path.endsWith('.ts') && !/^(?:cli|testing)[\\/]/u.test(path),
);
const constants = new Map<string, number>(
  sources.flatMap((path) => {
    const file = path.split(sep).join('/').replace(/\.ts$/u, '');
    return [...constantsOf(join(source, path))].map(([name, value]) => [`${file} ${name}`, value] as const);
  }),
);

const UNITS_IN_MS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, day: 86_400_000, days: 86_400_000 } as const;

/** What the limit is as a number in the constant's own unit, which its name ends with. */
function valueOf(limit: string, constant: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+)(?: (.+))?$/u.exec(limit) ?? [];
  const number = Number(digits.replaceAll(',', ''));
  if (unit === '%') return number / 100;
  if (unit === '' || unit === 'bytes') return number;
  const ms = number * UNITS_IN_MS[unit as keyof typeof UNITS_IN_MS];
  return constant.endsWith('_MS') ? ms : ms / 1000;
}

const rows = [
  ...readFileSync(join(root, 'docs/limits.md'), 'utf8').matchAll(/^\| (\d.*?) +\| .+ \| `(.+)` +\|$/gmu),
].map(([, limit = '', constant = '']) => ({ limit, constant }));

test.each(rows)('$constant is $limit', ({ limit, constant }) => {
  expect(constants.get(constant)).toBe(valueOf(limit, constant));
});

test('every time that the code keeps to, and every bound, is in the table', () => {
  const named = rows.map(({ constant }) => constant);
  const limits = [...constants.keys()].filter(
    (name) =>
      /_(?:MS|SECONDS|BYTES)$| (?:MOST|MAX|LONGEST|LARGEST|GREATEST|LEAST|SHORTEST)_?/u.test(name) &&
      !/^session\/seal (?:IV|TAG)_| DAY_MS$/u.test(name),
  );
  expect(limits.length).toBeGreaterThan(70);
  expect(limits.filter((name) => !named.includes(name))).toEqual([]);
});

test('no time stands in the middle of the code, where the table would not see it', () => {
  const inline = /\b(?:ms|\w+Ms|\w+Seconds)(?::| =) (?:[\w.]+\()*[1-9]|\w+Ms \/ [2-9]\b|\b[2-9] \* [\w.]+Ms\b/u;
  const lines = sources
    .filter((path) => !path.startsWith('options'))
    .flatMap((path) =>
      readFileSync(join(source, path), 'utf8')
        .split('\n')
        .filter((line) => inline.test(line.replace(/\/\/.*|^ *\*.*/u, '')))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(lines).toEqual([]);
});

/** As a table prints a word or a number. */
const expectedOf = (value: unknown): unknown => (typeof value === 'number' ? `${value}` : value);

test('the options of redisLedger have the defaults that their table gives', () => {
  const encryptionKeys = [{ id: 'a', secret: 's'.repeat(32) }];
  const config = redisLedgerConfig({ sendCommand: () => Promise.resolve(), encryptionKeys });
  const printed = table('docs/scaling.md', 'option of `redisLedger`')
    .filter(([, value]) => value !== 'required')
    .map(([name = '', value = '']) => [name.slice(1, -1), value.slice(1, -1).replace(/^'(.*)'$/u, '$1')]);
  expect(printed.length).toBeGreaterThan(1);
  expect(printed).toEqual(printed.map(([name = '']) => [name, expectedOf(config[name as keyof typeof config])]));
});
