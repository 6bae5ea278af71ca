// A reporter for jest: says at once what a run is going to do, and at its end what it left out and how to run that.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ALL = 'npm run test:all';
/** What tests may need, as __tests__/support/requires.ts names it, and how Debian gets it. */
const CURES = {
  'redis-server': 'apt-get install redis-server',
  Chromium: 'apt-get install chromium',
  PostgreSQL: 'apt-get install postgresql',
  PgBouncer: 'apt-get install pgbouncer',
  'better-sqlite3': 'npm run sqlite',
};

/** Test files below a folder of `__tests__`. */
function testFiles(rootDir, folder) {
  return readdirSync(join(rootDir, '__tests__', folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  ).length;
}

/** What the projects of jest.config.js that did not run would have added. */
function leftOut(rootDir, ran) {
  const lines = [];
  if (!ran.has('system')) {
    lines.push(
      `${testFiles(rootDir, 'system')} test files of system/, which need redis-server, Chromium, PostgreSQL or processes of their own`,
    );
  }
  if (!ran.has('express-4')) lines.push(`the ${testFiles(rootDir, 'express')} test files of express/ on Express 4`);
  return lines;
}

/** How many tests were skipped for each missing program; one that needs two counts for the first. */
function skippedFor(results) {
  const skipped = results.testResults.flatMap(({ testResults }) =>
    testResults.filter(({ status }) => status === 'pending'),
  );
  const needs = skipped.map(({ ancestorTitles }) => /\(needs ([^:]+): /u.exec(ancestorTitles.join(' '))?.[1]);
  return Object.keys(CURES)
    .map((program) => ({ program, count: needs.filter((need) => need === program).length }))
    .filter(({ count }) => count > 0);
}

export default class LeftOutReporter {
  constructor(globalConfig) {
    this.globalConfig = globalConfig;
  }

  onRunStart({ numTotalTestSuites }) {
    process.stderr.write(`${numTotalTestSuites} test files, ${this.globalConfig.maxWorkers} at a time\n`);
  }

  onRunComplete(contexts, results) {
    const { rootDir, watch, watchAll, testNamePattern, testPathPatterns } = this.globalConfig;
    if (watch || watchAll) return;
    const lines = [];
    // Whoever asked for a part knows what the rest is.
    if (!testNamePattern && !(testPathPatterns?.patterns?.length > 0)) {
      const rest = leftOut(rootDir, new Set([...contexts].map(({ config }) => config.displayName?.name)));
      if (rest.length > 0) lines.push(`Left out: ${rest.join(', and ')}.`, `To run everything: ${ALL}`);
    }
    const missing = skippedFor(results);
    if (missing.length > 0) {
      const counts = missing.map(({ program, count }) => `${count} tests need ${program}`);
      lines.push(
        `Left out: ${counts.join(', ')}, not found on this machine.`,
        `On Debian: ${missing.map(({ program }) => CURES[program]).join(' && ')}`,
      );
    }
    if (lines.length > 0) this.last(lines.join('\n'));
  }

  /** Jest's own summary comes after every reporter of a project, and these are to be the last lines. */
  last(text) {
    process.once('exit', () => process.stderr.write(`\n${text}\n`));
  }
}
