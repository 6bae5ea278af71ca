import type { ConnectAuthOptions } from '../../src';
import type { Sandbox } from '../../src/testing';
import { browser, signIn, type Browser, type TestApp } from './app';
import { refreshingApp, tokenIn, type Token, type World } from './refreshing';

/** So many at once: as a busy app has them, and no more sockets than a machine gives. */
const AT_ONCE = 40;
/** Longer than {@link CROWD_LIFETIME_SECONDS}. */
export const CROWD_ROUND_MS = 10_000;
/** For the sandbox's switch: every token runs out from one round to the next. */
export const CROWD_LIFETIME_SECONDS = 8;

/** What the visitors of an app were answered. */
export interface Answers {
  /** To those whose connection is alive. */
  readonly healthy: number;
  /** Of these, all but 200 with a token that works. */
  readonly healthyRefused: number;
  /** To those whose grant is dead. */
  readonly dead: number;
  /** Of these, 401 with reason `refused` and the way to connect again. */
  readonly deadTold: number;
}

/** Visitors of one app, of whom some have ended the connection at the provider. */
export interface Crowd {
  readonly world: World;
  /** Everybody asks for a token: the dead before all others, or among them. */
  ask(order: 'dead first' | 'mixed'): Promise<Answers>;
}

/**
 * Signs so many visitors in, and lets some of them, evenly spread, end the connection at the provider.
 * @param dead - how many of them
 */
export async function startCrowd(
  sandbox: Sandbox,
  { visitors, dead, options = {} }: { visitors: number; dead: number; options?: Partial<ConnectAuthOptions> },
): Promise<Crowd> {
  const world = await refreshingApp(sandbox, { options });
  const everybody = Array.from({ length: visitors }, () => browser());
  await inTurns(everybody, (visitor) => signIn(world.app, sandbox, visitor));
  const gone = new Set(everybody.filter((_visitor, index) => index % Math.floor(visitors / dead) === 0).slice(0, dead));
  await inTurns([...gone], async (visitor) => sandbox.revoke((await tokenOf(world.app, visitor)).refresh_token));
  const deadFirst = [...gone, ...everybody.filter((visitor) => !gone.has(visitor))];

  async function isServed(visitor: Browser): Promise<boolean> {
    const answer = await visitor.visit(`${world.app.url}/fresh`, { accept: 'application/json' });
    return answer.status === 200 && sandbox.works(tokenIn(answer).access_token);
  }

  async function isTold(visitor: Browser): Promise<boolean> {
    const { status, body } = await visitor.visit(`${world.app.url}/fresh`, { accept: 'application/json' });
    const told = JSON.parse(body) as { reason?: unknown; loginUrl?: unknown };
    return status === 401 && told.reason === 'refused' && told.loginUrl === '/connect/authorize';
  }

  return {
    world,
    async ask(order) {
      const answers = { healthy: 0, healthyRefused: 0, dead: 0, deadTold: 0 };
      await inTurns(order === 'mixed' ? everybody : deadFirst, async (visitor) => {
        if (gone.has(visitor)) {
          answers.dead += 1;
          if (await isTold(visitor)) answers.deadTold += 1;
        } else {
          answers.healthy += 1;
          if (!(await isServed(visitor))) answers.healthyRefused += 1;
        }
      });
      return answers;
    },
  };
}

/** The sum of several rounds. */
export function sumOf(rounds: readonly Answers[]): Answers {
  const sum = (key: keyof Answers): number => rounds.reduce((total, round) => total + round[key], 0);
  return {
    healthy: sum('healthy'),
    healthyRefused: sum('healthyRefused'),
    dead: sum('dead'),
    deadTold: sum('deadTold'),
  };
}

async function tokenOf(app: TestApp, visitor: Browser): Promise<Token> {
  return tokenIn(await visitor.visit(`${app.url}/token`, { accept: 'application/json' }));
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
