import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SWITCHES, SWITCH_NAMES, isChoice } from '../../../src/testing/switches';
import { SANDBOX_API_CODES } from 'express-connect-auth/testing';
import { refusalAnswer } from '../../../src/testing/error-shapes';
import type { SandboxSwitches } from 'express-connect-auth/testing';

// Without the padding that lines the columns of a table up.
const DOCS = readFileSync(join(__dirname, '../../../docs/testing.md'), 'utf8').replaceAll(/ +\|/g, ' |');

describe('the first test of docs/testing.md runs as printed:', () => {
  const code = /```js\n([^]+?)```/.exec(DOCS)?.[1] ?? '';
  // The names that Jest gives to every test file, and its `require`, which leads to this package's source.
  const names = { require, beforeAll, beforeEach, afterAll, test, expect };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function(...Object.keys(names), code)(...Object.values(names));
});

describe('the test for Vitest in docs/testing.md runs, by the names of Jest:', () => {
  const code = /```js\n\/\/ connect\.test\.mjs\n([^]+?)```/.exec(DOCS)?.[1] ?? '';
  const imports = [...code.matchAll(/^import (.+) from '(.+)';$/gmu)].map(([, names = '', from = '']) => ({
    names,
    from,
  }));
  const globals = imports.find(({ from }) => from === 'vitest')?.names;
  expect(globals).toBe('{ afterAll, beforeAll, beforeEach, expect, test }');
  const required = imports
    .filter(({ from }) => from !== 'vitest')
    .map(({ names, from }) => `const ${names} = require('${from}');`);
  const names = { require, beforeAll, beforeEach, afterAll, test, expect };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function(...Object.keys(names), required.join('\n') + code.replace(/^import .*$/gmu, ''))(
    ...Object.values(names),
  );
});

test('docs/testing.md lists every switch with its values, the default first, and nothing else', () => {
  const table = DOCS.slice(DOCS.indexOf('| switch | values |'), DOCS.indexOf('An unknown switch or value'));
  const printed = [...table.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, name, values]) => [name, values]);
  const spelled = (word: string | number): string => (typeof word === 'string' ? `\`'${word}'\`` : `\`${word}\``);
  const rows = SWITCH_NAMES.map((name) => {
    const row = SWITCHES[name];
    if (row === 'key') return [name, "`'ignored'` `{ required: 'key' }`"];
    if (!isChoice(row)) return [name, `\`${row.default}\`, or another number from ${row.from} on`];
    return [name, name === 'errorShape' ? 'see below' : row.map(spelled).join(' ')];
  });
  expect(printed).toEqual(rows);
});

test('docs/testing.md describes every error shape', () => {
  const section = DOCS.slice(DOCS.indexOf('### Error shapes'));
  const table = /(?:^\|.*\n)+/m.exec(section)?.[0] ?? '';
  const shapes = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`'(\w+)'`/g)].map(([, shape]) => shape),
  );
  expect(shapes).toEqual(SWITCHES.errorShape);
});

test('docs/testing.md prints code 2036 in each shape as the sandbox sends it', () => {
  const rows = [...DOCS.matchAll(/^\| `'(\w+)'` \| `([^`]+)`/gm)].map(([, shape, body]) => [shape, body]);
  const sent = rows.map(([shape]) => {
    const errorShape = shape as SandboxSwitches['errorShape'];
    return [shape, refusalAnswer({ apiCode: 2036 }, { errorShape, errorStatus: 'matching' }).body];
  });
  expect(rows).toHaveLength(15);
  expect(rows).toEqual(sent);
});

test('docs/testing.md prints the OAuth name and the status of each code as the sandbox sends them', () => {
  const rows = [...DOCS.matchAll(/^\| ([\d, ]+) \| `(\w+)`.*\| (\d+|the code; 400 in the shape `'oauth'`) \|$/gm)];
  const printed = rows
    .flatMap(([, codes, oauthError, status]) =>
      (codes ?? '')
        .split(', ')
        .map((code) => [Number(code), oauthError, Number.isNaN(Number(status)) ? 400 : Number(status)] as const),
    )
    .sort(([a], [b]) => a - b);
  const sent = SANDBOX_API_CODES.map((apiCode) => {
    const { status, body } = refusalAnswer({ apiCode }, { errorShape: 'oauth', errorStatus: 'matching' });
    return [apiCode, (JSON.parse(body) as { error: string }).error, status];
  });
  expect(printed).toEqual(sent);
});
