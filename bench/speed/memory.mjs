// What a process keeps of a sign-in beyond the session document: growth of the heap after a collection, per sign-in, once
// the store has been emptied.
import { OURS } from '../peers/list.mjs';
import { startApp, withAll } from './processes.mjs';

const MINUTE_MS = 60_000;
/** By then V8 has compiled what it is going to compile, which takes more room than all sign-ins of a minute. */
const WARM_UP = 4000;
/** Nothing of a sign-in is kept for longer, unless by its place among the last so many. */
const LONGEST_MS = 11 * MINUTE_MS;

export async function measureMemory(world, plan, say) {
  say('abandoned');
  const abandoned = await kept(world, 'abandon', plan.abandoned);
  say('completed');
  const completed = await kept(world, 'signIns', plan.completed);
  return [
    ...abandoned.map((row) => ({ ...row, name: `abandoned, ${row.name}` })),
    ...completed.map((row) => ({ ...row, name: `completed, ${row.name}` })),
  ];
}

/**
 * @param counts - of sign-ins, first and further ones: tables and compiled code grow more among the former. Completed
 * ones are fewer than 10,000 in all, the sessions that are remembered for half a minute after they have moved: beyond
 * that each would take the room of another, and would look smaller than it is.
 */
async function kept({ provider, driver }, deed, counts) {
  return withAll([startApp(OURS, { provider: provider.told.origin }, ['--expose-gc'])], async (app) => {
    const { site } = app;
    const perform = (count) => driver.ask(deed, { site, count, atOnce: 32 });
    await driver.ask('signIns', { site, count: WARM_UP, atOnce: 32 });
    await perform(WARM_UP);
    await app.ask('ahead', { ms: LONGEST_MS });
    await perform(32);
    await app.ask('heap');
    const begun = await app.ask('heap');
    const rows = [];
    let before = begun;
    let total = 0;
    for (const [index, count] of counts.entries()) {
      await perform(count);
      total += count;
      const now = await app.ask('heap');
      rows.push({ name: index === 0 ? `the first ${count}` : `${count} more`, count, bytes: (now - before) / count });
      before = now;
    }
    // What is kept for a time goes when somebody else signs in after it.
    await app.ask('ahead', { ms: MINUTE_MS + 1000 });
    await perform(32);
    const after = await app.ask('heap');
    return [...rows, { name: `all ${total}, a minute later`, count: total, bytes: (after - begun) / total }];
  });
}
