import type { Sandbox } from '../../../src/testing';
import {
  connectedWorld,
  givenRotation,
  tokenIn,
  tokenOf,
  twoProcesses,
  verdict,
  type Time,
} from '../../support/refreshing';
import { editSessions, onlySession } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const JSON_ONLY = { accept: 'application/json' };

test('twenty parallel calls whose token the API refused cost one refresh, and all get the new token', async () => {
  const world = await connectedWorld(sandbox);
  const old = await world.stored();
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.refused(old.access_token)));
  expect(new Set(answers.map((answer) => tokenIn(answer).access_token)).size).toBe(1);
  expect({ refreshCalls: sandbox.calls.refresh, works: sandbox.works(tokenIn(answers[0]!).access_token) }).toEqual({
    refreshCalls: 1,
    works: true,
  });
});

test('a session that holds another token by now gives that one at once', async () => {
  const world = await connectedWorld(sandbox);
  expect(tokenIn(await world.refused('some-older-token'))).toEqual(await world.stored());
  expect(sandbox.calls.refresh).toBe(0);
});

test.each(['seconds', 'missing'] as const)(
  'a stale session whose record holds another token (expiry: %s) gives that one, without asking the provider',
  async (expiresAt) => {
    sandbox.set({ expiresAt });
    const [first, second] = await twoProcesses(sandbox);
    const stale = await onlySession(first.app);
    const old = await first.stored();
    const fresh = tokenIn(await first.refused(old.access_token));
    await editSessions(first.app, (document) => Object.assign(document, stale));
    expect(tokenIn(await second.refused(old.access_token))).toEqual(fresh);
    expect(sandbox.calls.refresh).toBe(1);
  },
);

test('a token that was due and is younger than 5 s is not refreshed for a refusal, an older one is', async () => {
  const world = await connectedWorld(sandbox);
  await world.expireIn(-1);
  const fresh = tokenIn(await world.fresh());
  for (let more = 0; more < 3; more += 1) expect(tokenIn(await world.refused(fresh.access_token))).toEqual(fresh);
  expect(sandbox.calls.refresh).toBe(1);
  time.pass(5100);
  expect(tokenIn(await world.refused(fresh.access_token)).access_token).not.toBe(fresh.access_token);
  expect(sandbox.calls.refresh).toBe(2);
});

test('a young token that has expired is refreshed however young it is', async () => {
  const world = await connectedWorld(sandbox);
  const fresh = tokenIn(await world.refused((await world.stored()).access_token));
  await world.expireIn(-1);
  expect(tokenIn(await world.refused(fresh.access_token)).access_token).not.toBe(fresh.access_token);
  expect(sandbox.calls.refresh).toBe(2);
});

test('a session whose record holds another token of the same age gives that one', async () => {
  const world = await connectedWorld(sandbox);
  const fresh = tokenIn(await world.refused((await world.stored()).access_token));
  await editSessions(world.app, (document) => {
    tokenOf(document).access_token = 'from-a-lost-race';
  });
  expect(tokenIn(await world.refused('from-a-lost-race'))).toEqual(fresh);
  expect({ token: await world.stored(), refreshCalls: sandbox.calls.refresh }).toEqual({
    token: fresh,
    refreshCalls: 1,
  });
});

test('a token that a refusal has brought is not refreshed for the next refusal within a minute, nor ever after it', async () => {
  const world = await connectedWorld(sandbox);
  const fresh = tokenIn(await world.refused((await world.stored()).access_token));
  for (let second = 0; second < 200; second += 10) {
    time.pass(10_000);
    expect(tokenIn(await world.refused(fresh.access_token))).toEqual(fresh);
  }
  expect(sandbox.calls.refresh).toBe(1);
});

test('while a refresh is impossible a refused token is not given again: 503, and the session is kept', async () => {
  const world = await connectedWorld(sandbox);
  const before = await onlySession(world.app);
  sandbox.force(503, { on: 'refresh', retryAfter: '9' });
  const answer = await world.refused((await world.stored()).access_token);
  expect(verdict(answer)).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', '9']);
  expect(await onlySession(world.app)).toEqual(before);
  expect((await world.visitor.visit(`${world.app.url}/fresh`, JSON_ONLY)).status).toBe(200);
});

test('a refused token of a connection that has died is cleared', async () => {
  const world = await connectedWorld(sandbox);
  sandbox.force(400, { on: 'refresh' });
  expect(verdict(await world.refused((await world.stored()).access_token))).toEqual([
    401,
    'ERR_CONNECT_EXPIRED',
    undefined,
  ]);
  expect(JSON.stringify(await onlySession(world.app))).not.toContain('access_token');
});

test('without a refresh token a token that is due is given as long as it is valid', async () => {
  const world = await connectedWorld(sandbox);
  await editSessions(world.app, (document) => {
    Reflect.deleteProperty(document['connectToken'] as object, 'refresh_token');
  });
  await world.expireIn(10);
  const token = await world.stored();
  expect(tokenIn(await world.fresh())).toEqual(token);
  time.pass(9000);
  expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect({ token: await world.stored(), refreshCalls: sandbox.calls.refresh }).toEqual({ token, refreshCalls: 0 });
});

test('without a refresh token a refused token ends in 401, and stays in the session', async () => {
  const world = await connectedWorld(sandbox);
  await editSessions(world.app, (document) => {
    Reflect.deleteProperty(document['connectToken'] as object, 'refresh_token');
  });
  const before = await onlySession(world.app);
  const { access_token: token } = await world.stored();
  expect(verdict(await world.refused(token))).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect({
    accessToken: tokenIn(await world.fresh()).access_token,
    session: await onlySession(world.app),
    refreshCalls: sandbox.calls.refresh,
  }).toEqual({ accessToken: token, session: before, refreshCalls: 0 });
});
