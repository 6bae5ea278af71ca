// What the report of the public API and the published declarations have in common: tsc declares the source, API Extractor
// reads what each entry of the package exports.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

/** By name of the report. */
export const ENTRIES = {
  index: 'index.d.ts',
  postgres: 'postgres.d.ts',
  redis: 'redis.d.ts',
  testing: 'testing/index.d.ts',
};
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Not the package's own dist, which may be older than the source; not below node_modules, where all is taken for foreign.
const work = join(root, 'etc/dist');
/** Where tsc declares the source, a file for a file; `clean` removes it. */
export const declared = join(work, 'types');
/** Where the source is compiled to modules that a bundler reads; `clean` removes it. */
export const compiled = join(work, 'modules');
/** For API Extractor's own use. */
export const temporary = join(work, 'temporary');

/** Compiles with the settings of the build and `flags`; ends the process where the source does not compile. */
export function compile(...flags) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', ...flags];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

/**
 * @param wantedOf - what to make of an entry, by its name and file
 * @param judge - whether a result is good
 * @returns whether all is well
 */
export function extract({ wantedOf, invocation, judge = () => true }) {
  clean();
  mkdirSync(temporary, { recursive: true });
  compile('--emitDeclarationOnly', '--outDir', declared);
  const configs = Object.entries(ENTRIES).map(([name, entry]) => configOf(entry, wantedOf(name, entry)));
  const [first, ...others] = configs;
  // One program for all entries.
  const compilerState = CompilerState.create(first, {
    additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
  });
  const sound = configs.map((config) => {
    const result = Extractor.invoke(config, { ...invocation, messageCallback: quieten, compilerState });
    return judge(config, result) && result.succeeded && result.errorCount === 0;
  });
  return sound.every(Boolean);
}

export function clean() {
  rmSync(work, { recursive: true, force: true });
}

function configOf(entry, wanted) {
  const configObject = {
    projectFolder: root,
    mainEntryPointFilePath: join(declared, entry),
    compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
    apiReport: { enabled: false },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
    messages: {
      compilerMessageReporting: { default: { logLevel: 'error' } },
      extractorMessageReporting: {
        default: { logLevel: 'error' },
        // Everything that is exported is public.
        'ae-missing-release-tag': { logLevel: 'none' },
        // What a type is made of stands in the report even if only another entry, or none, exports its name.
        'ae-forgotten-export': { logLevel: 'none' },
        // Links are checked where they are followed, in docs/api.
        'ae-unresolved-link': { logLevel: 'none' },
        // A name may say all.
        'ae-undocumented': { logLevel: 'none' },
      },
      tsdocMessageReporting: { default: { logLevel: 'none' } },
    },
    ...wanted,
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
}

/** Keeps what is wrong, and drops what is said of each run. */
function quieten(message) {
  if (message.logLevel !== 'error') message.handled = true;
}
