// A reporter for jest: says at once what a run is going to do, and at its end what it left out and how to run that.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const ALL = 'npm run test:all';

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

export default class LeftOutReporter {
  constructor(globalConfig) {
    this.globalConfig = globalConfig;
  }

  onRunStart({ numTotalTestSuites }) {
    process.stderr.write(`${numTotalTestSuites} test files, ${this.globalConfig.maxWorkers} at a time\n`);
  }

  onRunComplete(contexts, results) {
    const { rootDir, watch, watchAll, testNamePattern, testPathPatterns } = this.globalConfig;
    // Whoever asked for a part knows what the rest is.
    if (watch || watchAll || testNamePattern || testPathPatterns?.patterns?.length > 0) return;
    const ran = new Set([...contexts].map(({ config }) => config.displayName?.name));
    const lines = leftOut(rootDir, ran);
    if (lines.length > 0) this.last(`Left out: ${lines.join(', and ')}.\nTo run everything: ${ALL}`);
    else if (results.numPendingTests > 0) {
      this.last(
        `Left out: ${results.numPendingTests} tests whose programs are not on this machine; each names what it needs.\n` +
          `On Debian: apt-get install redis-server chromium postgresql, then ${ALL}`,
      );
    }
  }

  /** Jest's own summary comes after every reporter of a project, and these are to be the last lines. */
  last(text) {
    process.once('exit', () => process.stderr.write(`\n${text}\n`));
  }
}
