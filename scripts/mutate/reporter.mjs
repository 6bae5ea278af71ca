// A reporter for jest: tells the process that started it what happens, as it happens.
// Jest's own words when a test exceeds its time.
const OVERDUE = 'Exceeded timeout of';

export default class Reporter {
  onTestFileStart(test) {
    process.send({ started: test.path });
  }

  onTestCaseResult(test, { status, fullName, failureMessages }) {
    if (status === 'failed') this.failed(test, fullName, failureMessages.join('\n'));
  }

  onTestFileResult(test, { perfStats, testExecError, failureMessage }) {
    if (testExecError) this.failed(test, 'does not load', failureMessage ?? testExecError.message);
    process.send({ finished: test.path, ms: perfStats.end - perfStats.start });
  }

  onRunComplete() {
    process.send({ complete: true });
  }

  failed(test, name, text) {
    process.send({ failed: name, path: test.path, text, timeout: text.includes(OVERDUE) });
  }
}
