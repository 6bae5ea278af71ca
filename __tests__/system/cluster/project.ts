import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
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
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dropFolders, pack, root } from '../package/packed';

const PREFIX = 'express-connect-auth-cluster-';
const HOUR_MS = 3_600_000;
/** What the worker imports besides the library, and what the library itself needs. */
const LINKED = ['axios', 'joi', 'express', 'express-session', 'redis', 'connect-redis'];

/**
 * A folder with the packed library and the worker program, as if a user had installed the tarball. Made once for each
 * state of the sources: packing takes ten seconds, and several test files need it.
 * @returns the path of the worker program
 */
export function packedWorker(): string {
  const folder = join(realpathSync(tmpdir()), `${PREFIX}${sourcesHash()}`);
  if (!existsSync(folder)) make(folder);
  dropOld(folder);
  return join(folder, 'worker.mjs');
}

function make(folder: string): void {
  const fresh = realpathSync(mkdtempSync(join(tmpdir(), `${PREFIX}new-`)));
  try {
    fill(fresh);
    renameSync(fresh, folder);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Another test file was quicker; what it made is the same.
    if (!existsSync(folder)) throw error;
  } finally {
    dropFolders();
  }
}

function fill(folder: string): void {
  const installed = join(folder, 'node_modules/express-connect-auth');
  mkdirSync(installed, { recursive: true });
  const { tarball } = pack();
  const { status, stderr } = spawnSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The tarball does not unpack: ${stderr}`);
  for (const name of LINKED)
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  copyFileSync(join(__dirname, 'worker.mjs'), join(folder, 'worker.mjs'));
}

/** Everything that decides what is in the folder. */
function sourcesHash(): string {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => join('src', name));
  const files = [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    '__tests__/system/cluster/worker.mjs',
    ...sources,
  ];
  for (const file of files.map((name) => join(root, name))) {
    if (statSync(file).isFile()) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Folders of earlier states of the sources; young ones may be in use by another run. */
function dropOld(current: string): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(realpathSync(tmpdir()), name);
    const ageMs = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (folder !== current && ageMs > HOUR_MS) rmSync(folder, { recursive: true, force: true });
  }
}
