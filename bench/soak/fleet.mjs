import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./worker.mjs', import.meta.url));
/** Started and ready to step in, so that a kill leaves the crew complete however long a start takes. */
const SPARES = 2;

/** Starts the processes of one kind of a run, and replaces those that are killed. */
export async function startFleet(setup, count, { mayKill }) {
  const children = new Set();
  const crew = await Promise.all(Array.from({ length: count }, begin));
  const spares = await Promise.all(Array.from({ length: mayKill ? SPARES : 0 }, begin));
  let kills = 0;
  let open = true;

  async function begin() {
    const child = fork(PROGRAM, [JSON.stringify(setup)]);
    children.add(child);
    child.once('exit', () => children.delete(child));
    const url = await new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message.url));
      child.once('exit', () => reject(new Error('A process of the fleet ended.')));
    });
    return { child, url };
  }

  return {
    url: (chance) => crew[Math.floor(chance * crew.length)].url,
    kills: () => kills,
    /** SIGKILL, and a spare in its place; none is killed while there is no spare. */
    kill(chance) {
      const spare = spares.pop();
      if (spare === undefined) return;
      kills += 1;
      const index = Math.floor(chance * crew.length);
      crew[index].child.kill('SIGKILL');
      crew[index] = spare;
      begin().then(
        (next) => spares.push(next),
        (error) => {
          if (open) throw error;
        },
      );
    },
    async close() {
      open = false;
      await Promise.all(
        [...children].map(async (child) => {
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          await gone;
        }),
      );
    },
  };
}
