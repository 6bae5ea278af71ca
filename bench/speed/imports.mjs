// How long a cold start takes: each in a fresh process, side by side.
import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { quartiles } from './statistics.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = (args) => promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 30_000 });

/** Milliseconds that `name` takes to load, in a fresh process that has loaded `first`. */
const importing = (name, first = []) =>
  loading(['--input-type=module'], (one) => `await import('${one}');`, first, name);
const requiring = (name, first = []) => loading([], (one) => `require('${one}');`, first, name);

function loading(flags, statement, first, name) {
  const names = [name].flat();
  const script = [
    ...first.map(statement),
    'const begun = performance.now();',
    ...names.map(statement),
    'console.log(performance.now() - begun);',
  ];
  return async () => Number((await run([...flags, '--eval', script.join(' ')])).stdout);
}

/** Milliseconds of a whole process. */
function running(args) {
  return async () => {
    const begun = performance.now();
    await run(args);
    return performance.now() - begun;
  };
}

/** As an app has loaded it by then. */
const MAIN = ['express-connect-auth'];

const WAYS = {
  'import express and joi': importing(['express', 'joi']),
  'import express-connect-auth, with express and joi': importing('express-connect-auth'),
  'import express-connect-auth after express and joi': importing('express-connect-auth', ['express', 'joi']),
  'require express-connect-auth after express and joi': requiring('express-connect-auth', ['express', 'joi']),
  'import express-connect-auth/redis after express-connect-auth': importing('express-connect-auth/redis', MAIN),
  'import express-connect-auth/postgres after express-connect-auth': importing('express-connect-auth/postgres', MAIN),
  'import express-connect-auth/redis': importing('express-connect-auth/redis'),
  'require express-connect-auth/redis': requiring('express-connect-auth/redis'),
  'import express-connect-auth/postgres': importing('express-connect-auth/postgres'),
  'require express-connect-auth/postgres': requiring('express-connect-auth/postgres'),
  'import axios': importing('axios'),
  '`express-connect-auth --help`, the whole process': running(['dist/cli.js', '--help']),
  '`node --eval 0`, the whole process': running(['--eval', '0']),
};

export async function measureImports(_world, { importRounds }, say) {
  say('cold starts');
  const found = Object.fromEntries(Object.keys(WAYS).map((name) => [name, []]));
  // The first round warms the file system up.
  for (let round = 0; round <= importRounds; round += 1) {
    for (const [name, way] of Object.entries(WAYS)) {
      const ms = await way();
      if (round > 0) found[name].push(ms);
    }
  }
  return Object.entries(found).map(([name, values]) => ({ name, milliseconds: quartiles(values), values }));
}
