import { parseArgs } from 'node:util';
import { planOrExit } from '../arguments.mjs';
import { STORES } from './database.mjs';

const STRATEGIES = ['none', 'lock', 'ledger'];

const USAGE = `npm run soak -- [flags]
  --seconds N    length of a run [20]
  --users N      visitors who are nobody's users [40]
  --owners N     users of the app with two devices each, and jobs that act for them; only with the ledger [8]
  --store S      ${STORES.join(' or ')}: where ledger and connections are; sessions and the lock are in Redis [redis]
  --strategy S   ${STRATEGIES.join(', ')} or all [all]
  --slow SHARE   share of provider answers that come late, 0 to 1 [0]
  --slow-ms N    how late [12000]
  --kill N       seconds between two kill -9 of a process, 0: none [0]
  --runs N       [1]
  --seed N       [1]`;

/** The plan; ends the process when asked for help, or when a flag is wrong. */
export const argumentsOrExit = (words) => planOrExit(words, USAGE, readArguments);

/** What the command line asks for. Shares are 0 to 1, times in the unit that the name says. */
function readArguments(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      seconds: { type: 'string', default: '20' },
      users: { type: 'string', default: '40' },
      owners: { type: 'string', default: '8' },
      store: { type: 'string', default: 'redis' },
      strategy: { type: 'string', default: 'all' },
      slow: { type: 'string', default: '0' },
      'slow-ms': { type: 'string', default: '12000' },
      kill: { type: 'string', default: '0' },
      runs: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
    },
  });
  if (values.strategy !== 'all' && !STRATEGIES.includes(values.strategy)) {
    throw new Error(`--strategy is one of ${STRATEGIES.join(', ')}, all`);
  }
  if (!STORES.includes(values.store)) throw new Error(`--store is one of ${STORES.join(', ')}`);
  return {
    seconds: numberOf(values.seconds, '--seconds'),
    users: numberOf(values.users, '--users'),
    owners: numberOf(values.owners, '--owners'),
    store: values.store,
    strategies: values.strategy === 'all' ? STRATEGIES : [values.strategy],
    slowShare: numberOf(values.slow, '--slow'),
    slowMs: numberOf(values['slow-ms'], '--slow-ms'),
    killSeconds: numberOf(values.kill, '--kill'),
    runs: numberOf(values.runs, '--runs'),
    seed: numberOf(values.seed, '--seed'),
  };
}

function numberOf(text, name) {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) throw new Error(`${name} is a number from 0`);
  return value;
}

/** Random numbers 0 to 1 that are the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
