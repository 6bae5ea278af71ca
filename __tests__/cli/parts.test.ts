import fc from 'fast-check';
import * as util from 'node:util';
import { judgeClock } from '../../src/cli/clock-finding';
import { painter, widthOf, wrap } from '../../src/cli/console';
import { parseEnvText } from '../../src/cli/env-file';
import { nearest } from '../../src/cli/nearest';
import { progressOn } from '../../src/cli/progress';
import { judgeConnection } from '../../src/cli/reach-findings';
import { endsTrying, readOutcome, type Outcome } from '../../src/cli/outcome';
import { MOST_TRIES, nextTry, type Setup, type Tried } from '../../src/cli/tries';

/** What a process cannot show at will: a terminal, a certificate about to expire, every order of answers. */

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
    expect(painter(screen, env)('red', 'x')).toBe(painted ? '\u001b[31mx\u001b[0m' : 'x');
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
    expect(wrap('one two three https://site.example/long four', 9)).toEqual(['one two', 'three', 'https://site.example/long', 'four']);
  });
});

test('a .env file reads the same without util.parseEnv', () => {
  const texts = [
    'A=1\nB=two words \nC=', 'A="x # y" # z\nB=\'"q"\'\nC=`t`', 'export A=1\n\n B = 3', 'A="l1\nl2"\nB="a\\nb"\nC=\'a\\nb\'',
    'A=a#b\nA=last', 'A=https://x.example/?a=b&c=d\nB=a=b', 'A=" padded "\nB= x ',
  ];
  for (const text of texts) expect({ text, env: parseEnvText(text) }).toEqual({ text, env: { ...util.parseEnv(text) } });
});

test.each([
  ['--jsn', '--json'], ['--envfile', '--env-file'], ['--OFFLINE', '--offline'], ['--frobnicate', undefined], ['', undefined],
])('%j most likely means %j', (word, meant) => {
  expect(nearest(word, ['--json', '--env-file', '--offline', '--mount'])).toBe(meant);
});

test.each([
  [13, 'warn', 'expires in 13 days'], [1, 'warn', 'expires in a day'], [14, 'ok', 'valid for 14 days'],
])('a certificate that ends in %d days: %s', (days, verdict, words) => {
  const target = { url: 'https://provider.example/token', variable: 'CONNECT_TOKEN_URL' };
  const finding = judgeConnection(target, { kind: 'connected', protocol: 'TLSv1.3', validToMs: 1e12 + days * 86_400_000 }, 1e12);
  expect(finding).toMatchObject({ check: 'tls', verdict });
  expect(finding.text).toContain(words);
});

test('a slow answer is no skew, and no date no finding', () => {
  const date = new Date(1_000_000_000_000).toUTCString();
  expect(judgeClock({ date, sentMs: 1e12 - 500, receivedMs: 1e12 + 90_000 })).toMatchObject({ verdict: 'ok' });
  expect(judgeClock({ date, sentMs: 1e12 + 80_000, receivedMs: 1e12 + 90_000 })).toMatchObject({ verdict: 'warn' });
  expect(judgeClock({ date: 'yesterday', sentMs: 0, receivedMs: 0 })).toBeUndefined();
  expect(judgeClock({ date: undefined, sentMs: 0, receivedMs: 0 })).toBeUndefined();
});

test('whatever a provider answers, no way is tried twice and there is an end', () => {
  const outcome = fc.record<Outcome>({
    kind: fc.constantFrom('accepted', 'refused', 'format', 'forbidden', 'error', 'limited'), sign: fc.constantFrom('a', 'b'), weak: fc.boolean(),
  });
  const setups = fc.record<Setup>({
    placement: fc.constantFrom('header', 'body'), format: fc.constantFrom('json', 'form'), hasKey: fc.boolean(),
  });
  fc.assert(fc.property(setups, fc.array(outcome, { minLength: MOST_TRIES + 1, maxLength: MOST_TRIES + 1 }), (setup, outcomes) => {
    const tried: Tried[] = [];
    for (let way = nextTry(setup, tried); way !== undefined; way = nextTry(setup, tried)) {
      tried.push({ way, outcome: outcomes[tried.length]! });
      if (tried.length > MOST_TRIES) throw new Error('too many tries');
    }
    const ways = tried.map(({ way }) => JSON.stringify(way));
    expect(new Set(ways).size).toBe(ways.length);
    expect(tried.slice(0, -1).every(({ outcome: { kind } }) => kind !== 'limited')).toBe(true);
  }), { seed: 7 });
});

test('any answer has a meaning, and nothing of its text gets into it', () => {
  const status = fc.constantFrom(100, 200, 201, 204, 301, 307, 400, 401, 403, 404, 405, 406, 410, 415, 418, 429, 500, 502, 503, 504, 999);
  const body = fc.oneof(fc.string(), fc.json(), fc.constantFrom(
    '<!doctype html>', '{"error":"invalid_grant"}', '{"error":"access_denied"}', '{"code":2036}', '{"access_token":"t"}',
  ));
  fc.assert(fc.property(status, body, (code, text) => {
    const answer = { status: code, headers: {}, body: text, bytes: Buffer.from(text), unacceptable: undefined };
    const outcome = readOutcome({ kind: 'answer', answer }, 1e12);
    expect(outcome.sign).toMatch(/^(HTTP \d{3}|\d{4}|[a-z_]+|\d{3})$/);
    expect(typeof endsTrying(outcome)).toBe('boolean');
    if (code === 429) expect(outcome.kind).toBe('limited');
    if (outcome.kind === 'issued') expect(text).toContain('access_token');
  }), { seed: 11 });
});
