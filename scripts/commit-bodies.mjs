// Exits with 1 and names the commits after BASE, up to HEAD, whose message gives no reason: node scripts/commit-bodies.mjs BASE HEAD
// Merges say nothing of their own. Without a BASE that is known here, as on a new branch, HEAD alone is looked at.
import { execFileSync, spawnSync } from 'node:child_process';

const TRAILER = /^(?:[\w-]+-by|Change-Id): .*$/gimu;
const [base = '', head = 'HEAD'] = process.argv.slice(2);

const isKnown = (commit) => spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`]).status === 0;
const range = isKnown(base) ? [`${base}..${head}`] : ['-1', head];
const log = execFileSync('git', ['log', '--no-merges', '--format=%h %s%x00%b%x1e', ...range, '--'], {
  encoding: 'utf8',
});
const silent = log
  .split('\x1e')
  .map((entry) => entry.trim().split('\0'))
  .filter(([subject, body = '']) => subject !== '' && body.replace(TRAILER, '').trim() === '')
  .map(([subject]) => subject);

if (silent.length > 0) console.error(`No reason is given in the body of:\n${silent.join('\n')}`);
process.exitCode = silent.length === 0 ? 0 : 1;
