import { readApiAnswer, type ApiDataType } from '../../../src/provider/api-answer';
import { readAnswer } from '../../../src/provider/read-answer';

/**
 * An answer of the greatest size that an app may allow itself. Its bytes are parsed once, as JSON costs; looking for signs
 * of an error must not cost a multiple of that, whatever stands in it.
 */
const SIZE = 10 * 1024 * 1024;
const fill = (piece: string, size = SIZE): string => piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
const list = (element: string): string => `[${fill(`${element},`).replace(/,[^,]*$/u, '')}]`;
const nested = (depth: number): string =>
  depth === 0 ? '0' : `[${Array.from({ length: 50 }, () => nested(depth - 1)).join(',')}]`;

const BODIES: Readonly<Record<string, string>> = {
  'a long message of letters': JSON.stringify({ message: fill('a') }),
  'a long message of signs': JSON.stringify({ message: fill('a-') }),
  'a long message of whitespace': JSON.stringify({ message: fill(' ') }),
  'a long message of digits': JSON.stringify({ error: { message: fill('2036 ') } }),
  'long messages in a list': JSON.stringify({ errors: Array.from({ length: 200 }, () => fill('A! ', SIZE / 200)) }),
  'a long text': fill('Invalid API Key. '),
  'a long text in quotes': JSON.stringify(fill('Invalid API Key. ')),
  'JSON that was encoded twice': JSON.stringify(JSON.stringify({ message: fill('a-') })),
  'a form': fill('a=1&'),
  'a form with one value': `error=${fill('%20')}`,
  markup: `<p>${fill(' ')}`,
  whitespace: fill(' \n'),
  'a list of errors': list('{"code":400}'),
  'a list of texts': list('"a"'),
  'an object of many members': `{${fill('"a0000000":{},')
    .split(',')
    .map((member, index) => member.replace('0000000', String(index)))
    .slice(0, -1)
    .join(',')}}`,
  'many lists in lists': nested(4),
  'many lists in lists under names': `{"error":${nested(4)},"errors":${nested(4)}}`,
};

/** Of this process: what runs beside it does not count. */
function readingMs(read: () => unknown): number {
  const before = process.cpuUsage();
  read();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

describe.each(Object.entries(BODIES))('10 MiB of %s', (_what, body) => {
  const bytes = Buffer.from(body);
  const parsingMs = readingMs(() => {
    try {
      JSON.parse(body);
    } catch {
      // No JSON: a look at each character has its price as well.
    }
  });
  // Twice the parsing, for bodies that were encoded twice, and half a second of a busy machine.
  const mostMs = 1000 + 2 * parsingMs;

  test.each([200, 400, 401])('from the API with status %i take no longer than parsing them', (status) => {
    for (const dataType of ['json', 'text'] as const satisfies readonly ApiDataType[]) {
      const answer = { status, headers: { 'content-type': 'application/json' }, bytes, body, unacceptable: undefined };
      expect(readingMs(() => readApiAnswer(answer, { method: 'GET', dataType, nowMs: 0 }))).toBeLessThan(mostMs);
    }
  });

  test('from a token endpoint would not, either', () => {
    const context = { stage: 'refresh', statusByApiCode: {}, nowMs: 0 } as const;
    expect(readingMs(() => readAnswer({ status: 400, body }, context))).toBeLessThan(mostMs);
  });
});
