import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from '../support/cleanup';
import { root } from '../support/packed';

const STARTING = 'The demo is compiled already; starting it …\n';

/** A clone in which nothing is compiled. */
let clone: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'express-connect-auth-clone-'));
  cleanup(() => rmSync(clone, { recursive: true, force: true }));
  for (const name of ['src', 'demo-app', 'package.json', '.swcrc']) {
    cpSync(join(root, name), join(clone, name), { recursive: true, filter: (path) => !path.endsWith('/dist') });
  }
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
});

/** Builds as `npm run demo` does. @returns what it says */
function build(): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['demo-app/build.mjs'], {
    cwd: clone,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Changes a file as `git pull` may: it is not newer than what was compiled from it. */
function change(path: string, change: (text: string) => string): void {
  const file = join(clone, path);
  const { atime, mtime } = statSync(file);
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  utimesSync(file, atime, mtime);
}

function compiled(path: string): string {
  return readFileSync(join(clone, 'demo-app/dist', path), 'utf8');
}

const HOME = 'node_modules/express-connect-auth/dist/index.js';

test('a first build says what it compiles, and a second one that there is nothing to do', () => {
  expect(build()).toMatch(/^Compiling the package and the demo \(\d{3} files\) …\n$/);
  expect(build()).toBe(STARTING);
});

test('what has changed is compiled, however old it is, and nothing else', () => {
  build();
  const before = statSync(join(clone, 'demo-app/dist/main.js')).mtimeMs;
  change('src/index.ts', (text) => `${text}\nexport const pulled = 1;\n`);
  expect(build()).toBe('Compiling what has changed (1 file) …\n');
  expect(compiled(HOME)).toContain('pulled');
  expect(statSync(join(clone, 'demo-app/dist/main.js')).mtimeMs).toBe(before);
  change('src/index.ts', (text) => text.replace('\nexport const pulled = 1;\n', ''));
  expect(build()).toBe('Compiling what has changed (1 file) …\n');
  expect(compiled(HOME)).not.toContain('pulled');
  expect(build()).toBe(STARTING);
});

test('what is gone from the sources goes, and what is gone from the folder comes back', () => {
  writeFileSync(join(clone, 'src/passing.ts'), 'export const passing = 1;\n');
  build();
  rmSync(join(clone, 'src/passing.ts'));
  build();
  expect(() => compiled('node_modules/express-connect-auth/dist/passing.js')).toThrow('ENOENT');
  rmSync(join(clone, 'demo-app/dist/main.js'));
  expect(build()).toBe('Compiling what has changed (1 file) …\n');
  rmSync(join(clone, 'demo-app/dist'), { recursive: true });
  expect(build()).toMatch(/^Compiling the package and the demo /);
});

test('other entries of the package, and other settings, compile everything', () => {
  build();
  change('.swcrc', (text) => text.replace('es2022', 'es2021'));
  expect(build()).toMatch(/^Compiling what has changed \(\d{3} files\) …\n$/);
  change('package.json', (text) => text.replace('"./redis":', '"./other":'));
  expect(build()).toMatch(/^Compiling what has changed \(\d{3} files\) …\n$/);
  expect(compiled('node_modules/express-connect-auth/package.json')).toContain('"./other"');
});

test('a build that was interrupted is made anew', () => {
  build();
  writeFileSync(join(clone, 'demo-app/dist/main.js'), 'half of it');
  rmSync(join(clone, 'demo-app/dist/compiled.json'));
  build();
  expect(compiled('main.js')).not.toBe('half of it');
});

test('"npm run demo" says what it does before it does it, and starts without the dist of the package', async () => {
  const child = spawn('npm', ['run', '--silent', 'demo'], {
    cwd: clone,
    env: { PATH: process.env['PATH'], HOME: clone, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const said = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl+C stops it.')) resolve(text);
    });
    void ended.then(() => reject(new Error(`ended: ${text}`)));
  });
  // As Ctrl+C in a terminal: to npm and to what it has started.
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await ended;
  expect(said).toMatch(/^Compiling the package and the demo \(\d{3} files\) …\n\n {2}express-connect-auth demo\n/);
});
