// npm run bench [-- --quick] [--only WORDS] [--parts LIST] [--pairs N] [--profile DIR]
// What a sign-in costs here and with the peers, and what else is paid for: provider, browsers and each app are processes
// of their own, on loopback. Prints Markdown; the same and all single figures as JSON are in bench/results. Whole in less
// than ten minutes on a quiet machine with two cores.
import { mkdirSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { argumentsOrExit } from './arguments.mjs';
import { measureCalls } from './calls.mjs';
import { measureGrowth } from './growth.mjs';
import { measureImports } from './imports.mjs';
import { measureMemory } from './memory.mjs';
import { measureMiddleware } from './middleware.mjs';
import { installPeers } from './peers.mjs';
import { startProcess, withAll } from './processes.mjs';
import { profileSignIns } from './profile.mjs';
import { circumstances, markdown } from './report.mjs';
import { measureSignIns } from './sign-in.mjs';
import { measureStorms } from './storm.mjs';

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));
const MOST_MS = 30 * 60_000;

const MEASURES = {
  'sign-in': measureSignIns,
  middleware: measureMiddleware,
  calls: measureCalls,
  storm: measureStorms,
  memory: measureMemory,
  imports: measureImports,
  growth: measureGrowth,
};

// An exit of ours ends all processes; an end by signal would leave Redis.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
setTimeout(() => {
  console.error('The benchmark takes too long.');
  process.exit(1);
}, MOST_MS).unref();

const plan = argumentsOrExit(process.argv.slice(2));
installPeers();
const about = circumstances(plan);
const begun = performance.now();
const elapsed = () => Math.round((performance.now() - begun) / 1000);
const results = {};

await withAll([startProcess('provider.mjs'), startProcess('driver.mjs')], async (provider, driver) => {
  const world = { provider, driver };
  if (plan.profile !== undefined) {
    await profileSignIns(world, plan);
    return;
  }
  for (const part of plan.parts)
    results[part] = await MEASURES[part](world, plan, (what) => console.error(`${elapsed()} s ${part}: ${what}`));
});

if (plan.profile === undefined) {
  const text = markdown({ about, results, seconds: elapsed() });
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(`${RESULTS}results.md`, text);
  writeFileSync(`${RESULTS}results.json`, `${JSON.stringify({ about, seconds: elapsed(), results }, undefined, 2)}\n`);
  console.log(text);
}
