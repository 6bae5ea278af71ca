import type { Request } from 'express';
import { memoryLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, type Answer, type Browser } from '../../support/app';
import { latch, type Latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { onlySession, tokensIn } from '../../support/stored';
import { turns, until } from '../../support/turns';
import { startProcesses, type Process } from '../../support/two-processes';

const SCRIPT = { accept: 'application/json' };
/** The callback's calls of `once`: the exchange is claimed, the move announced, the landing claimed. */
const LANDING = 3;

let sandbox: Sandbox;
let one: Process;
let two: Process;
/** The ledger's clock runs ahead by so much. */
let aheadMs = 0;

beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  aheadMs = 0;
  // The times that are passed below are made of these.
  const options = { timeoutMs: 10_000, storeTimeoutMs: 5000 };
  const ledger = memoryLedger({ now: () => performance.now() + aheadMs });
  ({ one, two } = await startProcesses(sandbox, { options }, ledger));
});
afterEach(() => sandbox.release());

/** Status, error code, reason and Retry-After. */
function verdict(answer: Answer): readonly unknown[] {
  if (answer.status < 400) return [answer.status];
  const { code, reason } = JSON.parse(answer.body) as Record<string, unknown>;
  return [answer.status, code, reason, answer.headers['retry-after']];
}

const ENDED = [403, 'ERR_CONNECT_STATE', 'no_session', undefined];
const MOVED = [503, 'ERR_CONNECT_LEDGER', 'moved', '1'];
const AWAY = [503, 'ERR_CONNECT_LEDGER', 'away', '2'];

/** A visitor with a basket, who comes back from the provider. */
async function returning(): Promise<readonly [visitor: Browser, callback: string]> {
  const visitor = browser();
  await visitor.visit(`${one.app.url}/fill`);
  return [visitor, await beginSignIn(one.app, sandbox, visitor, '/connect/authorize?returnTo=/in')];
}

async function holds(at: Process, visitor: Browser): Promise<readonly [token: boolean, basket: string]> {
  const token = await visitor.visit(`${at.app.url}/token`);
  return [token.body !== 'null', (await visitor.visit(`${at.app.url}/basket`)).body];
}

/** Holds the save of a connected session in the first process. */
function heldSave(): Latch {
  const saving = latch();
  const set = one.store.set.bind(one.store);
  one.store.set = (id, session, done) => {
    if (session.connectToken === undefined) set(id, session, done);
    else void saving.wait().then(() => set(id, session, done));
  };
  return saving;
}

describe('a callback in one process and a disconnect in another', () => {
  test('that is first at the ledger: the callback ends with 403, and revokes what it got', async () => {
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const landing = latch();
    one.beforeLedger = (operation, call) => (operation === 'once' && call === LANDING ? landing.wait() : undefined);
    const running = visitor.visit(callback, SCRIPT);
    await landing.reached;
    expect(verdict(await two.disconnect(other))).toEqual([204]);
    landing.open();
    const answer = await running;
    expect([verdict(answer), answer.headers['set-cookie']]).toEqual([ENDED, undefined]);
    expect([one.diary, two.diary]).toEqual([
      ['acquire', 'acquire', 'once', 'once', 'once', 'revoke'],
      ['once', 'revoke'],
    ]);
    expect([await tokensIn(one.app), sandbox.calls.exchange]).toEqual([0, 1]);
    expect([await holds(two, other), await holds(one, visitor)]).toEqual([
      [false, '"apples"'],
      [false, 'null'],
    ]);
  });

  test('that comes second says 503, and ends the connection when it comes again with the new cookie', async () => {
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const saving = heldSave();
    const running = visitor.visit(callback);
    await saving.reached;
    const early = await two.disconnect(other);
    expect([verdict(early), early.headers['set-cookie']]).toEqual([MOVED, undefined]);
    saving.open();
    expect([(await running).location, await holds(two, visitor)]).toEqual(['/in', [true, '"apples"']]);
    expect(verdict(await two.disconnect(visitor))).toEqual([204]);
    expect([await tokensIn(one.app), await holds(one, visitor)]).toEqual([0, [false, '"apples"']]);
  });

  test('that has loaded the session before it moved says 503, although the session is gone', async () => {
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const reading = latch();
    const get = two.store.get.bind(two.store);
    let reads = 0;
    two.store.get = (id, done) => {
      reads += 1;
      // The first read is express-session's own.
      if (reads === 1) get(id, done);
      else void reading.wait().then(() => get(id, done));
    };
    const ending = two.disconnect(other);
    await reading.reached;
    expect((await visitor.visit(callback)).location).toBe('/in');
    reading.open();
    expect([verdict(await ending), await holds(one, visitor)]).toEqual([MOVED, [true, '"apples"']]);
  });

  test('that comes with the old cookie a moment later says 503, however many cookies stand around it', async () => {
    const [visitor, callback] = await returning();
    const [late, later] = [visitor.fork(), visitor.fork()];
    const old = `connect.sid=${visitor.cookies.get('connect.sid') ?? ''}`;
    await visitor.visit(callback);
    expect(verdict(await two.disconnect(late))).toEqual([...MOVED]);
    const signed = (count: number): string =>
      Array.from({ length: count }, (_none, index) => `c${index}=s:x${index}.${'A'.repeat(43)}`).join('; ');
    expect(verdict(await two.disconnect(browser(), { cookie: `${signed(15)}; ${old}` }))).toEqual(MOVED);
    // More than can be looked up: nobody says that nothing is connected.
    expect(verdict(await two.disconnect(browser(), { cookie: signed(17) }))).toEqual(MOVED);
    expect(verdict(await two.disconnect(browser(), { cookie: signed(16) }))).toEqual([204]);
    expect(await holds(two, visitor)).toEqual([true, '"apples"']);
    expect(verdict(await two.disconnect(visitor))).toEqual([204]);
    // Later on that cookie is worth nothing, and nobody's connection is asked for with it.
    aheadMs += 71_000;
    expect([verdict(await two.disconnect(later)), await tokensIn(one.app)]).toEqual([[204], 0]);
  });

  test('leaves the sign-in of another tab alone when it has to come again', async () => {
    const [visitor, callback] = await returning();
    const another = await beginSignIn(one.app, sandbox, visitor, '/connect/authorize?returnTo=/other');
    const other = visitor.fork();
    const saving = heldSave();
    const running = visitor.visit(callback);
    await saving.reached;
    expect([verdict(await two.disconnect(other)), two.diary]).toEqual([MOVED, ['once']]);
    saving.open();
    await running;
    expect((await visitor.visit(another)).location).toBe('/other');
    expect(await holds(two, visitor)).toEqual([true, '"apples"']);
  });

  test('leaves nothing of what the callback has written into a session that was already ended', async () => {
    const [visitor] = await returning();
    await signIn(one.app, sandbox, visitor);
    const callback = await beginSignIn(one.app, sandbox, visitor);
    const old = visitor.fork();
    const other = visitor.fork();
    const marking = latch();
    const set = one.store.set.bind(one.store);
    one.store.set = (id, session, done) => {
      one.store.set = set;
      void marking.wait().then(() => set(id, session, done));
    };
    const running = visitor.visit(callback, SCRIPT);
    await marking.reached;
    expect(verdict(await two.disconnect(other))).toEqual([204]);
    marking.open();
    expect([verdict(await running), await tokensIn(one.app)]).toEqual([ENDED, 0]);
    expect([await holds(two, old), await holds(two, other)]).toEqual([
      [false, 'null'],
      [false, '"apples"'],
    ]);
  });
});

describe('a ledger', () => {
  test('is not asked about sign-ins by a disconnect where none is in progress', async () => {
    const [visitor, callback] = await returning();
    await visitor.visit(callback);
    await signIn(one.app, sandbox, visitor);
    one.diary.length = 0;
    const nobody = browser();
    await nobody.visit(`${two.app.url}/fill`);
    for (const someone of [nobody, browser()]) expect(verdict(await two.disconnect(someone))).toEqual([204]);
    expect(verdict(await two.disconnect(visitor))).toEqual([204]);
    expect([two.diary.filter((operation) => operation !== 'revoke'), one.diary]).toEqual([[], []]);
  });

  test('that is away leaves a sign-in in progress alone, and the disconnect says so', async () => {
    const [visitor, callback] = await returning();
    two.beforeLedger = () => Promise.reject(new Error('redis://:password@10.0.0.1 is away'));
    expect(verdict(await two.disconnect(visitor.fork()))).toEqual(AWAY);
    expect([(await visitor.visit(callback)).location, await holds(one, visitor)]).toEqual(['/in', [true, '"apples"']]);
    // Neither can it say what became of the old cookie, nor end a connection.
    const old = browser(new Map([['connect.sid', `s%3Aold.${'A'.repeat(43)}`]]));
    expect([verdict(await two.disconnect(old)), verdict(await two.disconnect(visitor))]).toEqual([AWAY, AWAY]);
    expect(await tokensIn(one.app)).toBe(1);
  });

  test('that goes away during the exchange connects nobody, and keeps the session', async () => {
    const [visitor, callback] = await returning();
    one.beforeLedger = (operation, call) =>
      operation === 'once' && call === LANDING ? Promise.reject(new Error('away')) : undefined;
    const answer = await visitor.visit(callback, SCRIPT);
    expect([verdict(answer).slice(0, 3), answer.headers['set-cookie']]).toEqual([
      [503, 'ERR_CONNECT_LEDGER', 'away'],
      undefined,
    ]);
    expect([await tokensIn(one.app), await holds(one, visitor)]).toEqual([0, [false, '"apples"']]);
    expect((await signIn(one.app, sandbox, visitor)).status).toBe(302);
  });

  test('that hears late of the move in advance is waited for, before onConnect can end the session', async () => {
    const onConnect = (req: Request): Promise<void> =>
      new Promise((resolve, reject) => req.session.regenerate((error) => (error ? reject(error as Error) : resolve())));
    ({ one, two } = await startProcesses(sandbox, { options: { onConnect } }));
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const announcing = latch();
    one.beforeLedger = (operation, call) => (operation === 'once' && call === 2 ? announcing.wait() : undefined);
    const before = sandbox.calls.exchange;
    const running = visitor.visit(callback, SCRIPT);
    await announcing.reached;
    await until(() => sandbox.calls.exchange > before);
    // So many that the callback would have come to its end.
    await turns(500);
    const ended = await two.disconnect(other);
    announcing.open();
    expect([verdict(ended), verdict(await running), await tokensIn(one.app)]).toEqual([[204], ENDED, 0]);
  });

  test('that does not hear of the move in advance keeps nobody from signing in', async () => {
    const [visitor, callback] = await returning();
    one.beforeLedger = (operation, call) =>
      operation === 'once' && call === 2 ? Promise.reject(new Error('away')) : undefined;
    expect([(await visitor.visit(callback)).location, await tokensIn(one.app)]).toEqual(['/in', 1]);
  });
});

describe('a disconnect that has ended the sign-ins and then fails at the session store', () => {
  async function failing(at: Process, visitor: Browser): Promise<readonly unknown[]> {
    const set = at.store.set.bind(at.store);
    at.store.set = (_id, _session, done) => void setImmediate(() => done?.(new Error('full')));
    const answer = await at.disconnect(visitor);
    at.store.set = set;
    return verdict(answer);
  }

  const FULL = [503, 'ERR_CONNECT_STORE', 'failed', '2'];

  test('succeeds when it comes again, and the sign-in has ended', async () => {
    const [visitor, callback] = await returning();
    const tab = visitor.fork();
    expect([await failing(two, visitor), verdict(await two.disconnect(visitor))]).toEqual([FULL, [204]]);
    expect([verdict(await tab.visit(callback, SCRIPT)), await holds(two, visitor)]).toEqual([
      ENDED,
      [false, '"apples"'],
    ]);
    expect(await tokensIn(one.app)).toBe(0);
  });

  test('elsewhere cannot be told from a callback, until none can be under way any more', async () => {
    const [visitor, callback] = await returning();
    expect(await failing(two, visitor)).toEqual(FULL);
    expect(verdict(await one.disconnect(visitor))).toEqual(MOVED);
    const answer = await visitor.visit(callback, SCRIPT);
    expect([verdict(answer), await tokensIn(one.app)]).toEqual([ENDED, 0]);
    aheadMs += 600_000;
    expect([verdict(await one.disconnect(visitor)), await holds(one, visitor)]).toEqual([[204], [false, '"apples"']]);
  });
});

test('a callback that fails at the session store holds a disconnect up for less than a minute', async () => {
  const [visitor, callback] = await returning();
  const set = one.store.set.bind(one.store);
  one.store.set = (id, session, done) => {
    if (session.connectToken === undefined) set(id, session, done);
    else setImmediate(() => done?.(new Error('full')));
  };
  expect(verdict(await visitor.visit(callback, SCRIPT)).slice(0, 2)).toEqual([503, 'ERR_CONNECT_STORE']);
  expect(verdict(await two.disconnect(visitor))).toEqual(MOVED);
  aheadMs += 45_000;
  expect([verdict(await two.disconnect(visitor)), await holds(two, visitor)]).toEqual([[204], [false, '"apples"']]);
  const { cookie, ...rest } = await onlySession(one.app);
  expect([rest, typeof cookie]).toEqual([{ basket: 'apples' }, 'object']);
});
