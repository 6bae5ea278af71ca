'use strict';
// The projects `unit` and `express-5`, with the edits of scripts/mutate/transform.cjs.
const { join } = require('node:path');
const config = require('../../jest.config.js');

const root = join(__dirname, '../..');
const here = (name) => join(__dirname, name);
const baseline = process.env.MUTATE_ORDER === undefined;

const projects = config.projects
  .filter(({ displayName }) => ['unit', 'express-5'].includes(displayName))
  .map((project) => ({
    ...project,
    rootDir: root,
    cacheDirectory: process.env.MUTATE_CACHE,
    setupFilesAfterEnv: [...project.setupFilesAfterEnv, ...(baseline ? [here('reach.cjs')] : [])],
    transform: Object.fromEntries(
      Object.entries(project.transform).map(([pattern, [, options]]) => [
        pattern,
        [here('transform.cjs'), { root, ...options }],
      ]),
    ),
  }));

module.exports = {
  rootDir: root,
  projects,
  reporters: [here('reporter.mjs')],
  watchman: false,
  // A slow machine is no kill: jest's own limit of 5 s is for people who wait.
  testTimeout: 20_000,
  ...(baseline ? {} : { testSequencer: here('sequencer.mjs') }),
};
