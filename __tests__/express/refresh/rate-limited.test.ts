import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn } from '../../support/app';
import { connectedWorld, givenRotation, tokenIn, verdict, type Time } from '../../support/refreshing';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
  time.stop();
});

const JSON_ONLY = { accept: 'application/json' };
const LIMITED = 'ERR_CONNECT_RATE_LIMITED';

test('after one 429 with Retry-After: 60 nobody asks the provider for 60 s, and everybody is told what is left of it', async () => {
  const world = await connectedWorld(sandbox);
  const visitors = [world.visitor, ...Array.from({ length: 49 }, () => browser())];
  for (const visitor of visitors.slice(1)) await signIn(world.app, sandbox, visitor);
  await world.expireIn(-1);
  sandbox.force(429, { on: 'refresh', retryAfter: '60' });
  const ask = (visitor = world.visitor) => visitor.visit(`${world.app.url}/fresh`, JSON_ONLY);

  expect(verdict(await ask())).toEqual([503, LIMITED, '60']);
  time.pass(25_000);
  for (const visitor of visitors) expect(verdict(await ask(visitor))).toEqual([503, LIMITED, '35']);
  expect(sandbox.calls.refresh).toBe(1);

  time.pass(35_000);
  for (const visitor of visitors) expect(tokenIn(await ask(visitor)).type).toBe('bearer');
  expect(sandbox.calls.refresh).toBe(1 + visitors.length);
});

test('whoever has a valid token is served meanwhile', async () => {
  const world = await connectedWorld(sandbox);
  const other = browser();
  await signIn(world.app, sandbox, other);
  sandbox.force(429, { on: 'refresh', retryAfter: '60' });
  await world.expireIn(5);
  for (const visitor of [world.visitor, other]) {
    expect((await visitor.visit(`${world.app.url}/fresh`, JSON_ONLY)).status).toBe(200);
  }
  expect(sandbox.calls.refresh).toBe(1);
});

test.each(['exchange', 'refresh'] as const)(
  'a sign-in that comes back after a 429 to a %s waits, and nothing of it is spent',
  async (on) => {
    const world = await connectedWorld(sandbox);
    sandbox.force(429, { on, retryAfter: '30' });
    if (on === 'exchange') {
      expect((await signIn(world.app, sandbox, browser())).headers['retry-after']).toBe('30');
    } else {
      await world.expireIn(-1);
      await world.fresh();
    }
    const before = sandbox.calls.token;
    const visitor = browser();
    const callback = await beginSignIn(world.app, sandbox, visitor);
    time.pass(10_000);
    const answer = await visitor.visit(callback, JSON_ONLY);
    expect(verdict(answer)).toEqual([503, LIMITED, '20']);
    expect(sandbox.calls.token).toBe(before);
    time.pass(20_000);
    expect((await visitor.visit(callback)).status).toBe(302);
  },
);

test('a 429 that names no time pauses its own connection only', async () => {
  const world = await connectedWorld(sandbox);
  const other = browser();
  await signIn(world.app, sandbox, other);
  await world.expireIn(-1);
  sandbox.force(429, { on: 'refresh' });
  expect((await world.fresh()).status).toBe(503);
  expect((await other.visit(`${world.app.url}/fresh`, JSON_ONLY)).status).toBe(200);
  expect(sandbox.calls.refresh).toBe(2);
});
