import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packed, root } from '../../support/packed';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly bundledDependencies?: unknown;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly dev?: boolean; readonly hasInstallScript?: boolean; readonly resolved?: string }>
  >;
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;

/** Each for require() and import, with the types of both. */
const ENTRIES = ['index', 'postgres', 'redis', 'testing/index'].flatMap((name) =>
  ['.js', '.mjs', '.d.ts', '.d.mts'].map((ending) => `dist/${name}${ending}`),
);
/** The command, and what is loaded only when it is needed. */
const LATER = ['main', 'access/api-client', 'cli', 'cli/run', 'cli/doctor/doctor', 'cli/sandbox'].map(
  (name) => `dist/${name}.js`,
);

const shipped = (path: string): string => readFileSync(join(packed().folder, path), 'utf8');

test('the tarball holds the build of src, the documents for whoever writes or runs an app, and nothing else', () => {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const texts = [
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'LICENSE',
    '.env.example',
    'docs/screenshots/connected.png',
  ];
  const expected = [...texts, ...docs.map((name) => `docs/${name}`), 'package.json', ...ENTRIES, ...LATER];
  const isShared = (path: string): boolean => /^dist\/shared\/[\w-]+\.js$/u.test(path);
  expect(
    packed()
      .files.filter((path) => !isShared(path))
      .sort(),
  ).toEqual(expected.sort());
  // A process that starts opens them all.
  expect(packed().files.filter(isShared).length).toBeLessThanOrEqual(20);
});

test('every document that a message or a help text names is among them', () => {
  const named = packed()
    .files.filter((path) => path.endsWith('.js'))
    .flatMap((path) => shipped(path).match(/\bdocs\/[\w-]+\.md/gu) ?? []);
  expect(new Set(named).size).toBeGreaterThan(2);
  expect(named.filter((path) => !packed().files.includes(path))).toEqual([]);
});

test('every link and picture of README leads to a file that the package brings along', () => {
  const links = [...shipped('README.md').matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/gu)].map(([, target = '']) => target);
  const local = links.filter((target) => !/^https?:/u.test(target));
  expect(local.length).toBeGreaterThan(15);
  expect(local.filter((target) => !packed().files.includes(target))).toEqual([]);
});

test('what a user downloads is at most 360 KB in 90 files, a third of it documents', () => {
  expect(statSync(packed().tarball).size).toBeLessThanOrEqual(360_000);
  expect(packed().files.length).toBeLessThanOrEqual(90);
});

test('the manifest says nothing that is only for work on this repository, and is the one that lies here', () => {
  const published = JSON.parse(shipped('package.json')) as object;
  expect(Object.keys(published).filter((name) => ['overrides', 'allowScripts'].includes(name))).toEqual([]);
  expect(published).toEqual(manifest);
});

test('the types are those that the entries export and what these are made of, with their texts', () => {
  const types = packed().files.filter((path) => path.endsWith('.d.ts'));
  for (const path of types) {
    // Nothing of another file of ours.
    expect(shipped(path)).not.toMatch(/(?:from|import\() ?['"]\./u);
  }
  expect(shipped('dist/index.d.ts')).toContain("declare module 'express-session'");
  expect(shipped('dist/index.d.ts')).not.toContain('readOptions');
});

test('the runtime dependencies are axios and joi', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual(['axios', 'joi']);
  expect(manifest.bundledDependencies).toBeUndefined();
});

test('nothing runs at install time, neither in this package nor in what it brings along', () => {
  expect(
    Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^(pre|post)?prepare$/.test(name)),
  ).toEqual([]);
  const shipped = Object.entries(lock.packages).filter(([name, { dev }]) => name !== '' && dev !== true);
  expect(shipped.map(([name]) => name)).toEqual(expect.arrayContaining(['node_modules/axios', 'node_modules/joi']));
  expect(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name)).toEqual([]);
});

test('the lock file is bound to no registry address', () => {
  expect(Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? [])).toEqual([]);
});

test('every entry point is loaded by import and by require, with types for each', () => {
  const both = (name: string): unknown => ({
    import: { types: `./dist/${name}.d.mts`, default: `./dist/${name}.mjs` },
    require: { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
  });
  expect(manifest.exports).toEqual({
    '.': both('index'),
    './postgres': both('postgres'),
    './redis': both('redis'),
    './testing': both('testing/index'),
    './package.json': './package.json',
  });
});

test('the package brings one command, which asks for Node', () => {
  expect(manifest.bin).toEqual({ 'express-connect-auth': './dist/cli.js' });
  expect(readFileSync(join(root, 'src/cli.ts'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/u);
});
