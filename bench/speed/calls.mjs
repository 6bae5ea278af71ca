// What a handler pays for the token, and for a call of the API by client().
import { OURS } from '../peers/list.mjs';
import { startApp, withAll } from './processes.mjs';
import { quartiles } from './statistics.mjs';

export async function measureCalls({ provider, driver }, plan, say) {
  const rows = [];
  for (const [words, options] of [
    ['session plain', {}],
    ['session encrypted', { sealed: true }],
  ]) {
    say(words);
    await withAll([startApp(OURS, { provider: provider.told.origin, options }, ['--expose-gc'])], async (app) => {
      const cookie = await driver.ask('connected', { site: app.site, token: true });
      rows.push(await getToken(app, { cookie, calls: plan.getTokenCalls, rounds: plan.getTokenRounds }, words));
      for (const atOnce of [32, 1])
        rows.push(await client(app, { cookie, calls: plan.clientCalls, rounds: plan.clientRounds, atOnce }, words));
    });
  }
  return rows;
}

async function getToken(app, question, words) {
  const found = await app.ask('getToken', question);
  return {
    name: `\`getToken(req)\`, not due, over reading the session; ${words}`,
    unit: 'µs more',
    value: quartiles(found.map(({ getToken: own, read }) => own - read)),
    found,
  };
}

async function client(app, question, words) {
  const found = await app.ask('client', question);
  return {
    name: `\`client(req).get\` to a plain \`axios.create\`, ${question.atOnce} at once; ${words}`,
    unit: 'ratio',
    value: quartiles(found.map(({ client: own, plain }) => own / plain)),
    found,
  };
}
