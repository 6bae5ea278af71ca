import { MemoryStore, type SessionOptions, type Store } from 'express-session';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

type Done = (error?: unknown, value?: unknown) => void;
type Operation = (...args: unknown[]) => void;

/** Lets every store operation begin late and answer late, so that requests overtake each other in it. */
function slowStore(delay: (run: () => void) => void): Store {
  const store = new MemoryStore();
  const target = store as unknown as Record<string, Operation>;
  for (const name of ['get', 'set', 'destroy', 'touch']) {
    const sound = target[name]!.bind(store);
    target[name] = (...args) => {
      // A network store gets a snapshot: what the caller changes afterwards is not in it.
      const sent = name === 'set' ? [args[0], JSON.parse(JSON.stringify(args[1])) as unknown] : args.slice(0, -1);
      const done = args.at(-1) as Done | undefined;
      delay(() => sound(...sent, (...answer: [unknown?, unknown?]) => delay(() => done?.(...answer))));
    };
  }
  return store;
}

function turns(count: number): (run: () => void) => void {
  return (run) => {
    let left = count;
    const step = (): void => {
      left -= 1;
      if (left <= 0) run();
      else setImmediate(step);
    };
    setImmediate(step);
  };
}

/** A fixed pattern of delays: neighbouring operations overtake each other the same way on any machine. */
function unevenTurns(): (run: () => void) => void {
  const delays = [13, 2, 7, 1, 11, 3, 5].map(turns);
  let next = 0;
  return (run) => {
    delays[next % delays.length]?.(run);
    next += 1;
  };
}

const SLOW: readonly [string, Partial<SessionOptions>, () => (run: () => void) => void][] = [
  ['that takes 20 turns of the event loop', {}, () => turns(20)],
  ['that takes 2 ms', {}, () => (run) => void setTimeout(run, 2)],
  ['whose operations overtake each other', {}, unevenTurns],
  ['whose operations overtake each other, and resave: true', { resave: true }, unevenTurns],
  [
    "whose operations overtake each other, rolling: true and unset: 'destroy'",
    { rolling: true, unset: 'destroy' },
    unevenTurns,
  ],
];

async function withToken(app: TestApp): Promise<string[]> {
  const sessions = Object.entries(await app.sessions());
  return sessions.filter(([, session]) => session['connectToken'] != null).map(([id]) => id);
}

function sessionId(visitor: Browser): string {
  return (
    decodeURIComponent(visitor.cookies.get('connect.sid') ?? '')
      .slice(2)
      .split('.')[0] ?? ''
  );
}

async function isConnected(app: TestApp, visitor: Browser): Promise<boolean> {
  return (await visitor.visit(`${app.url}/token`)).body !== 'null';
}

describe.each(SLOW)('with a store %s', (_name, sessionOptions, makeDelay) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp(sandbox, { store: slowStore(makeDelay()), session: sessionOptions });
  });
  beforeEach(() => new Promise<void>((resolve) => app.store.clear?.(() => resolve())));

  test('eight identical callbacks at once are one token request and one session with the token', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/landed');
    const before = sandbox.calls.token;
    const tabs = Array.from({ length: 8 }, () => visitor.fork());
    const answers = await Promise.all(tabs.map((tab) => tab.visit(callbackUrl)));
    const landed = answers.filter((answer) => answer.status === 302);
    expect(landed.map((answer) => answer.location)).toEqual(landed.map(() => '/landed'));
    expect(answers.filter((answer) => answer.status !== 302 && Math.floor(answer.status / 100) !== 4)).toEqual([]);
    expect(landed.length).toBeGreaterThan(0);
    expect(sandbox.calls.token).toBe(before + 1);
    const connected = await withToken(app);
    expect(connected.length).toBe(1);
    // Whoever was redirected holds the cookie of that session.
    const holders = tabs.filter((_tab, index) => answers[index]?.status === 302).map(sessionId);
    expect(new Set(holders)).toEqual(new Set(connected));
  });

  test('late duplicates with the old cookie are switched to the new session', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/landed');
    const late = visitor.fork();
    const later = visitor.fork();
    await visitor.visit(callbackUrl);
    const before = sandbox.calls.token;
    for (const tab of [late, later]) {
      const answer = await tab.visit(callbackUrl);
      expect({ status: answer.status, location: answer.location, sessionId: sessionId(tab) }).toEqual({
        status: 302,
        location: '/landed',
        sessionId: sessionId(visitor),
      });
      expect(await isConnected(app, tab)).toBe(true);
    }
    expect(sandbox.calls.token).toBe(before);
  });

  test('a stranger with the callback address alone is refused while it is being exchanged, and gets nothing', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    const stranger = browser();
    await beginSignIn(app, sandbox, stranger);
    const [own, foreign] = await Promise.all([visitor.visit(callbackUrl), stranger.visit(callbackUrl)]);
    expect([own.status, foreign.status]).toEqual([302, 403]);
    expect({
      visitorConnected: await isConnected(app, visitor),
      strangerConnected: await isConnected(app, stranger),
    }).toEqual({ visitorConnected: true, strangerConnected: false });
  });

  test('two sign-ins started at once in one session both survive, and both complete', async () => {
    const visitor = browser();
    await beginSignIn(app, sandbox, visitor);
    const [first, second] = await Promise.all([
      beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/first'),
      beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/second'),
    ]);
    const [session] = Object.values(await app.sessions());
    expect((session?.['connectPending'] as { p: unknown[] }).p.length).toBe(3);
    for (const [url, place] of [
      [first, '/first'],
      [second, '/second'],
    ] as const) {
      const answer = await visitor.visit(url);
      expect({
        status: answer.status,
        location: answer.location,
        visitorConnected: await isConnected(app, visitor),
      }).toEqual({ status: 302, location: place, visitorConnected: true });
    }
    expect((await withToken(app)).length).toBe(1);
  });

  test('one connected session is left when two different callbacks of one session arrive at once', async () => {
    const visitor = browser();
    const first = await beginSignIn(app, sandbox, visitor);
    const second = await beginSignIn(app, sandbox, visitor);
    const tabs = [visitor.fork(), visitor.fork()];
    const answers = await Promise.all([tabs[0]!.visit(first), tabs[1]!.visit(second)]);
    // The old session is moved once; who comes second finds it gone.
    expect(answers.map((answer) => answer.status).sort()).toEqual([302, 403]);
    expect((await withToken(app)).length).toBe(1);
  });

  test('a stale save that brings the pending entry back cannot redeem the state twice', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    const [stale, twin] = [visitor.fork(), visitor.fork()];
    const code = new URL(callbackUrl).searchParams.get('code') ?? '';
    const oldId = sessionId(visitor);
    const snapshot = (await app.sessions())[oldId];
    expect((await visitor.visit(callbackUrl)).status).toBe(302);
    // What a slow request of the app does that had loaded the session before the callback.
    await new Promise<void>((resolve) => app.store.set(oldId, snapshot as never, () => resolve()));
    const before = sandbox.calls.token;
    // The same answer is a late duplicate and joins; another code for the same state is neither.
    const joined = await stale.visit(callbackUrl);
    const forged = await twin.visit(callbackUrl.replace(/code=[^&]+/u, 'code=another'));
    expect([joined.status, forged.status]).toEqual([302, 403]);
    expect({
      presentations: sandbox.presentations(code),
      tokenCalls: sandbox.calls.token,
      twinConnected: await isConnected(app, twin),
    }).toEqual({ presentations: 1, tokenCalls: before, twinConnected: false });
    expect((await withToken(app)).length).toBe(1);
  });

  test('a stale save during the exchange cannot redeem the state twice', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    const other = visitor.fork();
    const oldId = sessionId(visitor);
    const snapshot = (await app.sessions())[oldId];
    sandbox.fault({ kind: 'hold', when: 'before' });
    const before = sandbox.calls.token;
    const running = visitor.visit(callbackUrl);
    await sandbox.waiting(1);
    await new Promise<void>((resolve) => app.store.set(oldId, snapshot as never, () => resolve()));
    const twin = await other.visit(callbackUrl.replace(/code=[^&]+/u, 'code=another'));
    sandbox.release();
    expect({ runningStatus: (await running).status, twinStatus: twin.status, tokenCalls: sandbox.calls.token }).toEqual(
      { runningStatus: 302, twinStatus: 403, tokenCalls: before + 1 },
    );
  });

  test('callbacks at once after a failed exchange are one token request, and all of them fail alike', async () => {
    const visitor = browser();
    const callbackUrl = await beginSignIn(app, sandbox, visitor);
    sandbox.force(503);
    const before = sandbox.calls.token;
    const answers = await Promise.all(Array.from({ length: 8 }, () => visitor.fork().visit(callbackUrl)));
    expect(answers.filter((answer) => answer.status !== 503 && answer.status !== 403)).toEqual([]);
    expect({ tokenCalls: sandbox.calls.token, sessionsWithToken: (await withToken(app)).length }).toEqual({
      tokenCalls: before + 1,
      sessionsWithToken: 0,
    });
    expect((await visitor.visit(callbackUrl)).status).toBe(403);
    expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  });
});
