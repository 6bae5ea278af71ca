// Writes what each entry of the package declares to etc/*.api.md, so that a change of the public surface shows in review.
// With --check it writes nothing, and exits with 1 when a report is not what the source declares.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const ENTRIES = { index: 'index.d.ts', redis: 'redis/index.d.ts', testing: 'testing/index.d.ts' };
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Not the package's own dist, which may be older than the source; not below node_modules, where all is taken for foreign.
const work = join(root, 'etc/dist');
const isCheck = process.argv.includes('--check');

function declare() {
  rmSync(work, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(work, 'types')],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  if (status !== 0) process.exit(1);
}

function configOf([name, entry]) {
  const configObject = {
    projectFolder: root,
    mainEntryPointFilePath: join(work, 'types', entry),
    compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
    apiReport: {
      enabled: true,
      includeForgottenExports: true,
      reportFileName: `${name}.api.md`,
      reportFolder: join(root, 'etc'),
      reportTempFolder: join(work, 'reports'),
    },
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
  };
  return ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  });
}

function report(config, compilerState) {
  const { succeeded, errorCount, apiReportChanged } = Extractor.invoke(config, {
    localBuild: !isCheck,
    messageCallback: quieten,
    compilerState,
  });
  const isStale = isCheck && apiReportChanged;
  if (isStale)
    console.error(
      `etc/${basename(config.reportFilePath)} is not what the source declares: npm run api, then look at the difference.`,
    );
  return succeeded && errorCount === 0 && !isStale;
}

/** Keeps what is wrong, and drops what is said of each run. */
function quieten(message) {
  if (message.logLevel !== 'error') message.handled = true;
}

declare();
mkdirSync(join(work, 'reports'), { recursive: true });
const [first, ...others] = Object.entries(ENTRIES).map(configOf);
// One program for all entries.
const compilerState = CompilerState.create(first, {
  additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
});
const sound = [first, ...others].map((config) => report(config, compilerState));
rmSync(work, { recursive: true, force: true });
process.exitCode = sound.every(Boolean) ? 0 : 1;
