import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));

/** Installs the peers where they are not, or not as their lock file says. Nothing of theirs runs. */
export function installPeers() {
  if (isInstalled()) return;
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund'];
  // By its folder, not --prefix: it has an .npmrc, without which npm would install a second Express.
  execFileSync('npm', ['ci', ...flags], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
}

function isInstalled() {
  try {
    const wanted = listed(JSON.parse(readFileSync(`${FOLDER}package-lock.json`, 'utf8')));
    const found = listed(JSON.parse(readFileSync(`${FOLDER}node_modules/.package-lock.json`, 'utf8')));
    return wanted === found;
  } catch {
    return false;
  }
}

function listed({ packages }) {
  const list = Object.entries(packages).filter(([path]) => path !== '');
  return JSON.stringify(list.map(([path, { version }]) => [path, version]).sort());
}

/** What is compared, as it is installed. */
export function versions() {
  const require = createRequire(import.meta.url);
  const own = ['express', 'express-session', 'axios'].map((name) => [name, require(`${name}/package.json`).version]);
  const { dependencies } = JSON.parse(readFileSync(`${FOLDER}package.json`, 'utf8'));
  return { ...Object.fromEntries(own), ...dependencies };
}
