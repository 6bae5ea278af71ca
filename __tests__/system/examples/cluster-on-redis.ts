import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanup } from '../../support/cleanup';
import { describeInRedis } from '../../support/requires';
import { personAt } from './person';
import type { RunningExample, Stage } from './stage';

/** What the example "redis-cluster" promises. @param stageOf - asked in the tests, when there is one */
export function describeClusterOnRedis(stageOf: () => Stage): void {
  describeInRedis('redis-cluster', () => {
    // At the same time: most of a journey is waiting for the token to come due.
    test('a visitor of one process is known to the other, and both refresh once, by node-redis and by ioredis', async () => {
      await Promise.all(['node-redis', 'ioredis'].map((client) => journey(client)));
    });

    async function journey(client: string): Promise<void> {
      const example = await stageOf().example('redis-cluster', { REDIS_CLIENT: client });
      const person = personAt(example);
      const landed = await person.visit('/', 'allow');
      expect({ status: landed.status, clicks: landed.clicks }).toEqual({ status: 200, clicks: 1 });
      const secondsLeft = said((await person.open('/')).body)[1];
      expect(secondsLeft).toBeLessThanOrEqual(10);
      await sleep((secondsLeft - 1.5) * 1000); // the token comes due
      const before = refreshes(example);

      const answers = await Promise.all(Array.from({ length: 10 }, () => person.open('/')));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
      expect(new Set(answers.map(({ body }) => said(body)[0])).size).toBe(2);
      const after = [await person.open('/'), await person.open('/')].map(({ body }) => said(body));
      expect(after[0]?.[0]).not.toBe(after[1]?.[0]);
      expect(Math.min(...after.map(([, seconds]) => seconds))).toBeGreaterThan(2);
      expect(refreshes(example)).toBe(before + 1);
      expect((await example.stop()).exitCode).toBe(0);
    }

    test('Ctrl+C lets a request in progress be answered', async () => {
      const example = await stageOf().example('redis-cluster');
      const { hostname, port } = new URL(example.url);
      const socket = connect(Number(port), hostname);
      cleanup(() => socket.destroy());
      await once(socket, 'connect');
      socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n`);
      // One that comes later is answered: the worker has the beginning of the first one.
      expect([(await personAt(example).call('/')).status, (await personAt(example).call('/')).status]).toEqual([
        401, 401,
      ]);

      const stopped = example.stop();
      await refusesConnections(Number(port), hostname);
      socket.write('Accept: application/json\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /u);
      expect((await stopped).exitCode).toBe(0);
    });

    test('Ctrl+C ends processes that are still starting', async () => {
      const begun: Socket[] = [];
      const silent = createServer((socket) => {
        begun.push(socket.on('error', () => undefined));
        silent.emit('begun');
      }).listen(0, '127.0.0.1');
      cleanup(() => {
        silent.close();
        for (const socket of begun) socket.destroy();
      });
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const program = stageOf().node(['examples/run.mjs', 'redis-cluster'], {
        PORT: '0',
        REDIS_URL: `redis://127.0.0.1:${port}`,
      });
      while (begun.length < 2) await once(silent, 'begun');
      expect((await program.stop()).exitCode).toBe(0);
    });

    /** Resolves once nobody listens any more. */
    async function refusesConnections(port: number, hostname: string): Promise<void> {
      for (;;) {
        const socket = connect(port, hostname);
        try {
          await once(socket, 'connect');
        } catch {
          return;
        } finally {
          socket.destroy();
        }
        await sleep(20);
      }
    }

    function refreshes(example: RunningExample): number {
      return [...example.output().matchAll(/^process \d+: refreshed$/gmu)].length;
    }

    /** Which process has answered, and how many seconds it gives the token. */
    function said(body: string): readonly [process: number, seconds: number] {
      const [, process, seconds] = /^Process (\d+): the token is good for (-?\d+) s\.$/mu.exec(body) ?? [];
      return [Number(process), Number(seconds)];
    }
  });

  describe('without redis-server', () => {
    test('redis-cluster says what to install', async () => {
      const { exitCode, output } = await stageOf()
        .node(['examples/run.mjs', 'redis-cluster'], {
          PORT: '0',
          REDIS_SERVER_PATH: join(stageOf().folder, 'no-such-redis-server'),
        })
        .ended();
      expect({ exitCode, output }).toEqual({
        exitCode: 1,
        output: expect.stringContaining('apt install redis-server') as unknown,
      });
    });
  });
}
