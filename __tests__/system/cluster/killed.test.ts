import net from 'node:net';
import { describeOnEach } from './backends';
import { ask, refusalFrom, signedIn, tokenFrom, type Worker } from './cluster';
import { startWorld, worksAtTheApi, type World } from './world';

describeOnEach('a process that ends in the middle of a refresh', (start) => {
  let world: World;
  let survivor: Worker;
  let victim: Worker;
  beforeAll(async () => {
    world = await startWorld(await start(), { processes: 1 });
    [survivor] = world.cluster.workers as [Worker];
  });
  beforeEach(async () => {
    await world.reset();
    victim = await world.cluster.start();
  });

  test('killed before it has sent anything: another refreshes, and the token is presented once', async () => {
    const { sandbox, sessions, ledger } = world;
    const visitor = await signedIn(sandbox, survivor);
    const refreshToken = await sessions.age(visitor, -10);
    await victim.hold('connect');
    const broken = ask(victim, '/token', visitor.fork()).catch(() => 'broken off');
    await victim.held('connect');
    await victim.kill();
    expect(await broken).toBe('broken off');
    expect(sandbox.calls.refresh).toBe(0);
    await ledger.endDeadline();

    const { accessToken } = await tokenFrom(survivor, visitor);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
  });

  test('killed after the provider has committed, which grants a time of grace: another gets the same successor', async () => {
    const { sandbox, sessions, ledger } = world;
    sandbox.set({ graceMs: 60_000 });
    const visitor = await signedIn(sandbox, survivor);
    const refreshToken = await sessions.age(visitor, -10);
    await killedAfterCommit(visitor);
    expect((await ledger.record())?.state).toBe('pending');
    await ledger.endDeadline();

    const { accessToken } = await tokenFrom(survivor, visitor);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    // The one repeat that nobody can avoid: what became of the first presentation only the dead process could know.
    expect(sandbox.presentations(refreshToken)).toBe(2);
  });

  test('killed after the provider has committed, which grants none: one retry, then the visitor is asked to connect again', async () => {
    const { sandbox, sessions, ledger } = world;
    const visitor = await signedIn(sandbox, survivor);
    const refreshToken = await sessions.age(visitor, -10);
    await killedAfterCommit(visitor);
    await ledger.endDeadline();

    const tab = visitor.fork();
    expect(await refusalFrom(survivor, visitor)).toMatchObject({ status: 401, code: 'ERR_CONNECT_EXPIRED' });
    expect(await ledger.record()).toMatchObject({ state: 'dead', error: 'lost_response', ambiguous: true });
    expect((await refusalFrom(survivor, tab)).status).toBe(401);
    expect(sandbox.presentations(refreshToken)).toBe(2);
  });

  test('killed before its session is saved: the ledger has the token, others adopt it', async () => {
    const { sandbox, sessions } = world;
    const visitor = await signedIn(sandbox, survivor);
    const refreshToken = await sessions.age(visitor, -10);
    await victim.hold('save');
    const broken = ask(victim, '/token', visitor.fork()).catch(() => 'broken off');
    await victim.held('save');
    await victim.kill();
    expect(await broken).toBe('broken off');
    expect((await sessions.read(visitor)).connectToken?.refresh_token).toBe(refreshToken);

    const { accessToken } = await tokenFrom(survivor, visitor);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('told to end by SIGTERM: close() lets the refresh finish, also when nobody waits for it any more', async () => {
    const { sandbox, sessions, ledger } = world;
    const visitor = await signedIn(sandbox, survivor);
    const refreshToken = await sessions.age(visitor, -10);
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const leaver = new AbortController();
    const cookie = `connect.sid=${visitor.cookies.get('connect.sid') ?? ''}`;
    const left = fetch(`${victim.url}/token`, { headers: { cookie }, signal: leaver.signal }).catch(() => 'gone');
    await sandbox.waiting();
    leaver.abort();
    expect(await left).toBe('gone');
    const exitCode = victim.terminate();
    await refusesConnections(victim);
    sandbox.release();

    expect(await exitCode).toBe(0);
    expect(await ledger.record()).toMatchObject({ state: 'idle', generation: 1 });
    const { accessToken } = await tokenFrom(survivor, visitor);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
  });

  async function killedAfterCommit(visitor: Awaited<ReturnType<typeof signedIn>>): Promise<void> {
    world.sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const broken = ask(victim, '/token', visitor.fork()).catch(() => 'broken off');
    await world.sandbox.waiting();
    await victim.kill();
    expect(await broken).toBe('broken off');
    world.sandbox.release();
  }

  /**
   * Resolves once the process has stopped listening, which is how it shows that the signal has reached it. Each attempt
   * is a connection of its own: one kept alive is served for as long as requests come.
   */
  async function refusesConnections({ url }: Worker): Promise<void> {
    while (await isListening(Number(new URL(url).port))) await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
