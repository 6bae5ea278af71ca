// Runs the tests of `unit` and `express-5`: once without a mutant, then for each mutant those that reach it.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const JEST = createRequire(import.meta.url).resolve('jest/bin/jest');
const CONFIG = fileURLToPath(new URL('jest.config.cjs', import.meta.url));
const START_LIMIT_MS = 300_000;

const running = new Set();
process.on('exit', () => running.forEach(end));

/** With the workers of its own, hence the process group. */
function end(child) {
  running.delete(child);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Runs jest until `verdictOf(message)` gives a verdict, it dies, or a test file says nothing for `limitMs(path)`. */
function jest(args, env, limitMs, verdictOf) {
  return new Promise((resolve) => {
    const child = fork(JEST, ['-c', CONFIG, ...args], {
      cwd: ROOT,
      // In CI some properties run ten times as often.
      env: { ...process.env, CI: undefined, ...env },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      detached: true,
    });
    running.add(child);
    let timer;
    function settle(verdict) {
      clearTimeout(timer);
      child.removeAllListeners();
      end(child);
      resolve(verdict);
    }
    function watch(path) {
      clearTimeout(timer);
      const by = path === undefined ? 'between test files' : relative(ROOT, path);
      timer = setTimeout(() => settle({ kind: 'timeout', by }), path === undefined ? START_LIMIT_MS : limitMs(path));
    }
    watch();
    child.on('message', (message) => {
      if (message.started || message.finished) watch(message.started);
      const verdict = verdictOf(message);
      if (verdict !== undefined) settle(verdict);
    });
    child.on('exit', (code, signal) => settle({ kind: 'crash', by: `exit ${signal ?? code}` }));
  });
}

const probeId = ({ file, probe }) => `${file}:${probe[0].start}`;

/** The edits that put one probe into every block that holds a mutant. */
function probes(mutants) {
  const edits = {};
  for (const [id, { file, probe }] of new Map(mutants.map((mutant) => [probeId(mutant), mutant]))) {
    const call = `globalThis.__reached?.(${JSON.stringify(id)})`;
    (edits[file] ??= []).push(...probe.map(({ start, text }) => ({ start, end: start, after: text(call) })));
  }
  return edits;
}

/**
 * Runs all tests without a mutant. Gives `{ times, reached }`, the milliseconds of each test file and the test files that
 * reach each probe, or `{ failures }`.
 */
export async function baseline(mutants, env, folder) {
  const notes = join(folder, 'reached');
  const times = new Map();
  const failures = [];
  const { kind, by } = await jest(
    [`--maxWorkers=${availableParallelism()}`],
    { ...env, MUTATE_EDITS: JSON.stringify(probes(mutants)), MUTATE_REACHED: notes },
    () => START_LIMIT_MS,
    (message) => {
      if (message.finished) times.set(message.finished, message.ms);
      if (message.failed) failures.push(`${relative(ROOT, message.path)}: ${message.failed}\n${message.text}`);
      return message.complete && { kind: 'complete' };
    },
  );
  if (kind !== 'complete') failures.push(`${kind}: ${by}`);
  if (failures.length > 0) return { failures };

  const reached = new Map();
  for (const line of readFileSync(notes, 'utf8').split('\n').filter(Boolean)) {
    const [path, id] = JSON.parse(line);
    reached.set(id, (reached.get(id) ?? new Set()).add(path));
  }
  return { times, reached };
}

const words = (path) => path.replace(/(\.test)?\.ts$/, '').split(/[/-]/);
const likeness = (a, b) => words(a).filter((word) => words(b).includes(word)).length;

/** Gives a function that judges a mutant: `{ kind: 'failed' | 'timeout' | 'crash' | 'survived', by }`. */
export function judge({ times, reached }, env) {
  const kills = new Map();

  /** Those first that have killed a mutant of the same file, then those of a like name, then the quick ones. */
  function inOrder(file, paths) {
    const weight = (path) => 10 * (kills.get(`${file} ${path}`) ?? 0) + likeness(relative(ROOT, path), file);
    return [...paths].sort((a, b) => weight(b) - weight(a) || times.get(a) - times.get(b));
  }

  async function tried({ file, start, end, after, ...mutant }) {
    const order = inOrder(file, reached.get(probeId({ file, ...mutant })) ?? []);
    if (order.length === 0) return { kind: 'survived', by: 'no test reaches it' };
    let finished = 0;
    return jest(
      ['--runInBand', ...order.map((path) => `${relative(ROOT, path).replaceAll('.', '\\.')}$`)],
      {
        ...env,
        MUTATE_EDITS: JSON.stringify({ [file]: [{ start, end, after }] }),
        MUTATE_ORDER: JSON.stringify(order),
      },
      (path) => 60_000 + 10 * times.get(path),
      (message) => {
        if (message.finished) finished += 1;
        if (message.failed) {
          const key = `${file} ${message.path}`;
          kills.set(key, (kills.get(key) ?? 0) + 1);
          return { kind: message.timeout ? 'timeout' : 'failed', by: message.failed };
        }
        if (!message.complete) return undefined;
        // Tests that did not run say nothing about a mutant.
        if (finished !== order.length)
          throw new Error(`${finished} of ${order.length} test files ran for ${file}:${start}`);
        return { kind: 'survived', by: `${order.length} test files pass` };
      },
    );
  }

  return async function judged(mutant) {
    const { kind, by } = await tried(mutant);
    // A busy machine can make a run stand still, or end it, without any fault: what comes of a second run counts.
    return kind === 'timeout' || kind === 'crash' ? tried(mutant) : { kind, by };
  };
}
