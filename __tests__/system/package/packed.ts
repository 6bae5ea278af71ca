import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';

/** The package's own folder. */
export const root = join(__dirname, '../../..');

const samples = join(__dirname, 'samples');
const LEFT_BEHIND = ['node_modules', '.git', 'dist', 'coverage', '__tests__', 'demo-app'];

/** What a command said; `output` holds both streams. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly output: string;
}

/** A folder that {@link dropFolders} removes again. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'express-connect-auth-')));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

/** For `afterAll`. */
export function dropFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/**
 * Builds and packs a copy of the source tree, as `npm publish` would.
 * A copy, because another test may be using `dist` at the same moment.
 */
export function pack(): { readonly tarball: string; readonly files: readonly string[] } {
  const folder = temporaryFolder();
  const stage = join(folder, 'stage');
  cpSync(root, stage, { recursive: true, filter: (path) => !LEFT_BEHIND.includes(relative(root, path)) });
  symlinkSync(join(root, 'node_modules'), join(stage, 'node_modules'), 'junction');
  const said = npm(['pack', '--json', '--silent', '--pack-destination', folder], stage);
  const [entry] = JSON.parse(said) as { filename: string; files: { path: string }[] }[];
  if (!entry) throw new Error('npm pack made nothing');
  return { tarball: join(folder, basename(entry.filename)), files: entry.files.map(({ path }) => path) };
}

/** A new project with the sample programs, the tarball, and one Express with its types. */
export function projectWith(tarball: string, express: { readonly code: string; readonly types: string }): string {
  const project = temporaryFolder();
  cpSync(samples, project, { recursive: true });
  const dependencies = {
    'express-connect-auth': `file:${tarball}`,
    express: versionOf(express.code),
    '@types/express': versionOf(express.types),
    ...Object.fromEntries(
      ['express-session', '@types/express-session', '@types/node', 'typescript'].map((name) => [name, versionOf(name)]),
    ),
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies }));
  npm(['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], project);
  return project;
}

/** Runs a Node program with the given arguments to its end, for at most a minute. */
export function node(args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: plainEnvironment(),
    timeout: 60_000,
  });
  return { status, stdout, output: stdout + stderr };
}

/** The exact version installed here: the samples must not depend on what is newest today. */
function versionOf(name: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

function npm(args: readonly string[], cwd: string): string {
  // A shell, because npm is a .cmd file on Windows.
  const shell = process.platform === 'win32';
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', env: plainEnvironment(), shell });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Without what an outer `npm test` puts there: `npm_config_local_prefix` would send the inner npm to the outer folder. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const outer = /^(npm_config_local_prefix|npm_(package|lifecycle|command|execpath)|INIT_CWD|NODE_ENV$|NODE_OPTIONS$)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !outer.test(name)));
}
