import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { cleanup } from './cleanup';

/** The package's own folder. */
export const root = join(__dirname, '../..');

const PREFIX = 'express-connect-auth-packed-';
/** Large, and never in the tarball. */
const LEFT_BEHIND = ['node_modules', '.git', 'dist', 'coverage', '__tests__', 'demo-app'];
/** What decides what is in the tarball. */
const INPUTS = [
  'src',
  'docs',
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  '.env.example',
];
const NAME = 'express-connect-auth';
/** What npm puts beside the package when a user installs it. */
const BESIDE = ['axios', 'joi', 'express', 'express-session'];
const HOUR_MS = 3_600_000;
/** Packing takes ten seconds; who holds the lock for longer has been stopped. */
const LONGEST_PACKING_MS = 300_000;

/** The package as a user gets it. */
export interface Packed {
  /** The tarball that `npm publish` would upload. */
  readonly tarball: string;
  /** The paths that npm says it has put into it. */
  readonly files: readonly string[];
  /** Where it is unpacked, with its dependencies and peers beside it. */
  readonly folder: string;
}

/**
 * Packs the sources as they are, as `npm publish` would, once for each state of them: whoever needs the compiled package
 * takes it from here.
 */
export function packed(): Packed {
  return packedAs(sourcesHash(), (stage) => {
    cpSync(root, stage, { recursive: true, filter: (path) => !LEFT_BEHIND.includes(relative(root, path)) });
  });
}

/** An earlier state of the repository, packed with the tools of today. @param commit - all 40 digits */
export function packedAt(commit: string): Packed {
  const hash = createHash('sha256').update(root).update(commit).digest('hex').slice(0, 16);
  return packedAs(hash, (stage) => {
    mkdirSync(stage);
    const archive = `${stage}.tar`;
    run('git', ['archive', '--format=tar', '-o', archive, commit], root);
    run('tar', ['-xf', archive, '-C', stage], root);
    rmSync(archive);
  });
}

/**
 * The sources compiled file for file, with the dependencies beside them: `dist/provider/token/token-endpoint.js`. For
 * programs that need what the package does not export.
 */
export function compiledModules(): string {
  return madeOnce(`${sourcesHash()}-modules`, (fresh) => {
    const flags = ['--noCheck', '--declaration', 'false', '--outDir', join(fresh, 'dist')];
    run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', ...flags], root);
    linkModules(BESIDE, fresh);
  });
}

/** @param fill - puts the sources into a folder that does not exist yet */
function packedAs(hash: string, fill: (stage: string) => void): Packed {
  const made = madeOnce(hash, (fresh) => {
    const files = pack(fresh, fill);
    writeFileSync(join(fresh, 'packed.json'), JSON.stringify({ files }));
    unpack(fresh);
  });
  return {
    ...(JSON.parse(readFileSync(join(made, 'packed.json'), 'utf8')) as Pick<Packed, 'files'>),
    tarball: join(made, `${NAME}.tgz`),
    folder: join(made, 'node_modules', NAME),
  };
}

/**
 * A new folder in which programs find the package and `modules`, as after `npm install`; it is removed with the test or the
 * file that makes it.
 */
export function folderWithPackage(modules: readonly string[], { folder: unpacked } = packed()): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `${NAME}-`)));
  cleanup(() => rmSync(folder, { recursive: true, force: true }));
  link(unpacked, join(folder, 'node_modules', NAME));
  linkModules(modules, folder);
  return folder;
}

/**
 * A folder of this name below the one for temporary files. It is made, or waited for while another test file does. That
 * it is made twice would cost time and nothing else.
 */
function madeOnce(name: string, fill: (fresh: string) => void): string {
  const folder = join(realpathSync(tmpdir()), PREFIX + name);
  const lock = `${folder}.lock`;
  while (!existsSync(folder)) {
    if (!claims(lock)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      continue;
    }
    try {
      if (!existsSync(folder)) make(folder, fill);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  const now = new Date();
  utimesSync(folder, now, now);
  dropUnused(folder);
  return folder;
}

function claims(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!isHeld(lock)) rmSync(lock, { force: true });
    return false;
  }
}

/** Not by a process that has ended: a test run may be stopped at any time. */
function isHeld(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return Date.now() - statSync(lock).mtimeMs < LONGEST_PACKING_MS;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function make(folder: string, fill: (fresh: string) => void): void {
  const fresh = realpathSync(mkdtempSync(join(tmpdir(), `${PREFIX}new-`)));
  try {
    fill(fresh);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/** From a copy of the tree: another run may be using its `dist` at the same moment. */
function pack(fresh: string, fill: (stage: string) => void): readonly string[] {
  const stage = join(fresh, 'stage');
  fill(stage);
  link(join(root, 'node_modules'), join(stage, 'node_modules'));
  const said = run('npm', ['pack', '--json', '--silent', '--pack-destination', fresh], stage);
  const [entry] = JSON.parse(said) as { filename: string; files: { path: string }[] }[];
  if (entry === undefined) throw new Error('npm pack made nothing');
  renameSync(join(fresh, basename(entry.filename)), join(fresh, `${NAME}.tgz`));
  rmSync(stage, { recursive: true });
  return entry.files.map(({ path }) => path);
}

function unpack(fresh: string): void {
  const installed = join(fresh, 'node_modules', NAME);
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', join(fresh, `${NAME}.tgz`), '--strip-components=1', '-C', installed], fresh);
  linkModules(BESIDE, fresh);
}

function linkModules(names: readonly string[], folder: string): void {
  for (const name of names) link(join(root, 'node_modules', name), join(folder, 'node_modules', name));
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, 'junction');
}

/** Another clone has the same sources, but its own node_modules. */
function sourcesHash(): string {
  const hash = createHash('sha256').update(root);
  for (const path of INPUTS.map((name) => join(root, name)).flatMap(filesOf)) {
    hash.update(path).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesOf(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ parentPath, name }) => join(parentPath, name)).sort();
}

/** What nobody has asked for since an hour. */
function dropUnused(current: string): void {
  const parent = dirname(current);
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(parent, name);
    const ageMs = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (folder !== current && ageMs > HOUR_MS) rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { ...surroundings(cwd), timeout: LONGEST_PACKING_MS });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Options for starting npm or Node in a folder as a user would. */
export function surroundings(cwd: string) {
  // What an outer `npm test` sets: `npm_config_local_prefix` would send the inner npm to the outer folder.
  const outer = /^(npm_config_local_prefix|npm_(package|lifecycle|command|execpath)|INIT_CWD|NODE_ENV$|NODE_OPTIONS$)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !outer.test(name)));
  // A shell, because npm is a .cmd file on Windows.
  return { cwd, env, encoding: 'utf8', shell: process.platform === 'win32' } as const;
}
