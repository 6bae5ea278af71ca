import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./worker.mjs', import.meta.url));

/** Starts the processes of one run. Its `urls` change when one of them is replaced. */
export async function startFleet(setup, count) {
  const crew = await Promise.all(Array.from({ length: count }, () => start(setup)));
  let kills = 0;
  return {
    url: (chance) => crew[Math.floor(chance * crew.length)].url,
    kills: () => kills,
    /** SIGKILL, and another in its place. */
    async replace(chance) {
      const index = Math.floor(chance * crew.length);
      kills += 1;
      const gone = once(crew[index].child, 'exit');
      crew[index].child.kill('SIGKILL');
      await gone;
      crew[index] = await start(setup);
    },
    async close() {
      await Promise.all(crew.map(async ({ child }) => {
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }));
    },
  };
}

async function start(setup) {
  const child = fork(PROGRAM, [JSON.stringify(setup)]);
  const url = await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message.url));
    child.once('exit', () => reject(new Error('A process of the fleet ended.')));
  });
  return { child, url };
}
