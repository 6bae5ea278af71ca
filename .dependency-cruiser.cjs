'use strict';

// Low to high: a folder of src may import from those before it in this list, and from itself.
const LAYERS = [
  'base',
  'errors',
  'checks',
  'web',
  'session',
  'provider',
  'ledger',
  'connections',
  'refresh',
  'options',
  'sign-in',
  'access',
];
// What stands on all of them.
const ABOVE = ['connect-auth', 'index', 'postgres', 'redis', 'testing', 'cli'];

const inside = (...names) => `^src/(${names.join('|')})(/|\\.m?ts$)`;

const pointingUp = LAYERS.map((layer, at) => ({
  name: `${layer}-imports-nothing-above`,
  severity: 'error',
  from: { path: inside(layer) },
  to: { path: inside(...LAYERS.slice(at + 1), ...ABOVE) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...pointingUp,
    // Whether it is imported or imports: a file of its own height would be held by no rule.
    ...[
      { from: {}, to: { path: '^src/', pathNot: inside(...LAYERS, ...ABOVE) } },
      { from: { path: '^src/', pathNot: inside(...LAYERS, ...ABOVE) }, to: {} },
    ].map((rule) => ({
      name: 'every-folder-is-a-layer',
      comment: 'Add it to LAYERS, at its height.',
      severity: 'error',
      ...rule,
    })),
    {
      name: 'tools-are-not-the-library',
      comment: 'Sandbox and command line are loaded by whoever asks for them.',
      severity: 'error',
      from: { path: inside('connect-auth', 'index', 'postgres', 'redis') },
      to: { path: inside('testing', 'cli') },
    },
    {
      name: 'journeys-are-apart',
      comment: 'Sign-in and access meet in connect-auth.',
      severity: 'error',
      from: { path: inside('access') },
      to: { path: inside('sign-in') },
    },
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'provider-knows-neither-express-nor-sessions',
      severity: 'error',
      from: { path: inside('provider') },
      to: { path: 'node_modules/(@types/)?express', reachable: true },
    },
    {
      name: 'sandbox-stands-alone',
      comment:
        'It takes nothing but types from the rest, so that a fault of the package is not also one of its provider. "Did you mean" is no fact of a provider.',
      severity: 'error',
      from: { path: inside('testing') },
      to: { path: '^src/', pathNot: [inside('testing'), '^src/checks/nearest'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-what-users-get',
      comment: 'Dependencies and peers, for types too: declarations are published.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-optional', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
      },
    },
    { name: 'that-exists', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    detectJSDocImports: false,
  },
};
