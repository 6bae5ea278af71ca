// Compiles what has changed of the package and of the demo to demo-app/dist, which nothing else writes to:
// `npm run build` and `npm pack` may do with dist what they like. What has changed is told by content, because a
// `git pull` or a switch of branches says nothing by the times of its files. Types are what `npm run typecheck` is for.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const target = join(root, 'demo-app', 'dist');
const record = join(target, 'compiled.json');
/** Where the demo finds the package by its name, as an app that has installed it. */
const packageTarget = join('node_modules', 'express-connect-auth');

const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const manifest = JSON.parse(read('package.json'));
/** What decides, beside a source, what comes out of it. */
const settings = [
  read('.swcrc'),
  read('node_modules', '@swc', 'core', 'package.json'),
  JSON.stringify([manifest.type, manifest.exports]),
].join('\n');

const wanted = new Map([
  ...sources('demo-app', '', { recursive: false }),
  ...sources('src', join(packageTarget, 'dist'), { recursive: true }),
]);
const before = compiledBefore();
const changed = [...wanted].filter(([file, { hash }]) => before[file] !== hash || !existsSync(join(target, file)));
const gone = Object.keys(before).filter((file) => !wanted.has(file));

if (changed.length + gone.length === 0) console.log('The demo is compiled already; starting it …');
else {
  const what = before['main.js'] === undefined ? 'the package and the demo' : 'what has changed';
  console.log(`Compiling ${what} (${changed.length === 1 ? '1 file' : `${changed.length} files`}) …`);
  await compile();
}

/** Sources by the name of what is compiled from them, relative to the target. */
function sources(folder, to, options) {
  return readdirSync(join(root, folder), options)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const text = read(folder, name);
      const hash = createHash('sha256').update(settings).update(text).digest('hex');
      return [join(to, name.replace(/ts$/u, 'js')), { path: join(root, folder, name), text, hash }];
    });
}

/** Hash of the source of every file that is there. */
function compiledBefore() {
  try {
    return JSON.parse(readFileSync(record, 'utf8'));
  } catch {
    return {};
  }
}

async function compile() {
  const { transformSync } = await import('@swc/core');
  // Without a record everything is compiled: so it is after a run that was interrupted here.
  rmSync(record, { force: true });
  for (const file of gone) rmSync(join(target, file), { force: true });
  for (const [file, { path, text }] of changed) {
    write(file, transformSync(text, { filename: path, configFile: join(root, '.swcrc') }).code);
  }
  const { name, version, type, exports } = manifest;
  write(join(packageTarget, 'package.json'), JSON.stringify({ name, version, type, exports }));
  // A package of its own: from inside of the repository's, its name would lead to the repository's dist.
  write('package.json', JSON.stringify({ private: true, type: 'commonjs' }));
  write('compiled.json', JSON.stringify(Object.fromEntries([...wanted].map(([file, { hash }]) => [file, hash]))));
}

/** As a whole or not at all: another demo may be starting from the same folder. */
function write(file, text) {
  const path = join(target, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
