#!/usr/bin/env node
import { run } from './cli/run';

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process as if nobody listened. */
function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        resolve();
      });
  });
}

// `doctor | head`: that nobody reads on is not a failure of ours.
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
