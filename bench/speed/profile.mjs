// Where a sign-in spends its time: V8's sampling profiler in the process of the app, 32 sign-ins at once.
import { mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startApp, withAll } from './processes.mjs';
import { signIns } from './sign-in.mjs';

const SAMPLED = 6000;
const ROWS = 45;
/** A longer step between two samples is somebody else's time on a busy machine. */
const LONGEST_STEP_MICROSECONDS = 1000;
const OURS = /\/dist\//u;

/** Prints what is sampled for each of the contenders, and leaves the profiles in the folder. */
export async function profileSignIns({ provider, driver }, { profile, contenders, warmUp, quick }) {
  mkdirSync(profile, { recursive: true });
  for (const { name, file } of contenders) {
    const output = resolve(profile, `${file}.cpuprofile`);
    const count = quick ? 100 : SAMPLED;
    await withAll([startApp(name, { provider: provider.told.origin })], async (app) => {
      await signIns(driver, app, 2 * warmUp, 32);
      await app.ask('startProfile');
      const { whole: spent } = await signIns(driver, app, count, 32);
      await app.ask('stopProfile', { file: output });
      console.log(`${name}: ${spent.toFixed(0)} CPU µs for each of ${count} sign-ins, ${output}\n`);
      print(JSON.parse(readFileSync(output, 'utf8')), spent);
    });
  }
}

/** @param spent - CPU microseconds per sign-in: what the shares of the samples are shares of */
function print(profile, spent) {
  const rows = perFunction(profile);
  const sampled = [...rows.values()].reduce((sum, { self }) => sum + self, 0);
  const perSignIn = (value) => (value * spent) / sampled;
  const show = (title, list, value, rest = () => '') => {
    console.log(`${title}, µs per sign-in`);
    for (const row of list.toSorted((one, other) => value(other) - value(one)).slice(0, ROWS))
      console.log(`${perSignIn(value(row)).toFixed(1).padStart(8)}  ${rest(row)}${row.where}`);
    console.log('');
  };
  const all = [...rows.values()];
  const ours = all.filter(({ isOurs }) => isOurs);
  show('by place, self', groups(all), ({ self }) => self);
  show('by function, self', all, ({ self }) => self);
  const self = (row) => `${perSignIn(row.self).toFixed(1).padStart(6)} self  `;
  if (ours.length === 0) return;
  show('ours, with what they call of others', ours, ({ reached }) => reached, self);
  show('ours, inclusive', ours, ({ inclusive }) => inclusive, self);
}

/** Of each function: `self`, `reached` (and what it calls that is not ours), `inclusive`; in microseconds. */
function perFunction({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, { ...node, own: 0 }]));
  samples.forEach((id, index) => {
    byId.get(id).own += Math.min(Math.max(timeDeltas[index], 0), LONGEST_STEP_MICROSECONDS);
  });
  const rows = new Map();

  function rowOf(frame) {
    const where = placeOf(frame);
    if (!rows.has(where))
      rows.set(where, { where, frame, isOurs: OURS.test(frame.url), self: 0, reached: 0, inclusive: 0 });
    return rows.get(where);
  }

  /** @param nearest - the function of ours that it is done for */
  function visit(node, above, nearest) {
    const { functionName } = node.callFrame;
    if (functionName === '(idle)') return 0;
    const row = rowOf(node.callFrame);
    const author = row.isOurs ? row : nearest;
    // A function that calls itself counts once.
    const isOutermost = !above.has(row);
    above.add(row);
    const below = (node.children ?? []).reduce((sum, id) => sum + visit(byId.get(id), above, author), 0);
    if (isOutermost) above.delete(row);
    row.self += node.own;
    if (author !== undefined && functionName !== '(garbage collector)') author.reached += node.own;
    if (isOutermost) row.inclusive += node.own + below;
    return node.own + below;
  }

  visit(byId.get(nodes[0].id), new Set(), undefined);
  return rows;
}

function groups(rows) {
  const found = new Map();
  for (const { frame, self } of rows) {
    const where = groupOf(frame);
    found.set(where, { where, self: (found.get(where)?.self ?? 0) + self });
  }
  return [...found.values()];
}

function groupOf({ url, functionName }) {
  if (OURS.test(url)) return 'ours';
  const [, dependency] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//u.exec(url) ?? [];
  if (dependency !== undefined) return dependency;
  if (url === '') return functionName.startsWith('(') ? functionName : 'natives (system calls, crypto, parsing)';
  if (/crypto/u.test(url)) return 'node: crypto';
  if (/_http|net|stream|timers|events/u.test(url)) return 'node: HTTP, sockets, streams, timers, events';
  return url.startsWith('node:') ? 'node: the rest' : 'the app';
}

function placeOf({ functionName, url, lineNumber }) {
  const file = url.replace(/^.*\/(?=dist\/)|^.*node_modules\/|^.*\/(?=bench\/)/u, '');
  return `${file}:${lineNumber + 1} ${functionName || '(anonymous)'}`;
}
