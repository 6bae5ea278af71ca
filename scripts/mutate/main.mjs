// npm run mutate: how many small faults in src the tests notice. See HELP.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutants.mjs';
import { ROOT, baseline, judge } from './tests.mjs';

const HELP = `npm run mutate -- [--sample N] [--seed N] [--only PATH-PREFIX] [--list]

Makes N small faults (mutants), one at a time, in src without cli and testing, and runs the unit and express-5 tests that
reach each, until one fails. Prints the score, the share of mutants that were noticed, and every mutant that survived.
src stays as it is: a mutant exists only in what jest compiles.

  --sample N   how many mutants; default 200
  --seed N     which mutants; the same tree and seed give the same sample; default 7
  --only P     only files whose path begins with P, such as src/refresh
  --list       prints the sample and runs nothing

A mutant is killed by a test that fails; by a test or file that takes too long (timeout) or a run that dies (crash), if
a second run does not pass either. Timeouts and crashes are listed. A mutant survives when every test file that reaches it
passes, or none reaches it.
Exits with 0 when all have been judged, whatever the score; 1 when the tests fail without a mutant; 2 on a wrong flag.
`;

function flags() {
  const { values } = parseArgs({
    options: {
      sample: { type: 'string', default: '200' },
      seed: { type: 'string', default: '7' },
      only: { type: 'string', default: 'src/' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  for (const name of ['sample', 'seed']) {
    if (!/^\d{1,9}$/.test(values[name])) throw new Error(`--${name} must be a whole number`);
  }
  return { ...values, sample: Number(values.sample) };
}

function allMutants(only) {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((file) => /(?<!\.d)\.ts$/.test(file) && !/^src\/(cli|testing)[/.]/.test(file) && file.startsWith(only))
    .sort()
    .flatMap((file) => mutantsOf(file, readFileSync(join(ROOT, file), 'utf8')));
}

/**
 * The first `size` mutants in an order that hangs on the seed and on each mutant's own line, not on its file or number:
 * most of a sample stays the same when files move or other lines change.
 */
function draw(mutants, seed, size) {
  const times = new Map();
  const ranked = mutants.map((mutant) => {
    const own = JSON.stringify([seed, mutant.operator, mutant.lineText, mutant.before, mutant.after]);
    times.set(own, (times.get(own) ?? 0) + 1);
    return {
      mutant,
      rank: createHash('sha256')
        .update(`${own} ${times.get(own)}`)
        .digest('hex'),
    };
  });
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked.slice(0, size).map(({ mutant }) => mutant);
}

/** A change on one line; of long code the part around the first difference. */
function shown({ file, line, column, operator, before, after }) {
  const [was, is] = [before, after].map((code) => code.replace(/\s+/g, ' '));
  const differs = [...was].findIndex((character, at) => character !== is[at]);
  const from = differs < 50 ? 0 : differs - 20;
  const part = (code) => `${from > 0 ? '…' : ''}${code.slice(from, from + 70)}${code.length > from + 70 ? '…' : ''}`;
  return `${file}:${line}:${column}  ${operator}  ${part(was)} -> ${part(is)}`;
}

function report(judged, { seed }, of, startedMs) {
  const those = (kind) => judged.filter(({ verdict }) => verdict.kind === kind);
  for (const [kind, title] of [
    ['timeout', 'Killed by a timeout'],
    ['crash', 'Killed by a crash of the run'],
    ['survived', 'Survived'],
  ]) {
    if (those(kind).length > 0) console.log(`\n${title}:`);
    for (const { mutant, verdict } of those(kind)) console.log(`  ${shown(mutant)}  (${verdict.by})`);
  }
  const survivors = those('survived').length;
  const unreached = those('survived').filter(({ verdict }) => verdict.by === 'no test reaches it').length;
  console.log(
    `\nScore ${((100 * (judged.length - survivors)) / judged.length).toFixed(1)} %: of ${judged.length} mutants ` +
      `${those('failed').length} killed by a failing test, ${those('timeout').length} by a timeout, ` +
      `${those('crash').length} by a crash, ${survivors} survived (${unreached} reached by no test).\n` +
      `Seed ${seed}, drawn from ${of} mutants, ${Math.round((Date.now() - startedMs) / 60_000)} minutes.`,
  );
}

async function run(mutants, all, options, folder) {
  const startedMs = Date.now();
  const env = { MUTATE_CACHE: join(folder, 'cache'), TMPDIR: join(folder, 'tmp') };
  mkdirSync(env.TMPDIR);
  console.error(`${mutants.length} of ${all.length} mutants; first the tests without any`);
  const ground = await baseline(mutants, env, folder);
  if (ground.failures) {
    console.error(`The tests fail without a mutant.\n\n${ground.failures.join('\n\n')}`);
    return 1;
  }
  console.error(`green after ${Math.round((Date.now() - startedMs) / 1000)} s`);

  const verdictOn = judge(ground, env);
  const judged = [];
  let next = 0;
  let done = 0;
  async function work() {
    while (next < mutants.length) {
      const place = next++;
      const mutant = mutants[place];
      const verdict = await verdictOn(mutant);
      judged[place] = { mutant, verdict };
      console.error(`${++done}  ${verdict.kind}  ${shown(mutant)}  (${verdict.by})`);
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  // Places in the text are where the mutants were found, and jest has read the files again for each.
  if (JSON.stringify(allMutants(options.only)) !== JSON.stringify(all)) {
    console.error('src has changed during the run: its verdicts mean nothing.');
    return 1;
  }
  report(judged, options, all.length, startedMs);
  return 0;
}

async function main() {
  let options;
  try {
    options = flags();
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const all = allMutants(options.only);
  const sample = draw(all, options.seed, options.sample);
  if (sample.length === 0) {
    console.error(`No mutant below ${options.only}`);
    return 2;
  }
  if (options.list) {
    for (const mutant of sample) console.log(shown(mutant));
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'mutate-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  return run(sample, all, options, folder);
}

process.exitCode = await main();
