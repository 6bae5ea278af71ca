// CPU time inside each middleware on a route that is not its own, for a visitor who is connected.
import { OURS } from '../peers/list.mjs';
import { startApp, withAll } from './processes.mjs';
import { quartiles } from './statistics.mjs';

const VARIANTS = [
  ['encrypted session', { sealed: true }],
  ['with `owner`', { owner: true }],
  ['encrypted session, with `owner`', { sealed: true, owner: true }],
];

export async function measureMiddleware(world, { contenders, ...plan }, say) {
  const rows = contenders.map(({ name }) => [name, name, {}]);
  if (contenders.some(({ name }) => name === OURS))
    rows.push(...VARIANTS.map(([words, options]) => [`${OURS}, ${words}`, OURS, options]));
  const found = [];
  for (const [name, contender, options] of rows) {
    say(name);
    const values = await inside(world, contender, options, plan);
    found.push({ name, microseconds: quartiles(values), values });
  }
  return found;
}

async function inside({ provider, driver }, name, options, { insideCalls: calls, insideRounds: rounds }) {
  return withAll([startApp(name, { provider: provider.told.origin, options }, ['--expose-gc'])], async (app) => {
    const cookie = await driver.ask('connected', { site: app.site, token: true });
    return app.ask('inside', { cookie, calls, rounds });
  });
}
