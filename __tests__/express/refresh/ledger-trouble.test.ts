import { MemoryStore } from 'express-session';
import { memoryLedger, type RefreshLedger } from '../../../src';
import { readOptions } from '../../../src/options/read';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { refreshFlights } from '../../../src/refresh/flight';
import { refreshPauses } from '../../../src/refresh/pauses';
import type { Sandbox } from '../../../src/testing';
import { getTokenOver } from '../../support/get-token';
import { givenDeadline } from '../../support/deadline';
import {
  connectedWorld,
  givenRotation,
  latch,
  tokenIn,
  twoProcesses,
  verdict,
  type Time,
} from '../../support/refreshing';
import { editSessions, onlySession } from '../../support/stored';
import { turns } from '../../support/turns';
import { tokenSet } from '../../support/token-set';

const deadline = givenDeadline();
let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
});
afterEach(() => jest.restoreAllMocks());

const LEDGER_503 = [503, 'ERR_CONNECT_LEDGER', '2'];

type Operation = 'acquire' | 'renew' | 'settle' | 'fail';

/** A ledger whose next calls of an operation reject, or throw before they give a promise. */
function troubledLedger() {
  const sound = memoryLedger({ now: () => Date.now() });
  const left: Record<Operation, number> = { acquire: 0, renew: 0, settle: 0, fail: 0 };
  const calls: Record<Operation, number> = { acquire: 0, renew: 0, settle: 0, fail: 0 };
  let throws = false;
  function troubled<Name extends Operation>(name: Name): RefreshLedger[Name] {
    const operation = (...args: never[]): unknown => {
      calls[name] += 1;
      if (left[name] > 0) {
        left[name] -= 1;
        const error = new Error('redis://:password@10.0.0.1 is away');
        if (throws) throw error;
        return Promise.reject(error);
      }
      return (sound[name] as (...given: never[]) => unknown)(...args);
    };
    return operation as RefreshLedger[Name];
  }
  const ledger: RefreshLedger = {
    ...sound,
    acquire: troubled('acquire'),
    renew: troubled('renew'),
    settle: troubled('settle'),
    fail: troubled('fail'),
  };
  return {
    ledger,
    calls,
    failNext(name: Operation, times = Infinity, byThrowing = false): void {
      left[name] = times;
      throws = byThrowing;
    },
    heal(): void {
      Object.assign(left, { acquire: 0, renew: 0, settle: 0, fail: 0 });
    },
  };
}

describe.each([false, true])('a ledger whose acquire fails (by throwing: %s)', (byThrowing) => {
  test('a valid token is served, and an expired one gets 503; nobody asks the provider, nothing is lost', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(20);
    const before = await onlySession(world.app);
    trouble.failNext('acquire', Infinity, byThrowing);
    expect(tokenIn(await world.fresh())).toEqual(before['connectToken']);
    time.pass(19_000);
    const answer = await world.fresh();
    expect([...verdict(answer), (JSON.parse(answer.body) as { reason: string }).reason]).toEqual([
      ...LEDGER_503,
      'away',
    ]);
    expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
      refreshCalls: 0,
      session: before,
    });
    expect(world.told('ledger_error')).toMatchObject([{ operation: 'acquire' }, { operation: 'acquire' }]);
    expect(JSON.stringify(world.events)).not.toContain('password');
    trouble.heal();
    expect(sandbox.works(tokenIn(await world.fresh()).access_token)).toBe(true);
  });
});

test('a token that is not due does not meet the ledger at all', async () => {
  const trouble = troubledLedger();
  const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
  const { acquire: acquireCallsOfSignIn } = trouble.calls;
  trouble.failNext('acquire');
  const { status } = await world.fresh();
  expect({ status, acquireCalls: trouble.calls.acquire - acquireCallsOfSignIn }).toEqual({
    status: 200,
    acquireCalls: 0,
  });
});

describe('a ledger that does not take a success', () => {
  test('the winner’s process goes on with it from memory, and settles it as soon as the ledger is back', async () => {
    const trouble = troubledLedger();
    const [first, second] = await twoProcesses(sandbox, { options: { ledger: trouble.ledger } });
    await first.expireIn(1);
    const stale = await onlySession(first.app);
    trouble.failNext('settle');
    const fresh = tokenIn(await first.fresh());
    expect({ works: sandbox.works(fresh.access_token), token: await first.stored() }).toEqual({
      works: true,
      token: fresh,
    });
    await editSessions(first.app, (document) => Object.assign(document, stale));
    expect(tokenIn(await first.fresh())).toEqual(fresh);
    const elsewhere = second.fresh();
    trouble.heal();
    expect(tokenIn(await elsewhere)).toEqual(fresh);
    expect(sandbox.calls.refresh).toBe(1);
    expect(first.told('ledger_error')[0]).toMatchObject({ operation: 'settle' });
  });

  test('close() waits until it is settled', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(1);
    trouble.failNext('settle', 3);
    await world.fresh();
    expect(trouble.calls.settle).toBe(1);
    await world.connect.close();
    expect(trouble.calls.settle).toBe(4);
  });

  test('close() offers also a success that comes long after it was called', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(1);
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const answer = world.fresh();
    await sandbox.waiting();
    const closed = world.connect.close();
    time.pass(30_000);
    trouble.failNext('settle', 2);
    sandbox.release();
    await Promise.all([closed, answer]);
    expect(trouble.calls.settle).toBe(3);
  });

  test('two of one connection in a row: the newer one serves until the ledger has taken that, too', async () => {
    const refused = new Set([0, 1]);
    const gate = latch();
    const sound = memoryLedger({ now: () => Date.now() });
    const ledger: RefreshLedger = {
      ...sound,
      settle: async (key, success) => {
        if (refused.has(success.generation)) throw new Error('away');
        const settled = await sound.settle(key, success);
        await gate.wait();
        return settled;
      },
    };
    const world = await connectedWorld(sandbox, { options: { ledger } });
    await world.expireIn(1);
    await world.fresh();
    await world.expireIn(1);
    const stale = await onlySession(world.app);
    const fresh = tokenIn(await world.fresh());
    refused.delete(0);
    await gate.reached;
    gate.open();
    await editSessions(world.app, (document) => Object.assign(document, stale));
    expect(tokenIn(await world.fresh())).toEqual(fresh);
    refused.delete(1);
    await world.connect.close();
    await editSessions(world.app, (document) => Object.assign(document, stale));
    expect({ token: tokenIn(await world.fresh()), refreshCalls: sandbox.calls.refresh }).toEqual({
      token: fresh,
      refreshCalls: 2,
    });
  });

  test('its connection, ended meanwhile, stays ended', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(1);
    const stale = await onlySession(world.app);
    trouble.failNext('settle', 2);
    await world.fresh();
    await world.visitor.visit(`${world.app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
    await world.connect.close();
    await editSessions(world.app, (document) => Object.assign(document, stale));
    expect((await world.fresh()).status).toBe(401);
    expect(sandbox.calls.refresh).toBe(1);
  });
});

test('close() waits for a refresh in flight', async () => {
  const trouble = troubledLedger();
  const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
  await world.expireIn(1);
  sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
  const answer = world.fresh();
  await sandbox.waiting();
  const settledAtClose = world.connect.close().then(() => trouble.calls.settle);
  expect(trouble.calls.settle).toBe(0);
  sandbox.release();
  expect({ settledAtClose: await settledAtClose, status: (await answer).status }).toEqual({
    settledAtClose: 1,
    status: 200,
  });
  await world.connect.close();
});

test('a record that is lost before the failure is recorded: the token is not presented again in the pause', async () => {
  // Each operation meets an empty ledger, as after FLUSHALL.
  const ledger: RefreshLedger = {
    ...memoryLedger(),
    acquire: (...claim) => memoryLedger().acquire(...claim),
    fail: () => Promise.resolve('lost'),
  };
  const world = await connectedWorld(sandbox, { options: { ledger } });
  await world.expireIn(1);
  sandbox.force(503, { on: 'refresh', times: Infinity, retryAfter: '4' });
  expect(verdict(await world.fresh())).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', '4']);
  expect(sandbox.calls.refresh).toBe(1);
  await world.connect.close();
  expect(sandbox.calls.refresh).toBe(1);
});

test('a clock that is set back ends a pause instead of stretching it', () => {
  const set = tokenSet({ token: { access_token: 'a', type: 'bearer' }, connectionId: 'l', generation: 0 });
  const pauses = refreshPauses();
  time.stop();
  pauses.keep('k', set, { ms: 4000, word: 'unavailable' });
  time.pass(1000);
  expect(pauses.find('k', set)).toEqual({ kind: 'backoff', ms: 3000, word: 'unavailable' });
  time.pass(-3_600_000);
  expect(pauses.find('k', set)).toBeUndefined();
  for (const other of ['other 1', 'other 2', 'other 3']) {
    expect(pauses.refusedUs(other, set)).toEqual({ kind: 'backoff', ms: 30_000, word: 'configuration' });
  }
  expect(pauses.find('k', set)).toEqual({ kind: 'backoff', ms: 30_000, word: 'configuration' });
  time.pass(-1000);
  expect(pauses.find('k', set)).toBeUndefined();
});

describe('a ledger that does not take a failure', () => {
  test('the pause is kept in this process all the same', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(1);
    const before = await onlySession(world.app);
    trouble.failNext('fail');
    sandbox.force(503, { on: 'refresh', retryAfter: '4' });
    expect(verdict(await world.fresh())).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', '4']);
    expect(verdict(await world.fresh())).toEqual([503, 'ERR_CONNECT_UNAVAILABLE', '4']);
    expect({ refreshCalls: sandbox.calls.refresh, session: await onlySession(world.app) }).toEqual({
      refreshCalls: 1,
      session: before,
    });
    // The second: in a pause the ledger is asked for a newer token, and the claim given back.
    expect(world.told('ledger_error')).toMatchObject([{ operation: 'fail' }, { operation: 'fail' }]);
    time.pass(4100);
    expect({ status: (await world.fresh()).status, refreshCalls: sandbox.calls.refresh }).toEqual({
      status: 200,
      refreshCalls: 2,
    });
  });

  test('nobody is signed out for an invalid_grant that cannot be recorded, only once it can', async () => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, { options: { ledger: trouble.ledger } });
    await world.expireIn(1);
    const before = await onlySession(world.app);
    trouble.failNext('fail', 1);
    sandbox.force(400, { on: 'refresh', times: 2 });
    expect((await world.fresh()).status).toBe(503);
    expect(await onlySession(world.app)).toEqual(before);
    time.pass(1900);
    expect({ status: (await world.fresh()).status, refreshCalls: sandbox.calls.refresh }).toEqual({
      status: 503,
      refreshCalls: 1,
    });
    time.pass(200);
    expect(verdict(await world.fresh())).toEqual([401, 'ERR_CONNECT_EXPIRED', undefined]);
  });
});

const LEASE_MS = 6000;

test.each([0, Infinity])(
  'a slow refresh renews its lease (and goes on when %d renewals fail): presented once',
  async (failures) => {
    const trouble = troubledLedger();
    const world = await connectedWorld(sandbox, {
      routes: (app) => {
        const config = readOptions({ ...sandbox.connectOptions, redirectUri: 'http://127.0.0.1:1/connect/callback' });
        const flights = refreshFlights({
          ...config,
          ledger: trouble.ledger,
          endpoint: tokenEndpoint(config),
          leaseMs: LEASE_MS,
        });
        const getToken = getTokenOver(config, flights);
        app.get('/slow', (req, res, next) => {
          getToken(req).then((token) => void res.json(token), next);
        });
      },
    });
    await world.expireIn(1);
    const old = await world.stored();
    const intervals = jest.spyOn(globalThis, 'setInterval');
    trouble.failNext('renew', failures);
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'refresh' });
    const answer = world.visitor.visit(`${world.app.url}/slow`, {});
    await sandbox.waiting();
    const renew = intervals.mock.calls.find(([, everyMs]) => everyMs === LEASE_MS / 3)?.[0];
    for (let third = 1; third <= 4; third += 1) {
      time.pass(LEASE_MS / 3);
      renew?.();
      await turns(2);
    }
    const renewals = trouble.calls.renew;
    sandbox.release();
    expect(sandbox.works(tokenIn(await answer).access_token)).toBe(true);
    expect(renewals).toBe(4);
    expect({ presentations: sandbox.presentations(old.refresh_token), settleCalls: trouble.calls.settle }).toEqual({
      presentations: 1,
      settleCalls: 1,
    });
  },
);

test('a store that hangs at the write holds a visitor who has the token no longer than a caller waits', async () => {
  let hangs = false;
  const store = new MemoryStore();
  const get = store.get.bind(store);
  store.get = (id, done) => (hangs ? undefined : get(id, done));
  const world = await connectedWorld(sandbox, {
    store,
    routes: (app) => {
      const config = readOptions({
        ...sandbox.connectOptions,
        redirectUri: 'http://127.0.0.1:1/connect/callback',
        // Its timer must not outlast the test.
        storeTimeoutMs: deadline.ms,
      });
      const flights = refreshFlights({
        ...config,
        ledger: memoryLedger(),
        endpoint: tokenEndpoint(config),
        waitMaxMs: 400,
      });
      const getToken = getTokenOver(config, flights);
      app.get('/held', (req, res, next) => {
        hangs = true;
        getToken(req)
          .then((token) => void res.json(token), next)
          .finally(() => {
            hangs = false;
          });
      });
    },
  });
  await world.expireIn(1);
  const old = await world.stored();
  const token = tokenIn(await world.visitor.visit(`${world.app.url}/held`, {}));
  expect({
    works: sandbox.works(token.access_token),
    sameToken: token.access_token === old.access_token,
    refreshCalls: sandbox.calls.refresh,
  }).toEqual({ works: true, sameToken: false, refreshCalls: 1 });
});
