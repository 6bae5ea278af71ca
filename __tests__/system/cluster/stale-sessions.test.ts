import type { Browser } from '../../support/app';
import { describeOnEach } from './backends';
import { ask, refusalFrom, sentBy, SITE, signedIn, tokenFrom, type Worker } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

describeOnEach('a session that is behind its connection', (start) => {
  let world: World;
  let one: Worker;
  let other: Worker;
  beforeAll(async () => {
    world = await startWorld(await start(), { processes: 2 });
    [one, other] = world.cluster.workers as [Worker, Worker];
  });
  beforeEach(() => world.reset());

  /** How many commands or statements both processes have sent to the ledger since this was last asked for. */
  async function ledgerCalls(): Promise<number> {
    return (await Promise.all([one, other].map(sentBy))).flat().length;
  }

  async function refreshed(visitor: Browser): Promise<string> {
    await world.sessions.age(visitor, -10);
    return (await tokenFrom(one, visitor)).accessToken;
  }

  test('a slow writer that saves its old snapshot over a fresh token loses nothing', async () => {
    const { sandbox, sessions } = world;
    const visitor = await signedIn(sandbox, one);
    const refreshToken = await sessions.age(visitor, -10);
    await other.hold('write');
    const writing = ask(other, '/write?note=slow', visitor);
    await other.held('write');
    const { accessToken } = await tokenFrom(one, visitor);
    expect((await sessions.read(visitor)).connectToken?.connection).toMatch(/\.1$/u);
    await other.release('write');
    expect((await writing).status).toBe(200);
    const overwritten = await sessions.read(visitor);
    expect([overwritten.note, overwritten.connectToken?.refresh_token]).toEqual(['slow', refreshToken]);

    await ledgerCalls();
    expect((await tokenFrom(other, visitor)).accessToken).toBe(accessToken);
    expect(await ledgerCalls()).toBe(1);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(1);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
  });

  test('three generations behind, it adopts the newest token in one round trip', async () => {
    const { sandbox, sessions } = world;
    const visitor = await signedIn(sandbox, one);
    await sessions.age(visitor, -10);
    const first = await sessions.read(visitor);
    await refreshed(visitor);
    await refreshed(visitor);
    const newest = await refreshed(visitor);
    expect((await sessions.read(visitor)).connectToken?.connection).toMatch(/\.3$/u);
    await sessions.write(visitor, first);

    await ledgerCalls();
    expect((await tokenFrom(other, visitor)).accessToken).toBe(newest);
    expect(await ledgerCalls()).toBe(1);
    expect(sandbox.calls.refresh).toBe(3);
    expect(sandbox.presentations(first.connectToken?.refresh_token ?? '')).toBe(1);
    expect(await worksAtTheApi(sandbox, newest)).toBe(true);
  });

  test('restored hours later, it adopts the newest token, and the store has it from then on', async () => {
    const { sandbox, sessions, ledger } = world;
    const visitor = await signedIn(sandbox, one);
    await sessions.age(visitor, -10);
    const backup = await sessions.read(visitor);
    const newest = await refreshed(visitor);
    await ledger.ageBox(3 * 3_600_000);
    await sessions.write(visitor, backup);

    await ledgerCalls();
    expect((await tokenFrom(other, visitor)).accessToken).toBe(newest);
    // What has become of the connection, and after the write whether the session has moved meanwhile.
    expect(await ledgerCalls()).toBe(2);
    expect((await sessions.read(visitor)).connectToken?.access_token).toBe(newest);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('a disconnect in one process wins over a refresh in another, and a resurrected session cannot refresh', async () => {
    const { sandbox, sessions, ledger, cluster } = world;
    const visitor = await signedIn(sandbox, one);
    await sessions.age(visitor, -10);
    const old = await sessions.read(visitor);
    const oldCookie = visitor.fork();
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const refreshing = refusalFrom(one, visitor.fork());
    await sandbox.waiting();
    const ended = await visitor.visit(
      `${other.url}/connect/disconnect`,
      { origin: SITE, accept: 'application/json' },
      'POST',
    );
    expect(ended.status).toBe(204);
    sandbox.release();

    expect(await refreshing).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED' });
    expect((await ledger.record())?.state).toBe('revoked');
    // The newcomer knows of it by the ledger alone.
    const newcomer = await cluster.start();
    for (const worker of [one, other, newcomer]) {
      expect(await refusalFrom(worker, visitor)).toMatchObject({ status: 401, code: 'ERR_CONNECT_REQUIRED' });
      // As a slow request does, whose session document has been destroyed meanwhile.
      await sessions.write(oldCookie, old);
      expect(await refusalFrom(worker, oldCookie)).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED' });
    }
    expect(sandbox.calls.refresh).toBe(1);
  });
});
