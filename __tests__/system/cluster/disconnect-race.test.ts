import { setTimeout as later } from 'node:timers/promises';
import { browser, type Answer, type Browser } from '../../support/app';
import { describeOnEach } from './backends';
import { ask, callbackPath, type Worker } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

// The first file to run packs the library, on machines that are busy with other suites.

/** `npm run races` counts 250 of each. */
const ROUNDS = 24;
/** The second request comes in every moment of a callback, and after it. */
const SPREAD_MS = 14;
const OWN = { 'sec-fetch-site': 'same-origin' };
/** How a callback and another request of the same visitor went. */
interface Meeting {
  readonly callback: Answer;
  readonly other: Answer;
  /** With the cookies of the callback's answer. */
  readonly visitor: Browser;
}

const post = (worker: Worker, visitor: Browser, path: string): Promise<Answer> =>
  visitor.visit(worker.url + path, OWN, 'POST');

async function meet(world: World, [one, other]: readonly [Worker, Worker], path: string): Promise<readonly Meeting[]> {
  const meetings: Meeting[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const visitor = browser();
    await visitor.visit(`${one.url}/login`);
    const callback = await callbackPath(world.sandbox, one, visitor);
    const second = visitor.fork();
    const landing = ask(one, callback, visitor);
    await later((round * SPREAD_MS) / ROUNDS);
    const answer = await post(other, second, path);
    meetings.push({ callback: await landing, other: answer, visitor });
  }
  return meetings;
}

/** Whether the visitor has a token that works. */
async function isConnected({ sandbox }: World, worker: Worker, visitor: Browser): Promise<boolean> {
  const answer = await ask(worker, '/token', visitor);
  if (answer.status !== 200) return false;
  return worksAtTheApi(sandbox, (JSON.parse(answer.body) as { accessToken: string }).accessToken);
}

/** The meetings after which a visitor is connected in spite of what the other request has answered. */
async function survivors(world: World, worker: Worker, ended: readonly Meeting[]): Promise<readonly string[]> {
  const alive: string[] = [];
  for (const { callback, other, visitor } of ended) {
    if (await isConnected(world, worker, visitor)) alive.push(`${callback.status}/${other.status}`);
  }
  return alive;
}

const APPS = [
  ['whose app has no onConnect', undefined],
  ['whose onConnect saves the session', 'save'],
  ['whose onConnect regenerates the session', 'regenerate'],
] as const;

describeOnEach('two processes', (start) =>
  describe.each(APPS)('%s', (_words, onConnect) => {
    let world: World;
    let one: Worker;
    let two: Worker;
    beforeAll(async () => {
      world = await startWorld(await start(), { processes: 2, setup: onConnect === undefined ? {} : { onConnect } });
      [one, two] = world.cluster.workers as [Worker, Worker];
    });

    test('a callback in one and a disconnect in the other never both succeed', async () => {
      const meetings = await meet(world, [one, two], '/connect/disconnect');
      const outcomes = meetings.map(({ callback, other }) => `${callback.status}/${other.status}`);
      expect(outcomes.filter((outcome) => !['302/503', '403/204'].includes(outcome))).toEqual([]);
      const ended = meetings.filter(({ other }) => other.status === 204);
      expect(await survivors(world, two, ended)).toEqual([]);
      // Whoever got 503 ends the connection with the next try, by the cookie that came meanwhile.
      const refused = meetings.filter(({ other }) => other.status === 503);
      expect(refused.map(({ other }) => other.headers['retry-after'])).toEqual(refused.map(() => '1'));
      for (const { visitor } of refused) expect((await post(two, visitor, '/connect/disconnect')).status).toBe(204);
      expect(await survivors(world, one, refused)).toEqual([]);
    });

    test('a sign-in that a disconnect or a logout in the same process has ended never comes back', async () => {
      const disconnected = await meet(world, [one, one], '/connect/disconnect');
      expect(
        await survivors(
          world,
          two,
          disconnected.filter(({ other }) => other.status === 204),
        ),
      ).toEqual([]);
      const left = await meet(world, [one, one], '/logout');
      // A logout after the move finds no login with the old cookie.
      const loggedOut = left.filter(({ other }) => (JSON.parse(other.body) as { user: unknown }).user !== null);
      expect(await survivors(world, two, loggedOut)).toEqual([]);
    });
  }),
);
