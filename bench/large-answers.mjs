// What looking for an error costs in an answer of 10 MiB, beside parsing it once: CPU time, side by side in one run.
// Run after `npm run build`: node bench/large-answers.mjs
import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { readApiAnswer } = require('../dist/provider/api/api-answer.js');
const { readAnswer } = require('../dist/provider/token/read-answer.js');

const SIZE = 10 * 1024 * 1024;
const ROUNDS = 3;
const fill = (piece, size = SIZE) => piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
const list = (element) => `[${fill(`${element},`).replace(/,[^,]*$/u, '')}]`;
const nested = (depth) => (depth === 0 ? '0' : `[${Array.from({ length: 50 }, () => nested(depth - 1)).join(',')}]`);

const bodies = {
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
  'an object of many members': JSON.stringify(
    Object.fromEntries(Array.from({ length: SIZE / 14 }, (_, index) => [`a${index}`, {}])),
  ),
  'many lists in lists': nested(4),
  'many lists in lists under names': `{"error":${nested(4)},"errors":${nested(4)}}`,
};

const ways = {
  parse(body) {
    try {
      JSON.parse(body);
    } catch {
      // Not JSON: a look at each character has its price as well.
    }
  },
  'API 200': (body, bytes) => apiAnswer(200, body, bytes),
  'API 400': (body, bytes) => apiAnswer(400, body, bytes),
  'token endpoint': (body) => readAnswer({ status: 400, body }, { stage: 'refresh', statusByApiCode: {}, nowMs: 0 }),
};

function apiAnswer(status, body, bytes) {
  const answer = { status, headers: { 'content-type': 'application/json' }, bytes, body, unacceptable: undefined };
  readApiAnswer(answer, { method: 'GET', dataType: 'json', nowMs: 0 });
}

function cpuMs(way) {
  const before = process.cpuUsage();
  way();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const column = (text) => String(text).padStart(16);
console.log(`${''.padEnd(34)}${Object.keys(ways).map(column).join('')}   (ms of CPU, least of ${ROUNDS})`);
for (const [name, body] of Object.entries(bodies)) {
  const bytes = Buffer.from(body);
  const figures = Object.values(ways).map((way) =>
    Math.min(...Array.from({ length: ROUNDS }, () => cpuMs(() => way(body, bytes)))),
  );
  console.log(`${name.padEnd(34)}${figures.map((ms) => column(ms.toFixed(0))).join('')}`);
}
