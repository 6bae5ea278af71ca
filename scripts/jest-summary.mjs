// Prints what several runs of jest came to, from the files of `jest --json --outputFile`; the last line is
// `N passed, N failed`. Exits with 1 for a failed or skipped test, a suite that could not run, or a run without results.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.log(`jest left no results in ${relative(process.cwd(), path)}.`);
    return undefined;
  }
}

const files = process.argv.slice(2);
const runs = files.map(read).filter((run) => run !== undefined);
const sum = (count) => runs.map(count).reduce((total, more) => total + more, 0);

console.log(
  `\nTest suites: ${sum((run) => run.numTotalTestSuites)}, of which ${sum((run) => run.numFailedTestSuites)} failed`,
);
for (const suite of runs.flatMap((run) => run.testResults)) {
  const file = relative(process.cwd(), suite.name);
  const tests = suite.assertionResults;
  if (suite.status === 'failed' && tests.length === 0) console.log(`  did not run: ${file}`);
  for (const { status, fullName } of tests) {
    if (status !== 'passed') console.log(`  ${status}: ${file}: ${fullName}`);
  }
}
const skipped = sum((run) => run.numPendingTests + run.numTodoTests);
if (skipped > 0) console.log(`Skipped: ${skipped}. Here nothing may be skipped.`);
// A suite that does not load holds no failed test, and must not look like success; nor must a run that left no results.
const failed = sum((run) => run.numFailedTests + run.numRuntimeErrorTestSuites) + files.length - runs.length;
console.log(`${sum((run) => run.numPassedTests)} passed, ${failed} failed`);
process.exitCode = runs.every((run) => run.success) && failed === 0 && skipped === 0 ? 0 : 1;
