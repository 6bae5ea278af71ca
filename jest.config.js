'use strict';

const { readFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { join } = require('node:path');

// The folder says how often a test runs: unit/ once, express/ on both Express versions, system/ once, system/express/ on both.
const tests = (folder) => [`<rootDir>/__tests__/${folder}/**/*.test.ts`];
const samples = '<rootDir>/__tests__/system/package/samples/';

// swc only drops the types; `npm run typecheck` is the type check.
const swc = { ...JSON.parse(readFileSync(join(__dirname, '.swcrc'), 'utf8')), sourceMaps: 'inline' };

const base = {
  testEnvironment: '<rootDir>/__tests__/support/environment.js',
  setupFilesAfterEnv: ['<rootDir>/__tests__/support/run-cleanups.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    '^express-connect-auth$': '<rootDir>/src/index.ts',
    '^express-connect-auth/postgres$': '<rootDir>/src/postgres.ts',
    '^express-connect-auth/redis$': '<rootDir>/src/redis.ts',
    '^express-connect-auth/testing$': '<rootDir>/src/testing/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/demo-app/dist/', samples],
};

const onExpress4 = {
  ...base,
  moduleNameMapper: { ...base.moduleNameMapper, '^express$': 'express4' },
  // The same tests over the same source: counted beside Express 5, and not slowed down here.
  coveragePathIgnorePatterns: ['/'],
};

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    { ...base, displayName: 'unit', testMatch: tests('unit') },
    { ...base, displayName: 'express-5', testMatch: tests('express') },
    { ...onExpress4, displayName: 'express-4', testMatch: tests('express') },
    { ...base, displayName: 'system', testMatch: tests('system') },
    { ...onExpress4, displayName: 'system-express-4', testMatch: tests('system/express') },
  ],
  // Where a script says nothing else: most tests of the whole system wait for processes, stores and time limits.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  // Only a test that hangs takes so long: on a machine busy with other work an npm install has needed over two minutes.
  testTimeout: 600_000,
  reporters: ['default', '<rootDir>/scripts/left-out-reporter.mjs'],
  // Every file of src counts, also one that no test loads. The .mts entries only re-export; the tarball test runs them.
  collectCoverageFrom: ['src/**/*.ts'],
  coverageReporters: [['text', { skipFull: true }], 'json'],
};
