// coverage.mjs LEAST FILE...: adds up what several runs of jest covered (`--coverageReporters=json`), prints it, and exits
// with 1 if the branches come to less than LEAST percent.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import coverage from 'istanbul-lib-coverage';

const [least, ...files] = process.argv.slice(2);
const map = coverage.createCoverageMap({});
for (const file of files) map.merge(JSON.parse(readFileSync(file, 'utf8')));

const total = coverage.createCoverageSummary();
for (const file of map.files()) {
  const summary = map.fileCoverageFor(file).toSummary();
  total.merge(summary);
  const { branches, lines } = summary.data;
  if (branches.pct < 100 || lines.pct < 100) {
    console.log(`${relative(process.cwd(), file).padEnd(44)} branches ${branches.pct} %, lines ${lines.pct} %`);
  }
}
const { branches, lines } = total.data;
console.log(
  `${map.files().length} files: branches ${branches.pct} % (${branches.covered} of ${branches.total}), lines ${lines.pct} %`,
);
process.exitCode = branches.total > 0 && branches.pct >= Number(least) ? 0 : 1;
