import type { SessionData } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import {
  connectedWorld,
  givenRotation,
  latch,
  tokenIn,
  tokenOf,
  twoProcesses,
  verdict,
  type Latch,
  type Time,
  type World,
} from '../../support/refreshing';
import { onlySession, type Document } from '../../support/stored';
import type { TestAppParts } from '../../support/app';

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});

/** Puts a document back into the store, as a slow writer or a restored backup does. */
async function restore(world: World, document: Document, id?: string): Promise<void> {
  const where = id ?? (await sessionId(world));
  await new Promise<void>((resolve) => {
    world.app.store.set(where, document as unknown as SessionData, () => resolve());
  });
}

async function sessionId({ app }: World): Promise<string> {
  return Object.keys(await app.sessions())[0] ?? '';
}

/** Refreshes once. */
async function nextGeneration(world: World): Promise<string> {
  await world.expireIn(1);
  return tokenIn(await world.fresh()).access_token;
}

/** Counts what is asked of a session store. */
function countingStore(world: World): { readonly sets: () => number } {
  let sets = 0;
  const set = world.app.store.set.bind(world.app.store);
  world.app.store.set = (...args) => {
    sets += 1;
    set(...args);
  };
  return { sets: () => sets };
}

test('a session three generations behind adopts the newest token without a provider call', async () => {
  const [first, second] = await twoProcesses(sandbox);
  await first.expireIn(1);
  const stale = await onlySession(first.app);
  let newest = tokenIn(await first.fresh()).access_token;
  for (let more = 0; more < 2; more += 1) newest = await nextGeneration(first);
  expect(sandbox.calls.refresh).toBe(3);
  await restore(first, stale);
  expect(tokenIn(await second.fresh()).access_token).toBe(newest);
  expect(sandbox.calls.refresh).toBe(3);
  expect(second.told('adopted', 'refreshed', 'refresh_failed', 'ledger_error')).toMatchObject([
    { type: 'adopted', generation: 3 },
  ]);
});

test('an adopted token younger than 5 s is not written, an older one is', async () => {
  const [first, second] = await twoProcesses(sandbox);
  await first.expireIn(1);
  const stale = await onlySession(first.app);
  const fresh = tokenIn(await first.fresh()).access_token;
  await restore(first, stale);
  time.pass(4000);
  const store = countingStore(first);
  expect(tokenIn(await second.fresh()).access_token).toBe(fresh);
  expect({ writes: store.sets(), accessToken: (await first.stored()).access_token }).toEqual({
    writes: 0,
    accessToken: tokenOf(stale).access_token,
  });
  time.pass(1500);
  expect(tokenIn(await second.fresh()).access_token).toBe(fresh);
  expect({ writes: store.sets(), accessToken: (await first.stored()).access_token }).toEqual({
    writes: 1,
    accessToken: fresh,
  });
  expect((await first.stored()).connection).toMatch(/\.1$/u);
});

test("an adopted token that was not written is what the app's own answers show, under whichever name", async () => {
  const world = await connectedWorld(sandbox, {
    routes: (app, connect) => {
      app.get('/own', (req, res, next) => {
        const show = (): void => {
          const { connectToken } = req.session;
          res.json({ connectToken, account: connectToken });
        };
        connect.getToken(req).then(show, next);
      });
    },
  });
  await world.expireIn(1);
  const stale = await onlySession(world.app);
  const fresh = tokenIn(await world.fresh());
  await restore(world, stale);
  const answer = await world.visitor.visit(`${world.app.url}/own`);
  expect(JSON.parse(answer.body)).toEqual({ connectToken: fresh, account: fresh });
  expect(await onlySession(world.app)).toEqual(stale);
});

test('a document restored hours later gets the newest token, refreshed once when that has expired too', async () => {
  const [first, second] = await twoProcesses(sandbox);
  await first.expireIn(1);
  const stale = await onlySession(first.app);
  const spent = [tokenOf(stale).refresh_token];
  spent.push(tokenIn(await first.fresh()).refresh_token);
  time.pass(3 * 3_600_000);
  await first.fresh();
  expect(sandbox.calls.refresh).toBe(2);
  time.pass(3 * 3_600_000);
  await restore(first, stale);
  const answers = await Promise.all([first, second, first, second].map((world) => world.fresh()));
  expect(new Set(answers.map((answer) => tokenIn(answer).access_token)).size).toBe(1);
  const presentations = spent.map((token) => sandbox.presentations(token));
  expect({ refreshCalls: sandbox.calls.refresh, presentations }).toEqual({ refreshCalls: 3, presentations: [1, 1] });
  expect(sandbox.works(tokenIn(answers[0]!).access_token)).toBe(true);
});

/** An app with a route that changes its session, slowly, and never looks at the token. */
function withSlowWriter(gate: Latch): TestAppParts {
  return {
    routes: (app) => {
      app.get('/slow', async (req, res) => {
        await gate.wait();
        Object.assign(req.session, { note: 'slow' });
        res.send('written');
      });
    },
  };
}

test('a slow request that saves its old copy over the fresh token costs no provider call and no sign-in', async () => {
  const gate = latch();
  const [first, second] = await twoProcesses(sandbox, withSlowWriter(gate));
  await first.expireIn(1);
  const old = await first.stored();
  const slow = first.visitor.visit(`${first.app.url}/slow`);
  await gate.reached;
  const fresh = tokenIn(await second.fresh()).access_token;
  expect((await first.stored()).access_token).toBe(fresh);
  gate.open();
  await slow;
  expect((await first.stored()).access_token).toBe(old.access_token);
  for (const world of [first, second]) expect(tokenIn(await world.fresh()).access_token).toBe(fresh);
  expect({ refreshCalls: sandbox.calls.refresh, presentations: sandbox.presentations(old.refresh_token) }).toEqual({
    refreshCalls: 1,
    presentations: 1,
  });
  time.pass(6000);
  await second.fresh();
  expect(await onlySession(first.app)).toMatchObject({ note: 'slow', connectToken: { access_token: fresh } });
});

test('while one process refreshes, the other serves its valid token, and waits for the new one without', async () => {
  const [first, second] = await twoProcesses(sandbox);
  await first.expireIn(10);
  const old = await first.stored();
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
  const winner = first.fresh();
  await sandbox.waiting();
  expect(tokenIn(await second.fresh())).toEqual(old);
  time.pass(9000);
  const waiting = Array.from({ length: 5 }, () => second.fresh());
  sandbox.release();
  const fresh = tokenIn(await winner).access_token;
  for (const answer of await Promise.all(waiting)) expect(tokenIn(answer).access_token).toBe(fresh);
  expect(sandbox.calls.refresh).toBe(1);
});

test('the browser closes during the refresh: it completes, and the next request has the new token', async () => {
  const world = await connectedWorld(sandbox);
  await world.expireIn(1);
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
  const cookie = [...world.visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const leaving = new AbortController();
  const left = fetch(`${world.app.url}/fresh`, { headers: { cookie }, signal: leaving.signal }).catch(() => 'gone');
  await sandbox.waiting();
  leaving.abort();
  expect(await left).toBe('gone');
  sandbox.release();
  await world.connect.close();
  expect(verdict(await world.fresh())).toEqual([200]);
  expect({ refreshCalls: sandbox.calls.refresh, works: sandbox.works((await world.stored()).access_token) }).toEqual({
    refreshCalls: 1,
    works: true,
  });
});

test('a connection ended in another process ends here too, whatever copy of the session comes back', async () => {
  const [first, second] = await twoProcesses(sandbox);
  await first.expireIn(1);
  const stale = await onlySession(first.app);
  await first.fresh();
  const newer = await onlySession(first.app);
  await first.visitor.visit(`${first.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
  await restore(first, stale);
  expect(verdict(await second.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect(JSON.stringify(await onlySession(first.app))).not.toContain('access_token');
  await restore(first, newer);
  expect(verdict(await second.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  expect(sandbox.calls.refresh).toBe(1);
});

test('a request that began before another process ended the connection gets nothing from a restored document', async () => {
  const gate = latch();
  const [first, second] = await twoProcesses(sandbox, {
    routes: (app, connect) => {
      app.get('/late', (req, res, next) => {
        gate
          .wait()
          .then(() => connect.getToken(req))
          .then((token) => void res.json(token), next);
      });
    },
  });
  await first.expireIn(1);
  const late = second.visitor.fork().visit(`${second.app.url}/late`, {});
  await gate.reached;
  await first.fresh();
  const newer = await onlySession(first.app);
  const id = await sessionId(first);
  await first.visitor.visit(`${first.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
  await restore(first, newer, id);
  gate.open();
  expect(verdict(await late)).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
});
