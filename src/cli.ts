#!/usr/bin/env node
import { run } from './cli/run';

/** Milliseconds between two looks for the process that started this one. */
const LOOK_MS = 250;

/**
 * Resolves at the first SIGINT or SIGTERM; a second one ends the process as if nobody listened. npx passes a signal to
 * the shell that it has started, which ends without passing it on: so a process that npx has started ends with its
 * parent. One that a script of npm has started may be meant to go on behind it.
 */
function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    const { ppid } = process;
    if (process.env['npm_command'] === 'exec') {
      const watch = setInterval(() => {
        if (process.ppid === ppid) return;
        clearInterval(watch);
        resolve();
      }, LOOK_MS);
      watch.unref();
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        resolve();
      });
  });
}

// `doctor | head`: a reader that stops early is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

run(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  asked: askedToEnd,
}).then(
  (exitCode) => {
    // Not process.exit(): that would cut off what a pipe has not taken yet.
    process.exitCode = exitCode;
  },
  () => {
    // No stack and no message: either could hold a value.
    process.stderr.write('Something unexpected went wrong. Please report how you called this.\n');
    process.exitCode = 1;
  },
);
