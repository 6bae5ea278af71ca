// node bench/speed/median.mjs RESULTS RESULTS RESULTS
// The figures of several runs as one table: of each figure the median.
import { readFileSync } from 'node:fs';
import { markdown } from './report.mjs';

const runs = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')));
if (runs.length === 0) {
  console.error('Usage: node bench/speed/median.mjs RESULTS…, each a copy of bench/results/results.json');
  process.exit(2);
}
const { about, results, seconds } = medianOf(runs);
console.log(markdown({ about: { ...about, runs: runs.length }, results, seconds }));

/** Of values of one shape: numbers become their median, everything else is taken from the first. */
function medianOf(values) {
  const [first] = values;
  if (typeof first === 'number') return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
  if (typeof first !== 'object' || first === null) return first;
  const entries = Object.keys(first).map((name) => [name, medianOf(values.map((value) => value[name]))]);
  return Array.isArray(first) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
