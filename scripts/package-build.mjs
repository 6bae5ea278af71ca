// Builds dist as it is published: few files of JavaScript without comments, because a process that starts spends its time
// on opening files, and for each entry one file with the types that it exports and what these are made of. The comments
// are in the types, where editors look. `npm run build` is faster, for work here.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { rollup } from 'rollup';
import { clean, compile, compiled, declared, extract, root } from './api-extractor.mjs';

/** What is loaded by its name: by users, or by our own require() when it is needed. All else goes where it is used. */
const LOADED = [
  ...['index', 'postgres', 'redis', 'testing/index'],
  ...['access/api-client', 'cli', 'cli/run', 'cli/doctor/doctor', 'cli/sandbox'],
];

const dist = join(root, 'dist');

function filesOf(folder, ending) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending));
}

function rolledUp(_name, entry) {
  return { dtsRollup: { enabled: true, untrimmedFilePath: join(dist, entry) } };
}

/** What API Extractor leaves out: `req.session.connectToken`. The line before it makes TypeScript load what it adds to. */
function addAugmentations() {
  const index = join(dist, 'index.d.ts');
  const added = filesOf(declared, '.d.ts')
    .flatMap((name) => readFileSync(join(declared, name), 'utf8').match(/^declare module '.+' \{\n[^]*?^\}\n/gmu) ?? [])
    .map((text) => `export type {} from ${/'.+'/u.exec(text)[0]};\n${text}`);
  writeFileSync(index, [readFileSync(index, 'utf8'), ...added].join('\n'));
}

/** An import of index.js makes Node read it twice, once for its names: so the names are all that it holds. */
const MAIN = 'main.js';

function namesOf(file) {
  const names = Object.keys(createRequire(import.meta.url)(file)).filter((name) => name !== '__esModule');
  const lines = names.map((name) => `exports.${name} = main.${name};\n`);
  return `'use strict';\nObject.defineProperty(exports, '__esModule', { value: true });\nconst main = require('./${MAIN}');\n${lines.join('')}`;
}

/** The compiled file that an import without an ending means; undefined: it is not ours. */
function ourFile(name, from) {
  if (from === undefined) return name;
  if (!name.startsWith('.')) return undefined;
  const path = join(dirname(from), name);
  return existsSync(`${path}.js`) ? `${path}.js` : join(path, 'index.js');
}

/** Code that several of the files need is in files beside them: there is one copy of each module, and of its state. */
async function bundle() {
  // The same source is checked below.
  compile(
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
    '--declaration',
    'false',
    '--removeComments',
    '--noCheck',
    '--outDir',
    compiled,
  );
  const modules = await rollup({
    input: Object.fromEntries(LOADED.map((name) => [name, join(compiled, `${name}.js`)])),
    plugins: [{ name: 'our files', resolveId: (name, from) => ourFile(name, from) ?? { id: name, external: true } }],
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  await modules.write({
    dir: dist,
    format: 'cjs',
    exports: 'named',
    interop: 'auto',
    esModule: true,
    generatedCode: 'es2015',
    entryFileNames: ({ name }) => (name === 'index' ? MAIN : '[name].js'),
    chunkFileNames: 'shared/[name].js',
  });
  await modules.close();
  writeFileSync(join(dist, 'index.js'), namesOf(join(dist, MAIN)));
  for (const name of filesOf(compiled, '.mjs')) cpSync(join(compiled, name), join(dist, name));
}

rmSync(dist, { recursive: true, force: true });
await bundle();
const isSound = extract({ wantedOf: rolledUp, invocation: { localBuild: true } });
addAugmentations();
for (const name of filesOf(declared, '.d.mts')) cpSync(join(declared, name), join(dist, name));
clean();
process.exitCode = isSound ? 0 : 1;
