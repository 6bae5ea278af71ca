'use strict';

// ts-jest transpiles only (isolatedModules); `npm run typecheck` is the type check.
const base = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  moduleNameMapper: {
    '^express-connect-auth$': '<rootDir>/src/index.ts',
    '^express-connect-auth/redis$': '<rootDir>/src/redis/index.ts',
    '^express-connect-auth/testing$': '<rootDir>/src/testing/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/demo-app/dist/', '<rootDir>/__tests__/package/samples/'],
};

// Once is enough: provider, sandbox, ledgers, options, architecture, documents and the command line know no Express, the samples of the tarball
// bring both of their own, the processes of a cluster run the packed library, and what the browser sees of the demo is
// the same on either (demo.test.ts runs on both).
const once = [
  'package/', 'browser/', 'cluster/', 'redis/', 'ledger/', 'cli/', 'docs/', 'types/', 'examples/', 'provider/', 'sandbox/',
  'architecture.test.ts', 'readme.test.ts', 'query.test.ts', 'return-to.test.ts', 'options.test.ts', 'env-options.test.ts',
  'seal.test.ts', 'session-token.test.ts', 'refresh/late-claim.test.ts', 'refresh/ledger.test.ts', 'refresh/ledger-interleavings.test.ts', 'refresh/memory-ledger.test.ts', 'refresh/bounds.test.ts',
].map((path) => `<rootDir>/__tests__/${path}`);

/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      ...base,
      displayName: 'express 5',
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: once,
    },
    {
      ...base,
      displayName: 'express 4',
      testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
      testPathIgnorePatterns: once,
      moduleNameMapper: { ...base.moduleNameMapper, '^express$': 'express4' },
      // The same tests over the same source: counted beside Express 5, and not slowed down here.
      coveragePathIgnorePatterns: ['/'],
    },
    {
      ...base,
      displayName: 'once',
      testMatch: once.map((path) => (path.endsWith('/') ? `${path}**/*.test.ts` : path)),
    },
  ],
  // Every file of src counts, also one that no test loads. The .mts entries only re-export; the tarball test runs them.
  collectCoverageFrom: ['src/**/*.ts'],
  coverageReporters: [['text', { skipFull: true }], 'json-summary'],
  coverageThreshold: { global: { branches: 95 } },
};
