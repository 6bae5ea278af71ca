// Prints what a jest run came to, from the file of `jest --json --outputFile`; the last line is `N passed, N failed`.
// Exits with 1 for a failed or skipped test, a suite that could not run, or a run that left no results.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.log('\njest left no results.\n0 passed, 1 failed');
    process.exit(1);
  }
}

const run = read(process.argv[2]);
const skipped = run.numPendingTests + run.numTodoTests;
// A suite that does not load holds no failed test, and must not look like success.
const failed = run.numFailedTests + run.numRuntimeErrorTestSuites;

console.log(`\nTest suites: ${run.numTotalTestSuites}, of which ${run.numFailedTestSuites} failed`);
for (const suite of run.testResults) {
  const file = relative(process.cwd(), suite.name);
  const tests = suite.assertionResults;
  if (suite.status === 'failed' && tests.length === 0) console.log(`  did not run: ${file}`);
  for (const { status, fullName } of tests) {
    if (status !== 'passed') console.log(`  ${status}: ${file}: ${fullName}`);
  }
}
if (skipped > 0) console.log(`Skipped: ${skipped}. Here nothing may be skipped.`);
console.log(`${run.numPassedTests} passed, ${failed} failed`);
process.exitCode = run.success && failed === 0 && skipped === 0 ? 0 : 1;
