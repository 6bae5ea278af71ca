import type { Sandbox } from '../../../src/testing';
import { browser, signIn, type Browser } from '../../support/app';
import {
  connectedWorld,
  givenRotation,
  refreshingApp,
  tokenOf,
  verdict,
  type Time,
  type World,
} from '../../support/refreshing';
import { editSessions, type Document } from '../../support/stored';

let sandbox: Sandbox;
let time: Time;
let world: World;
givenRotation((...given) => {
  [sandbox, time] = given;
});

const NUMBERED = { errorShape: 'flat' } as const;

describe('the provider refuses our credentials', () => {
  /** So many visitors whose tokens have run out, in one process. */
  async function visitors(count: number): Promise<Browser[]> {
    world = await connectedWorld(sandbox);
    const others = Array.from({ length: count - 1 }, () => browser());
    for (const other of others) await signIn(world.app, sandbox, other);
    await world.expireIn(1);
    return [world.visitor, ...others];
  }

  const verdictFor = async (visitor: Browser, at: World = world): Promise<readonly unknown[]> =>
    verdict(await visitor.visit(`${at.app.url}/fresh`, { accept: 'application/json' }));

  const REFUSED_US = [500, 'ERR_CONNECT_CONFIG', '30'];

  test('for one connection, again and again: nobody else waits for that', async () => {
    const [bad, ...good] = (await visitors(3)) as [Browser, Browser, Browser];
    const events = world.events.length;
    for (let round = 0; round < 4; round += 1) {
      sandbox.set(NUMBERED);
      sandbox.force(2036, { on: 'refresh' });
      expect(await verdictFor(bad)).toEqual(REFUSED_US);
      for (const visitor of good) expect(await verdictFor(visitor)).toEqual([200]);
      await world.expireIn(1);
      time.pass(31_000);
    }
    expect(world.events.slice(events).filter(({ type }) => type === 'refreshed')).toHaveLength(8);
  });

  test('for one connection: what another process gets for it meanwhile is refreshed without waiting', async () => {
    const [visitor] = (await visitors(1)) as [Browser];
    const { store } = world.app;
    const elsewhere = await refreshingApp(sandbox, { store, options: { ledger: world.ledger } }, visitor);
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh' });
    expect(await verdictFor(visitor)).toEqual(REFUSED_US);
    time.pass(2100);
    expect(await verdictFor(visitor, elsewhere)).toEqual([200]);
    await world.expireIn(1);
    expect({ here: await verdictFor(visitor), refreshCalls: sandbox.calls.refresh }).toEqual({
      here: [200],
      refreshCalls: 3,
    });
  });

  test('for two: the third is asked for', async () => {
    const [first, second, third] = (await visitors(3)) as [Browser, Browser, Browser];
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 2 });
    expect([await verdictFor(first), await verdictFor(second)]).toEqual([REFUSED_US, REFUSED_US]);
    expect(await verdictFor(third)).toEqual([200]);
  });

  test('for the same two again and again, with no success between: the third is asked for', async () => {
    const [first, second, third] = (await visitors(3)) as [Browser, Browser, Browser];
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 6 });
    for (let round = 0; round < 3; round += 1) {
      expect([await verdictFor(first), await verdictFor(second)]).toEqual([REFUSED_US, REFUSED_US]);
      time.pass(31_000);
    }
    expect({ third: await verdictFor(third), refreshCalls: sandbox.calls.refresh }).toEqual({
      third: [200],
      refreshCalls: 7,
    });
  });

  test('for three with a success between: the next one is asked for', async () => {
    const [first, second, good, third, next] = (await visitors(5)) as [Browser, Browser, Browser, Browser, Browser];
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 2 });
    expect([await verdictFor(first), await verdictFor(second)]).toEqual([REFUSED_US, REFUSED_US]);
    expect(await verdictFor(good)).toEqual([200]);
    sandbox.force(2036, { on: 'refresh' });
    expect(await verdictFor(third)).toEqual(REFUSED_US);
    expect(await verdictFor(next)).toEqual([200]);
  });

  test('for three in a row: this process asks for nobody for 30 s, while one with the right ones goes on', async () => {
    const [first, second, third, fourth] = (await visitors(4)) as [Browser, Browser, Browser, Browser];
    const { store } = world.app;
    const elsewhere = await refreshingApp(sandbox, { store, options: { ledger: world.ledger } }, fourth);
    const stale = await world.app.sessions();
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 3 });
    for (const visitor of [first, second, third]) expect(await verdictFor(visitor)).toEqual(REFUSED_US);
    expect({ fourth: await verdictFor(fourth), refreshCalls: sandbox.calls.refresh }).toEqual({
      fourth: [500, 'ERR_CONNECT_CONFIG', expect.any(String)],
      refreshCalls: 3,
    });
    expect(world.told('refresh_failed')).toMatchObject(
      Array(3).fill({ kind: 'configuration', apiCode: 2036, status: 500 }),
    );
    expect({ fourth: await verdictFor(fourth, elsewhere), refreshCalls: sandbox.calls.refresh }).toEqual({
      fourth: [200],
      refreshCalls: 4,
    });
    // A stale copy here finds what that process has got, although ours asks for nothing.
    await editSessions(world.app, (document) => {
      const copy = Object.values(stale).find((old) => connectionIdOf(old) === connectionIdOf(document)) ?? {};
      Object.assign(document, { connectToken: copy['connectToken'] });
    });
    expect({ fourth: await verdictFor(fourth), refreshCalls: sandbox.calls.refresh }).toEqual({
      fourth: [200],
      refreshCalls: 4,
    });
    time.pass(31_000);
    expect([await verdictFor(first), await verdictFor(second)]).toEqual([[200], [200]]);
  });

  test('for three in a row, and for one more after the 30 s: the process asks for nobody again', async () => {
    const [first, second, third, fourth] = (await visitors(4)) as [Browser, Browser, Browser, Browser];
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 4 });
    for (const visitor of [first, second, third]) expect(await verdictFor(visitor)).toEqual(REFUSED_US);
    time.pass(31_000);
    expect(await verdictFor(first)).toEqual(REFUSED_US);
    expect((await verdictFor(fourth)).slice(0, 2)).toEqual([500, 'ERR_CONNECT_CONFIG']);
    expect(sandbox.calls.refresh).toBe(4);
    time.pass(31_000);
    expect(await verdictFor(fourth)).toEqual([200]);
  });

  test('whoever comes in that pause has not been refused, and a day later one refusal ends nothing', async () => {
    const [first, second, third, fourth] = (await visitors(4)) as [Browser, Browser, Browser, Browser];
    sandbox.set(NUMBERED);
    sandbox.force(2036, { on: 'refresh', times: 3 });
    for (const visitor of [first, second, third]) expect(await verdictFor(visitor)).toEqual(REFUSED_US);
    for (let visit = 0; visit < 8; visit += 1) expect((await verdictFor(fourth))[0]).toBe(500);
    time.pass(25 * 3_600_000);
    sandbox.force(401, { on: 'refresh' });
    expect((await verdictFor(fourth))[0]).toBe(401);
    expect({ refreshCalls: sandbox.calls.refresh, ended: world.told('ended') }).toEqual({ refreshCalls: 4, ended: [] });
  });

  test('by a name that says so of everybody, unlike the numbers of a connection', async () => {
    const [first, second, third, fourth] = (await visitors(4)) as [Browser, Browser, Browser, Browser];
    sandbox.force(401, { on: 'refresh', times: 3 });
    for (const visitor of [first, second, third]) expect(await verdictFor(visitor)).toEqual(REFUSED_US);
    for (const seconds of [0, 29]) {
      time.pass(seconds * 1000);
      const [status, code] = await verdictFor(fourth);
      expect({ status, code, refreshCalls: sandbox.calls.refresh }).toEqual({
        status: 500,
        code: 'ERR_CONNECT_CONFIG',
        refreshCalls: 3,
      });
    }
    time.pass(2000);
    sandbox.set(NUMBERED);
    sandbox.force(401, { on: 'refresh', times: 3 });
    for (const visitor of [first, second, third]) expect((await verdictFor(visitor))[0]).toBe(401);
    expect(await verdictFor(fourth)).toEqual([200]);
  });
});

function connectionIdOf(document: Document): string {
  return tokenOf(document).connection.split('.')[0] ?? '';
}
