// Builds dist as it is published: JavaScript without comments, and for each entry one file with the types that it exports
// and what these are made of. The comments are in the types, where editors look. `npm run build` is faster, for work here.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clean, compile, declared, extract, root } from './api-extractor.mjs';

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

rmSync(dist, { recursive: true, force: true });
// The same source is checked below.
compile('--declaration', 'false', '--removeComments', '--noCheck');
const isSound = extract({ wantedOf: rolledUp, invocation: { localBuild: true } });
addAugmentations();
for (const name of filesOf(declared, '.d.mts')) cpSync(join(declared, name), join(dist, name));
clean();
process.exitCode = isSound ? 0 : 1;
