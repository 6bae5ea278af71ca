import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
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

function posix(path: string): string {
  return path.split(sep).join('/');
}

/** `login/callback.ts` gives `dist/login/callback.js` and `.d.ts`; an `.mts` file `.mjs` and `.d.mts`. */
function outputsOf(source: string): readonly string[] {
  const [, name = '', kind = ''] = /^(.*)\.(m?)ts$/.exec(posix(source)) ?? [];
  return [`dist/${name}.${kind}js`, `dist/${name}.d.${kind}ts`];
}

test('the tarball holds the build of src, the documents, package.json, and nothing else', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.m?ts$/.test(name),
  );
  // The reference is in the types, and pictures are for the repository's pages.
  const docs = readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const texts = ['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', '.env.example', ...docs];
  const expected = [...texts, 'package.json', ...sources.flatMap(outputsOf)];
  expect([...packed().files].sort()).toEqual(expected.sort());
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
    './redis': both('redis/index'),
    './testing': both('testing/index'),
    './package.json': './package.json',
  });
});

test('the package brings one command, which asks for Node', () => {
  expect(manifest.bin).toEqual({ 'express-connect-auth': './dist/cli.js' });
  expect(readFileSync(join(root, 'src/cli.ts'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/u);
});
