import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packed, root, surroundings } from '../../support/packed';

const samples = join(__dirname, 'samples');

/** What a command said; `output` holds both streams. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly output: string;
}

const folders: string[] = [];

/** For `afterAll`. */
export function dropProjects(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A new project with the sample programs, the tarball, and one Express with its types, as npm installs them. */
export async function projectWith(express: { readonly code: string; readonly types: string }): Promise<string> {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'express-connect-auth-project-')));
  folders.push(project);
  cpSync(samples, project, { recursive: true });
  const dependencies = {
    'express-connect-auth': `file:${packed().tarball}`,
    express: versionOf(express.code),
    '@types/express': versionOf(express.types),
    ...Object.fromEntries(
      ['express-session', '@types/express-session', '@types/node', 'typescript'].map((name) => [name, versionOf(name)]),
    ),
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await promisify(execFile)(
    'npm',
    ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'],
    surroundings(project),
  );
  return project;
}

/** Runs a Node program with the given arguments to its end, for at most three minutes. */
export function node(args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...surroundings(cwd),
    shell: false,
    timeout: 540_000,
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
