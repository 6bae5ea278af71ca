// CPU time of the app per whole sign-in, as a ratio to the flow written by hand in the same second.
import { BASELINE } from '../peers/list.mjs';
import { startApp, withAll } from './processes.mjs';
import { quartiles } from './statistics.mjs';

export const AT_ONCE = [32, 1];

/** Which contenders, one after the other; the baseline is measured against itself, which shows the noise. */
export async function measureSignIns(world, { contenders, ...plan }, say) {
  const rows = [];
  for (const { name } of contenders) {
    say(name);
    rows.push({ name, ...(await versusBaseline(world, name, plan)) });
  }
  return rows;
}

async function versusBaseline({ provider, driver }, name, plan) {
  const place = { provider: provider.told.origin };
  return withAll([startApp(name, place), startApp(BASELINE, place)], async (app, base) => {
    const abandoned = await abandonedDocument(driver, app);
    for (const one of [app, base]) {
      await driver.ask('connected', { site: one.site, token: true });
      await signIns(driver, one, plan.warmUp, 32);
      await signIns(driver, one, plan.warmUp / 8, 1);
    }
    const found = {};
    for (const atOnce of AT_ONCE) found[atOnce] = await pairsOf(driver, [app, base], { atOnce, ...plan });
    return { documentCharacters: abandoned, ratios: found };
  });
}

/** What an abandoned sign-in leaves in the store. */
async function abandonedDocument(driver, app) {
  await driver.ask('abandon', { site: app.site, count: 1, atOnce: 1 });
  return app.ask('document');
}

async function pairsOf(driver, [app, base], { atOnce, pairs, slices }) {
  const spent = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const figures = new Map();
    // Who begins changes, so that a trend of the machine helps nobody.
    for (const one of pair % 2 === 0 ? [app, base] : [base, app])
      figures.set(one, await signIns(driver, one, slices[atOnce], atOnce));
    spent.push([figures.get(app), figures.get(base)]);
  }
  return {
    ratio: quartiles(spent.map(([own, other]) => own.whole / other.whole)),
    userRatio: quartiles(spent.map(([own, other]) => own.user / other.user)),
    microseconds: quartiles(spent.map(([own]) => own.whole)),
    spent,
  };
}

/**
 * CPU microseconds of an app for each of so many sign-ins; some go before them, so that its sockets are there.
 * @returns `user`, and `whole` with the time of the kernel
 */
export async function signIns(driver, app, count, atOnce) {
  await app.ask('forget');
  await driver.ask('signIns', { site: app.site, count: atOnce, atOnce });
  return cpuPer(app, Math.ceil(count), () =>
    driver.ask('signIns', { site: app.site, count: Math.ceil(count), atOnce }),
  );
}

/** CPU microseconds of an app for each of `count` during `work`. */
export async function cpuPer(app, count, work) {
  const before = await app.ask('cpu');
  await work();
  const { user, system } = await app.ask('cpu');
  return { user: (user - before.user) / count, whole: (user + system - before.user - before.system) / count };
}
