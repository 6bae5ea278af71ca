// Many requests at once on one connection whose token has run out: how often the provider is asked, and how long they
// wait. The same storm with a valid token goes before it over the same sockets.
import { setTimeout as sleep } from 'node:timers/promises';
import { OURS } from '../peers/list.mjs';
import { startPostgres } from '../soak/postgres.mjs';
import { startRedis } from '../soak/redis.mjs';
import { startApp, withAll } from './processes.mjs';
import { percentile, quartiles } from './statistics.mjs';

const LATENCY_MS = 50;
const LIFETIME_SECONDS = 1;
const PROCESSES = 4;

export async function measureStorms(world, plan, say) {
  say('one process');
  const rows = [await storms(world, plan, 'one process', 1, {})];
  const redis = await ifThere(startRedis);
  if (redis === undefined) return rows;
  try {
    say('four processes, Redis');
    const sessionsUrl = redis.url;
    const inRedis = { sessionsUrl, options: { shared: { redisUrl: redis.url } } };
    rows.push(await storms(world, plan, 'four processes, ledger in Redis', PROCESSES, inRedis));
    const postgres = await ifThere(startPostgres);
    if (postgres === undefined) return rows;
    say('four processes, PostgreSQL');
    const shared = { redisUrl: redis.url, postgres: postgres.connection };
    try {
      const inPostgres = { sessionsUrl, options: { shared } };
      rows.push(await storms(world, plan, 'four processes, ledger in PostgreSQL', PROCESSES, inPostgres));
    } finally {
      await postgres.close();
    }
    return rows;
  } finally {
    await redis.close();
  }
}

/** Undefined on a machine without that program. */
async function ifThere(start) {
  try {
    return await start();
  } catch (error) {
    console.error(`left out: ${error.message}`);
    return undefined;
  }
}

async function storms({ provider, driver }, { stormSize, stormRounds }, name, processes, setup) {
  await provider.ask('behave', { expiresInSeconds: LIFETIME_SECONDS, refreshLatencyMs: LATENCY_MS });
  const place = { provider: provider.told.origin, ...setup };
  try {
    return await withAll(
      Array.from({ length: processes }, () => startApp(OURS, place)),
      async (...apps) => {
        const storm = { driver, provider, apps, count: stormSize };
        // Sockets, and code that has run.
        await oneStorm(storm);
        const rounds = [];
        for (let round = 0; round < stormRounds; round += 1) rounds.push(await oneStorm(storm));
        return {
          name,
          requests: stormSize,
          latencyMs: LATENCY_MS,
          refreshes: rounds.map(({ refreshes }) => refreshes),
          commandsWhileValid: rounds.map(({ commands }) => commands),
          validMs: quartiles(rounds.map(({ validMs }) => validMs)),
          expiredMs: quartiles(rounds.map(({ expiredMs }) => expiredMs)),
        };
      },
    );
  } finally {
    await provider.ask('behave', { expiresInSeconds: 3600, refreshLatencyMs: 0 });
  }
}

async function oneStorm({ driver, provider, apps, count }) {
  const urls = apps.map(({ site }) => `${site.origin}/token`);
  // With a token that lasts.
  await provider.ask('behave', { expiresInSeconds: 3600 });
  const lasting = await driver.ask('connected', { site: apps[0].site });
  const before = await sumOf(apps, 'commands');
  const valid = await driver.ask('storm', { urls, cookie: lasting, count });
  const commands = (await sumOf(apps, 'commands')) - before;
  await provider.ask('behave', { expiresInSeconds: LIFETIME_SECONDS });
  const cookie = await driver.ask('connected', { site: apps[0].site });
  await sleep(LIFETIME_SECONDS * 1000 + 100);
  const { refreshes } = await provider.ask('counts');
  const expired = await driver.ask('storm', { urls, cookie, count });
  return {
    commands,
    validMs: percentile(valid, 0.99),
    expiredMs: percentile(expired, 0.99),
    refreshes: (await provider.ask('counts')).refreshes - refreshes,
  };
}

async function sumOf(apps, name) {
  return (await Promise.all(apps.map((app) => app.ask(name)))).reduce((sum, value) => sum + value, 0);
}
