import { fork } from 'node:child_process';
import { once } from 'node:events';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath } from 'node:url';
import { contender } from '../peers/list.mjs';

/** Nothing of the benchmark takes so long. */
const MOST_MS = 120_000;
const KEPT_WORDS = 4000;
/** What would change what is measured, or send it elsewhere. */
const UNWANTED = /^(?:NODE_OPTIONS|NODE_DEBUG|DEBUG|https?_proxy|all_proxy|AUTH_.*)$/iu;

/**
 * Starts a program of this folder in a process of its own and waits until it is ready.
 * @returns `told`: what it said then; `ask(name, details)`; `close()`
 */
export async function startProcess(file, setup = {}, execArgv = []) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !UNWANTED.test(name)));
  const child = fork(fileURLToPath(new URL(`./${file}`, import.meta.url)), [JSON.stringify(setup)], {
    execArgv,
    env: { ...env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr.on('data', (text) => (words = (words + text).slice(-KEPT_WORDS)));
  const waiting = new Map();
  let count = 0;
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended (${signal ?? code}): ${words}`));
    waiting.clear();
  });
  child.on('message', ({ id = 'ready', ready, answer, fault }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (fault === undefined) resolve?.(ready ?? answer);
    else reject?.(new Error(`${file}: ${fault}`));
  });
  const answerTo = (id, begin) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${file} does not answer: ${id} ${words}`)), MOST_MS);
      const after = (settle) => (value) => (clearTimeout(timer), settle(value));
      waiting.set(id, { resolve: after(resolve), reject: after(reject) });
      begin();
    });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(timer);
  };
  try {
    const told = await answerTo('ready', () => undefined);
    return {
      told,
      close,
      ask: (name, details = {}) => {
        count += 1;
        const id = `${count} ${name}`;
        return answerTo(id, () => child.send({ id, name, details }));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts the app of a contender; `site` is what the driver has to know of it. */
export async function startApp(name, { provider, ...setup }, execArgv = []) {
  const { file, begin, landing } = contender(name);
  const started = await startProcess('app.mjs', { file, provider, ...setup }, execArgv);
  return { ...started, site: { origin: started.told.origin, begin, landing } };
}

/** Runs `work` with what is opened by `open`, and closes all of it. */
export async function withAll(open, work) {
  const opened = await Promise.allSettled(open);
  const values = opened.filter(({ status }) => status === 'fulfilled').map(({ value }) => value);
  try {
    const failed = opened.find(({ status }) => status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return await work(...values);
  } finally {
    await Promise.all(values.map(({ close }) => close()));
  }
}
