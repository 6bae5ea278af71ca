import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

function mutate(...flags: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/mutate/main.mjs', ...flags], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stderr, lines: stdout.split('\n').filter(Boolean) };
}

test('the same seed gives the same sample of mutants, another seed another, a smaller sample its beginning', () => {
  const { status, lines } = mutate('--list', '--sample', '30', '--seed', '1');
  expect({ status, mutants: lines.length }).toEqual({ status: 0, mutants: 30 });
  expect(mutate('--list', '--sample', '10', '--seed', '1').lines).toEqual(lines.slice(0, 10));
  expect(mutate('--list', '--sample', '30', '--seed', '2').lines).not.toEqual(lines);
});

test('every mutant names its place, its operator and the change, and none is in cli or testing', () => {
  const { lines } = mutate('--list', '--sample', '100000');
  expect(lines.length).toBeGreaterThan(1000);
  const wellFormed = /^src\/(?!cli|testing)[\w/-]+\.ts:\d+:\d+ {2}[a-z]+ {2}\S.* -> ./;
  expect(lines.filter((line) => !wellFormed.test(line))).toEqual([]);
});

test('--only keeps to the files whose path begins so, and a path that no file begins with is a wrong flag', () => {
  const { lines } = mutate('--list', '--only', 'src/provider/');
  expect(lines.filter((line) => !line.startsWith('src/provider/'))).toEqual([]);
  expect(mutate('--list', '--only', 'src/nowhere')).toEqual({
    status: 2,
    stderr: 'No mutant below src/nowhere\n',
    lines: [],
  });
});

test.each(['--sample=many', '--sample=-1', '--seed=1.5', '--unknown'])('%s is refused', (flag) => {
  expect(mutate('--list', flag)).toMatchObject({ status: 2, lines: [] });
});

test('--help tells every flag', () => {
  const { status, lines } = mutate('--help');
  expect({ status, flags: lines.join('\n').match(/^ {2}--\w+/gm) }).toEqual({
    status: 0,
    flags: ['  --sample', '  --seed', '  --only', '  --list'],
  });
});
