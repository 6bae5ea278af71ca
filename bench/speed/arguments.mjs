import { parseArgs } from 'node:util';
import { planOrExit } from '../arguments.mjs';
import { CONTENDERS } from '../peers/list.mjs';

export const PARTS = ['sign-in', 'middleware', 'calls', 'storm', 'memory', 'imports', 'growth'];

const USAGE = `npm run bench -- [flags]
  --quick         a try of everything in two minutes; its figures mean nothing
  --only WORDS    only contenders whose names hold the words
  --parts LIST    of ${PARTS.join(', ')} [all]
  --pairs N       pairs of slices for each ratio [9]
  --profile DIR   sign-ins under V8's sampling profiler and nothing else; leaves .cpuprofile files in the folder`;

/** How much of everything. A slice is some tenths of a second, so that both of a pair meet the same machine. */
const WHOLE = {
  pairs: 9,
  warmUp: 1200,
  slices: { 32: 320, 1: 200 },
  insideCalls: 5000,
  insideRounds: 7,
  getTokenCalls: 2000,
  getTokenRounds: 25,
  clientCalls: 300,
  clientRounds: 7,
  stormSize: 1000,
  stormRounds: 3,
  abandoned: [4000, 20_000],
  completed: [4000, 5000],
  importRounds: 9,
  growthPairs: 9,
  seeded: 100_000,
};
const QUICK = {
  pairs: 1,
  warmUp: 32,
  slices: { 32: 64, 1: 16 },
  insideCalls: 200,
  insideRounds: 1,
  getTokenCalls: 200,
  getTokenRounds: 1,
  clientCalls: 50,
  clientRounds: 1,
  stormSize: 100,
  stormRounds: 1,
  abandoned: [200, 200],
  completed: [100, 100],
  importRounds: 1,
  growthPairs: 1,
  seeded: 1000,
};

/** The plan; ends the process when asked for help, or when a flag is wrong. */
export const argumentsOrExit = (words) => planOrExit(words, USAGE, readArguments);

function readArguments(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      parts: { type: 'string', default: PARTS.join(',') },
      pairs: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const parts = values.parts.split(',');
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new Error(`--parts are of ${PARTS.join(', ')}`);
  const contenders = CONTENDERS.filter(({ name }) => name.includes(values.only));
  if (contenders.length === 0) throw new Error('--only fits no contender');
  const plan = { ...(values.quick ? QUICK : WHOLE), quick: values.quick, contenders, parts, profile: values.profile };
  if (values.pairs === undefined) return plan;
  const pairs = Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < 1 || pairs > 1000) throw new Error('--pairs is a number from 1 to 1000');
  return { ...plan, pairs };
}
