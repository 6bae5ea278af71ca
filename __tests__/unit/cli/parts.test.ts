import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judgeClock } from '../../../src/cli/doctor/network-findings';
import { painter, progressOn, widthOf, wrap } from '../../../src/cli/terminal';
import { readEnvFile } from '../../../src/cli/doctor/env-file';
import type { Finding } from '../../../src/cli/doctor/finding';
import { judgeKey } from '../../../src/cli/doctor/token-endpoint-findings';
import { nearest } from '../../../src/checks/nearest';
import type { Outcome } from '../../../src/cli/doctor/outcome';
import { textReport } from '../../../src/cli/doctor/report';
import { MOST_TRIES, nextTry, type Setup, type Tried } from '../../../src/cli/doctor/probe';
import { runs } from '../../support/property';

/** What a process cannot show at will: a terminal, an older Node, every order of answers. */

describe('on a terminal', () => {
  const terminal = { isTTY: true, columns: 120 };

  test.each([
    [{}, terminal, true],
    [{ TERM: 'dumb' }, terminal, false],
    [{ NO_COLOR: '1' }, terminal, false],
    [{ NO_COLOR: '' }, terminal, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, {}, true],
    [{ FORCE_COLOR: 'false' }, terminal, false],
    [{}, {}, false],
  ])('%j on %j paints: %s', (env, screen, painted) => {
    expect(painter(screen, env)('red', 'x')).toBe(painted ? '\u001b[31mx\u001b[39m' : 'x');
  });

  test('progress is one line that is written over and leaves nothing behind; elsewhere there is none', () => {
    const say = (isTTY: boolean, env = {}): string => {
      let written = '';
      const progress = progressOn({ isTTY, write: (text: string) => (written += text) }, env);
      progress.say('Looking up a host');
      progress.clear();
      return written;
    };
    expect(say(true)).toBe('\r\u001b[2KLooking up a host …\r\u001b[2K');
    expect([say(false), say(true, { TERM: 'dumb' })]).toEqual(['', '']);
  });

  test('lines are as wide as the terminal, within 40 and 100 columns, and 80 elsewhere', () => {
    expect([{ columns: 120 }, { columns: 60 }, { columns: 9 }, {}].map(widthOf)).toEqual([100, 60, 40, 80]);
    expect(wrap('one two three https://site.example/long four', 9)).toEqual([
      'one two',
      'three',
      'https://site.example/long',
      'four',
    ]);
  });
});

test('a .env file is read with a byte order mark, export, quotes, comments and newlines of Windows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'env-file-'));
  writeFileSync(join(folder, 'app.env'), '\uFEFFexport A="x # y" # z\r\nB=two words\r\n');
  const read = readEnvFile(join(folder, 'app.env'));
  rmSync(folder, { recursive: true });
  expect(read).toEqual({ env: { A: 'x # y', B: 'two words' }, cut: [] });
});

test('of two flags that may be meant the nearer one is named', () => {
  expect(nearest('--mounts', ['--mound', '--mount'])).toBe('--mount');
});

test('on a narrow screen the text begins below a long name, and the cure below the text', () => {
  const findings: Finding[] = [
    {
      check: 'option',
      subject: 'CONNECT_CLIENT_ID',
      verdict: 'fail',
      text: 'has whitespace or a newline around it',
      cure: 'Set CONNECT_CLIENT_ID again without them.',
    },
    { check: 'dns', subject: 'DNS', verdict: 'ok', text: 'provider.example has an address' },
  ];
  const lines = textReport(findings, { paint: (_style, text) => text, width: 40 }).split('\n');
  expect(lines).toEqual([
    'Configuration',
    '  fail  CONNECT_CLIENT_ID',
    '        has whitespace or a newline',
    '        around it',
    '        -> Set CONNECT_CLIENT_ID again',
    '           without them.',
    '',
    'Network',
    '  ok    DNS  provider.example has an',
    '             address',
    '',
    '1 failure, 0 warnings.',
    '',
  ]);
});

test.each([
  ['--jsn', '--json'],
  ['--envfile', '--env-file'],
  ['--OFFLINE', '--offline'],
  ['--frobnicate', undefined],
  ['', undefined],
])('%j most likely means %j', (word, meant) => {
  expect(nearest(word, ['--json', '--env-file', '--offline', '--mount'])).toBe(meant);
});

test('a slow answer is no skew, and no date no finding', () => {
  const date = new Date(1_000_000_000_000).toUTCString();
  expect(judgeClock({ date, sentMs: 1e12 - 500, receivedMs: 1e12 + 90_000 })).toMatchObject({ verdict: 'ok' });
  expect(judgeClock({ date, sentMs: 1e12 + 80_000, receivedMs: 1e12 + 90_000 })).toMatchObject({ verdict: 'warn' });
  expect(judgeClock({ date: 'yesterday', sentMs: 0, receivedMs: 0 })).toBeUndefined();
  expect(judgeClock({ date: undefined, sentMs: 0, receivedMs: 0 })).toBeUndefined();
});

test.each([true, false])('of a key nothing is told before it was tried (configured: %s)', (hasKey) => {
  const setup: Setup = { placement: 'header', format: 'json', hasKey };
  const way = {
    placement: 'header',
    format: 'json',
    key: hasKey ? 'configured' : 'none',
    secret: 'configured',
  } as const;
  const refused: Tried = { way, outcome: { kind: 'refused', sign: '2036', weak: false } };
  expect(judgeKey(setup, [refused])).toEqual({
    check: 'access-token-key',
    subject: 'ACCESSTOKEN',
    verdict: 'skip',
    text: 'makes no difference so far',
  });
});

test('whatever a provider answers, no way is tried twice and there is an end', () => {
  const outcome = fc.record<Outcome>({
    kind: fc.constantFrom('accepted', 'refused', 'format', 'forbidden', 'error', 'limited'),
    sign: fc.constantFrom('a', 'b'),
    weak: fc.boolean(),
  });
  const setups = fc.record<Setup>({
    placement: fc.constantFrom('header', 'body'),
    format: fc.constantFrom('json', 'form'),
    hasKey: fc.boolean(),
  });
  fc.assert(
    fc.property(
      setups,
      fc.array(outcome, { minLength: MOST_TRIES + 1, maxLength: MOST_TRIES + 1 }),
      (setup, outcomes) => {
        const tried: Tried[] = [];
        for (let way = nextTry(setup, tried); way !== undefined; way = nextTry(setup, tried)) {
          tried.push({ way, outcome: outcomes[tried.length]! });
          if (tried.length > MOST_TRIES) throw new Error('too many tries');
        }
        const ways = tried.map(({ way }) => JSON.stringify(way));
        expect(new Set(ways).size).toBe(ways.length);
        expect(tried.slice(0, -1).every(({ outcome: { kind } }) => kind !== 'limited')).toBe(true);
      },
    ),
    runs(7),
  );
});
