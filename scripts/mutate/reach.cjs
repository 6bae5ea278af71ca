'use strict';
// Runs in every test file of the baseline: notes which probes its tests reach.
const { appendFileSync } = require('node:fs');

const seen = new Set();
globalThis.__reached = (probe) => {
  if (seen.has(probe)) return;
  seen.add(probe);
  appendFileSync(process.env.MUTATE_REACHED, `${JSON.stringify([expect.getState().testPath, probe])}\n`);
};
