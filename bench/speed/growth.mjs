// Whether a sign-in or a refresh costs more where there are many sessions, or where the visitor has started several
// sign-ins before. The flow by hand is measured the same way: what it grows by is the store's.
import { BASELINE, OURS } from '../peers/list.mjs';
import { startApp, withAll } from './processes.mjs';
import { cpuPer, signIns } from './sign-in.mjs';
import { quartiles } from './statistics.mjs';

const AT_ONCE = 32;
const STARTED_BEFORE = 7;
/** As long as a token lives. */
const HOUR_MS = 3_600_000;

export async function measureGrowth(world, plan, say) {
  const rows = [];
  for (const name of [OURS, BASELINE]) {
    say(`${name}, sessions`);
    rows.push({ name: `${name}: ${plan.seeded} live sessions to 1`, ...(await bySessions(world, name, plan)) });
  }
  say('refreshes');
  rows.push({ name: `${OURS}, a refresh: ${plan.seeded} live sessions to 1`, ...(await refreshes(world, plan)) });
  say('pending sign-ins');
  rows.push({ name: `${OURS}: 8 pending sign-ins to 1`, ...(await byPending(world, plan)) });
  return rows;
}

async function bySessions({ provider, driver }, name, { warmUp, growthPairs, slices, seeded }) {
  const place = { provider: provider.told.origin };
  return withAll([startApp(name, place), startApp(name, place)], async (many, one) => {
    for (const app of [many, one]) {
      await app.ask('forget');
      await driver.ask('connected', { site: app.site });
      await app.ask('seed', { count: app === many ? seeded : 1 });
      await signIns(driver, app, warmUp, AT_ONCE);
    }
    return ratios(growthPairs, many, one, (app) => signIns(driver, app, slices[AT_ONCE], AT_ONCE));
  });
}

async function refreshes({ provider, driver }, { growthPairs, slices, seeded }) {
  const place = { provider: provider.told.origin };
  const count = slices[AT_ONCE];
  return withAll([startApp(OURS, place), startApp(OURS, place)], async (many, one) => {
    for (const app of [many, one]) {
      await driver.ask('connected', { site: app.site });
      await app.ask('seed', { count: app === many ? seeded : 1 });
      await driver.ask('connectAll', { site: app.site, group: app.site.origin, count });
    }
    const refreshAll = async (app) => {
      await app.ask('ahead', { ms: HOUR_MS });
      const { refreshes: before } = await provider.ask('counts');
      const spent = await cpuPer(app, count, () =>
        driver.ask('tokenOfAll', { site: app.site, group: app.site.origin, atOnce: AT_ONCE }),
      );
      const { refreshes: after } = await provider.ask('counts');
      if (after - before !== count) throw new Error(`${after - before} refreshes of ${count} connections`);
      return spent;
    };
    for (const app of [many, one, many, one]) await refreshAll(app);
    return ratios(growthPairs, many, one, refreshAll);
  });
}

async function byPending({ provider, driver }, { warmUp, growthPairs, slices }) {
  return withAll([startApp(OURS, { provider: provider.told.origin })], async (app) => {
    await signIns(driver, app, warmUp, AT_ONCE);
    return ratios(growthPairs, STARTED_BEFORE, 0, async (started) => {
      const count = slices[AT_ONCE];
      await app.ask('forget');
      await driver.ask('prepare', { site: app.site, group: 'pending', count, started });
      return cpuPer(app, count, () =>
        driver.ask('signInPrepared', { site: app.site, group: 'pending', atOnce: AT_ONCE }),
      );
    });
  });
}

async function ratios(pairs, larger, smaller, measure) {
  const spent = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const figures = new Map();
    for (const one of pair % 2 === 0 ? [larger, smaller] : [smaller, larger]) figures.set(one, await measure(one));
    spent.push([figures.get(larger), figures.get(smaller)]);
  }
  return { ratio: quartiles(spent.map(([one, other]) => one.whole / other.whole)), spent };
}
