import type { CookieOptions } from 'express-session';
import type { ConnectAuthOptions } from '../../../src';
import { deploy, type Deployment } from '../docs/sizing';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Case {
  readonly cookie?: CookieOptions;
  readonly options?: Partial<ConnectAuthOptions>;
  readonly record: number;
  readonly tombstone: number;
}

/** The provider's tokens live an hour, from now on at the latest. */
const CASES: Readonly<Record<string, Case>> = {
  'a session of two weeks': { cookie: { maxAge: 14 * DAY }, record: 15 * DAY, tombstone: 15 * DAY + HOUR },
  'a session of an hour': { cookie: { maxAge: HOUR }, record: 2 * DAY, tombstone: 26 * HOUR },
  'a cookie without maxAge': { record: 2 * DAY, tombstone: 90 * DAY },
  'a store with a time of its own': {
    cookie: { maxAge: 14 * DAY },
    options: { sessionTtlMs: 3 * DAY },
    record: 4 * DAY,
    tombstone: 4 * DAY + HOUR,
  },
};

describeInRedis('what the ledger in Redis keeps of', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  async function disconnect({ visitor, url }: Deployment): Promise<void> {
    const { status } = await visitor.visit(`${url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
    expect(status).toBe(204);
  }

  /** Of the only record or tombstone, to the minute. */
  async function keptFor(): Promise<number> {
    const keys = (await redis.command('KEYS', 'connect-auth:*')) as readonly string[];
    const [key = '', ...others] = keys.filter((name) => !/:(?:once|moved):/u.test(name));
    expect(others).toEqual([]);
    return Math.round(Number(await redis.command('PTTL', key)) / 60_000) * 60_000;
  }

  test.each(Object.entries(CASES))('%s', async (_name, { cookie, options, record, tombstone }) => {
    await redis.command('FLUSHALL');
    const one = await deploy(redis, options, cookie);
    await one.signIn();
    await disconnect(one);
    expect(await keptFor()).toBe(tombstone);
    await redis.command('FLUSHALL');
    await one.signIn();
    await one.age();
    expect((await one.visitor.visit(`${one.url}/token`)).status).toBe(200);
    expect(await keptFor()).toBe(record);
    await disconnect(one);
    expect(await keptFor()).toBe(Math.max(record, tombstone));
  });
});
