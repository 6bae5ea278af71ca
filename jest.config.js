'use strict';

// ts-jest transpiles only (isolatedModules); `npm run typecheck` is the type check.
const base = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.json' }] },
  moduleNameMapper: {
    '^express-connect-auth$': '<rootDir>/src/index.ts',
    '^express-connect-auth/testing$': '<rootDir>/src/testing/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/__tests__/package/samples'],
};

/** Suites that work on the packed tarball, the demo in a browser or a foreign server: once is enough. */
const once = ['<rootDir>/__tests__/package/', '<rootDir>/__tests__/browser/'];

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
    },
    {
      ...base,
      displayName: 'package and browser',
      testMatch: once.map((folder) => `${folder}**/*.test.ts`),
    },
  ],
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.d.ts'],
  coverageThreshold: { global: { branches: 95 } },
};
