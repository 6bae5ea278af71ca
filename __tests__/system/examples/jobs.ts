import { join } from 'node:path';
import { freePort, unlessTaken } from '../../support/ports';
import { firstAnswer } from './first-answer';
import { personAt } from './person';
import type { Running, RunningExample, Stage } from './stage';

/** One of the two examples with a worker. */
export interface JobsExample {
  readonly name: 'jobs' | 'postgres';
  /** A `describe` that needs what the example keeps everything in. */
  readonly describeIn: (title: string, suite: () => void) => void;
  /** Starts that, as good as new. @returns the variables by which the programs find it */
  readonly start: () => Promise<Readonly<Record<string, string>>>;
}

/** What it promises. @param stageOf - asked in the tests, when there is one */
export function describeJobs({ name, describeIn, start }: JobsExample, stageOf: () => Stage): void {
  describeIn(name, () => {
    test('a worker acts for whoever is connected, on every device, until they disconnect on one of them', async () => {
      const example = await stageOf().example(name);
      await example.saying(/^worker: ada is not connected$/mu);
      await example.saying(/^worker: grace is not connected$/mu);
      const [phone, laptop] = [personAt(example), personAt(example)];
      expect((await phone.send('/login/ada')).location).toBe('/');
      const landed = await phone.visit('/connect/authorize', 'allow');
      expect({ path: landed.path, body: landed.body }).toEqual({
        path: '/',
        body: expect.stringContaining('Connected since') as unknown,
      });
      await example.saying(/^worker: ada is Sandbox User, user@sandbox\.invalid$/mu);
      // The sandbox's tokens live for ten seconds.
      await example.saying(/^(?:app|worker): refreshed the token of ada$/mu);

      await laptop.send('/login/grace');
      expect((await laptop.open('/')).body).toContain('Connect your account');
      await laptop.send('/logout');
      await laptop.send('/login/ada');
      expect((await laptop.open('/')).body).toContain('Connected since');
      expect((await laptop.send('/connect/disconnect')).location).toBe('/');
      await example.saying(/^app: the connection of ada has ended \(disconnected\)$/mu);
      await saysTwice(example, 'worker: ada is not connected');
      expect((await phone.open('/')).body).toContain('Connect your account');

      expect((await example.stop()).exitCode).toBe(0);
      expect(linesOf(example, 'worker: grace is not connected')).toBe(1);
    });

    test.each(['SIGINT', 'SIGTERM'] as const)(
      'after %s both programs end by themselves, and are not killed',
      async (signal) => {
        const service = await start();
        const programs = await unlessTaken(() => started(service));
        const ends = await Promise.all(programs.map((program) => program.stop(signal)));
        expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
      },
    );

    /** Starts both programs without run.mjs, which would answer for them. */
    async function started(service: Readonly<Record<string, string>>): Promise<readonly Running[]> {
      const port = await freePort();
      const url = `http://localhost:${port}`;
      const env = {
        ...service,
        PORT: String(port),
        SESSION_SECRET: 'any',
        CONNECT_ENCRYPTION_KEYS: 'any:thirty-two-characters-or-more-for-tests',
        CONNECT_CLIENT_ID: 'id',
        CONNECT_CLIENT_SECRET: 'secret',
        CONNECT_REDIRECT_URI: `${url}/connect/callback`,
      };
      const app = stageOf().node([join('examples', name, 'app.mjs')], env);
      const worker = stageOf().node([join('examples', name, 'worker.mjs')], env);
      await Promise.all([firstAnswer(url, app), worker.saying(/^worker: grace is not connected$/mu)]);
      return [app, worker];
    }

    test('a worker that ends by itself takes the app with it, and the last line says which it was', async () => {
      const atOnce = "if(process.argv[1].endsWith('worker.mjs'))process.exit(3)";
      const { exitCode, output } = await stageOf()
        .node(['examples/run.mjs', name], { PORT: '0', NODE_OPTIONS: `--import=data:text/javascript,${atOnce}` })
        .ended();
      expect({ exitCode, output }).toEqual({
        exitCode: 3,
        output: expect.stringContaining('worker.mjs has ended by itself.\n') as unknown,
      });
    });

    async function saysTwice(example: RunningExample, line: string): Promise<void> {
      await example.saying(new RegExp(`^${line}$.*^${line}$`, 'msu'));
    }

    function linesOf(example: RunningExample, line: string): number {
      return example
        .output()
        .split('\n')
        .filter((said) => said === line).length;
    }
  });
}
