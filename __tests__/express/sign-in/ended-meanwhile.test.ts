import type { Express, Request } from 'express';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, type Answer, type Browser } from '../../support/app';
import { latch, type Latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { tokensIn } from '../../support/stored';
import { startProcesses, type Process, type Processes } from '../../support/two-processes';

const SCRIPT = { accept: 'application/json' };
const ENDED = [403, 'ERR_CONNECT_STATE', 'no_session'];

let sandbox: Sandbox;
let processes: Processes;
/** Where `onConnect` waits, if the test says so. */
let inHook: { before?: Latch; after?: Latch } = {};
/** What `onConnect` does. */
let hook: (req: Request) => void | Promise<void> = () => undefined;

beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  inHook = {};
  hook = () => undefined;
  const onConnect = async (req: Request): Promise<void> => {
    await inHook.before?.wait();
    await hook(req);
    await inHook.after?.wait();
  };
  processes = await startProcesses(sandbox, { routes, options: { onConnect } });
});
afterEach(() => {
  sandbox.release();
  inHook.before?.open();
  inHook.after?.open();
});

/** Where a logout waits that has loaded its session already. */
let inLogout: Latch;

function routes(express: Express): void {
  express.post('/slow-logout', (req, res) => {
    void inLogout.wait().then(() => req.session.destroy(() => void res.send('bye')));
  });
  express.post('/logout', (req, res) => req.session.destroy(() => void res.send('bye')));
  // As login libraries do it.
  express.post('/leave', (req, res) => req.session.regenerate(() => void res.send('bye')));
}

function regenerate(req: Request): Promise<void> {
  return done((answer) => req.session.regenerate(answer));
}

function greet(req: Request): void {
  Object.assign(req.session, { greeted: true });
}

function greetAndSave(req: Request): Promise<void> {
  greet(req);
  return done((answer) => req.session.save(answer));
}

function done(run: (answer: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => run((error) => (error == null ? resolve() : reject(new Error('failed')))));
}

const HOOKS: readonly [string, typeof hook][] = [
  ['nothing', () => undefined],
  ['a change', greet],
  ['a save', greetAndSave],
  ['a regenerate', (req) => regenerate(req).then(() => greet(req))],
  ['a regenerate and a save', (req) => regenerate(req).then(() => greetAndSave(req))],
];

const ENDINGS: readonly [string, (at: Process, visitor: Browser) => Promise<Answer>, string | null][] = [
  ['a disconnect', (at, visitor) => at.disconnect(visitor), '"apples"'],
  ['a logout', (at, visitor) => visitor.visit(`${at.app.url}/logout`, {}, 'POST'), null],
  ['a logout that regenerates', (at, visitor) => visitor.visit(`${at.app.url}/leave`, {}, 'POST'), null],
];

const ROWS = HOOKS.flatMap(([words, act]) =>
  ENDINGS.map(([ending, end, basket]) => [words, ending, { act, end, basket }] as const),
);

const PLACES: readonly [string, (at: Processes) => Process][] = [
  ['in the same process', ({ one }) => one],
  ['in another process', ({ two }) => two],
];

function verdict(answer: Answer): readonly unknown[] {
  if (answer.status < 400) return [answer.status];
  const { code, reason } = JSON.parse(answer.body) as Record<string, unknown>;
  return [answer.status, code, reason];
}

/** A visitor with a basket, who comes back from the provider. */
async function returning(): Promise<readonly [visitor: Browser, callback: string]> {
  const visitor = browser();
  await visitor.visit(`${processes.one.app.url}/fill`);
  return [visitor, await beginSignIn(processes.one.app, sandbox, visitor)];
}

/** Nobody is connected or greeted, whatever cookie they have, and only a disconnect leaves the basket. */
async function expectOver(visitors: readonly Browser[], baskets: readonly (string | null)[]): Promise<void> {
  const { app } = processes.one;
  expect([await tokensIn(app), JSON.stringify(await app.sessions()).includes('greeted')]).toEqual([0, false]);
  const found = await Promise.all(visitors.map(async (one) => (await one.visit(`${app.url}/basket`)).body));
  expect(found).toEqual(baskets.map((basket) => basket ?? 'null'));
}

describe.each(PLACES)('%s', (_place, placeOf) => {
  test.each(ROWS)(
    'onConnect with %s does not bring back what %s has ended while the provider was asked',
    async (_words, _ending, { act, end, basket }) => {
      hook = act;
      const [visitor, callback] = await returning();
      const other = visitor.fork();
      sandbox.fault({ kind: 'hold', when: 'after' });
      const running = visitor.visit(callback, SCRIPT);
      await sandbox.waiting();
      expect([200, 204]).toContain((await end(placeOf(processes), other)).status);
      sandbox.release();
      const answer = await running;
      expect([verdict(answer), answer.headers['set-cookie']]).toEqual([ENDED, undefined]);
      await expectOver([other, visitor], [basket, null]);
    },
  );
});

test.each(ROWS)(
  'onConnect with %s does not bring back what %s has ended while it ran',
  async (_words, _ending, { act, end, basket }) => {
    hook = act;
    inHook.before = latch();
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const running = visitor.visit(callback, SCRIPT);
    await inHook.before.reached;
    expect([200, 204]).toContain((await end(processes.one, other)).status);
    inHook.before.open();
    const answer = await running;
    expect([verdict(answer), answer.headers['set-cookie']]).toEqual([ENDED, undefined]);
    await expectOver([other, visitor], [basket, null]);
  },
);

test.each(HOOKS)(
  'onConnect with %s does not bring back the sign-in that a disconnect in another process has ended while it ran',
  async (_words, act) => {
    hook = act;
    inHook.before = latch();
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const running = visitor.visit(callback, SCRIPT);
    await inHook.before.reached;
    expect((await processes.two.disconnect(other)).status).toBe(204);
    inHook.before.open();
    const answer = await running;
    expect([verdict(answer), answer.headers['set-cookie'], await tokensIn(processes.one.app)]).toEqual([
      ENDED,
      undefined,
      0,
    ]);
    expect((await other.visit(`${processes.two.app.url}/basket`)).body).toBe('"apples"');
  },
);

describe.each(PLACES)('a disconnect %s that comes when onConnect has regenerated the session', (_place, placeOf) => {
  test('says 503, and ends the connection when it comes again', async () => {
    hook = regenerate;
    inHook.after = latch();
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const running = visitor.visit(callback);
    await inHook.after.reached;
    const early = await placeOf(processes).disconnect(other);
    expect([verdict(early), early.headers['retry-after']]).toEqual([[503, 'ERR_CONNECT_LEDGER', 'moved'], '1']);
    inHook.after.open();
    expect([(await running).status, await tokensIn(processes.one.app)]).toEqual([302, 1]);
    expect((await placeOf(processes).disconnect(visitor)).status).toBe(204);
    expect(await tokensIn(processes.one.app)).toBe(0);
  });
});

test.each(PLACES)('a logout %s while the new session is being saved ends the sign-in', async (_place, placeOf) => {
  const { one } = processes;
  const [visitor, callback] = await returning();
  const other = visitor.fork();
  const saving = latch();
  const set = one.store.set.bind(one.store);
  one.store.set = (id, session, answer) => {
    if (session.connectToken === undefined) set(id, session, answer);
    else void saving.wait().then(() => set(id, session, answer));
  };
  const running = visitor.visit(callback, SCRIPT);
  await saving.reached;
  await other.visit(`${placeOf(processes).app.url}/logout`, {}, 'POST');
  saving.open();
  const answer = await running;
  expect([verdict(answer), answer.headers['set-cookie']]).toEqual([ENDED, undefined]);
  expect(await one.app.sessions()).toEqual({});
});

test('a logout that has read the session before it moves, and ends it while it moves, ends the sign-in', async () => {
  const { one } = processes;
  inLogout = latch();
  const moving = latch();
  const destroy = one.store.destroy.bind(one.store);
  let destroys = 0;
  one.store.destroy = (id, answer) => {
    destroys += 1;
    // Ours waits in the store, that of the logout does not.
    if (destroys > 1) destroy(id, answer);
    else void moving.wait().then(() => destroy(id, answer));
  };
  const [visitor, callback] = await returning();
  const leaving = visitor.fork().visit(`${one.app.url}/slow-logout`, {}, 'POST');
  await inLogout.reached;
  const running = visitor.visit(callback, SCRIPT);
  await moving.reached;
  inLogout.open();
  await leaving;
  moving.open();
  const answer = await running;
  expect([verdict(answer), answer.headers['set-cookie'], await one.app.sessions()]).toEqual([ENDED, undefined, {}]);
});

test.each([
  ['while onConnect runs', 'hook'],
  ['while the new session is being saved', 'save'],
  ['while the session moves', 'move'],
] as const)(
  'a logout that has begun before onConnect regenerates, and ends %s, ends the sign-in',
  async (_words, when) => {
    const { one } = processes;
    hook = regenerate;
    [inHook.before, inHook.after, inLogout] = [latch(), latch(), latch()];
    const held = latch();
    const set = one.store.set.bind(one.store);
    one.store.set = (id, session, answer) => {
      if (session.connectToken === undefined || when !== 'save') set(id, session, answer);
      else void held.wait().then(() => set(id, session, answer));
    };
    const destroy = one.store.destroy.bind(one.store);
    let destroys = 0;
    one.store.destroy = (id, answer) => {
      destroys += 1;
      // The first is that of regenerate(), the second ours.
      if (destroys !== 2 || when !== 'move') destroy(id, answer);
      else void held.wait().then(() => destroy(id, answer));
    };
    const [visitor, callback] = await returning();
    const other = visitor.fork();
    const running = visitor.visit(callback, SCRIPT);
    await inHook.before.reached;
    const leaving = other.visit(`${one.app.url}/slow-logout`, {}, 'POST');
    await inLogout.reached;
    inHook.before.open();
    await inHook.after.reached;
    if (when !== 'hook') {
      inHook.after.open();
      await held.reached;
    }
    inLogout.open();
    await leaving;
    inHook.after.open();
    held.open();
    const answer = await running;
    expect([verdict(answer), answer.headers['set-cookie'], await one.app.sessions()]).toEqual([ENDED, undefined, {}]);
  },
);
