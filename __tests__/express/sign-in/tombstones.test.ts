import { MemoryStore, type CookieOptions, type SessionData } from 'express-session';
import { memoryLedger, type ConnectAuthOptions } from '../../../src';
import { ledgerKey } from '../../../src/ledger/box';
import type { Sandbox, SandboxSwitches } from '../../../src/testing';
import { signIn, type Browser, type TestApp, type TestAppParts } from '../../support/app';
import {
  givenRotation,
  refreshingApp,
  tokenOf,
  twoProcesses,
  verdict,
  type Time,
  type World,
} from '../../support/refreshing';
import type { Document } from '../../support/stored';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
  time.stop();
});

/** A session as a slow request holds it: to be saved over whatever the store has meanwhile. */
interface Copy {
  readonly visitor: Browser;
  readonly document: Document;
  save(): Promise<void>;
}

async function copyOf(app: TestApp, visitor: Browser): Promise<Copy> {
  const [[id, document] = []] = Object.entries(await app.sessions());
  if (id === undefined || document === undefined) throw new Error('no session');
  const cookie = document['cookie'] as { originalMaxAge: number | null; expires: string | null };
  return {
    visitor: visitor.fork(),
    document,
    async save() {
      // express-session renews the time of what it saves.
      if (cookie.originalMaxAge !== null) cookie.expires = new Date(time.now() + cookie.originalMaxAge).toISOString();
      await new Promise((saved) => app.store.set(id, document as unknown as SessionData, saved));
    },
  };
}

/** Uses a copy without asking for its token, often enough that it stays in the store. */
async function use({ app }: World, { visitor }: Copy, forMs: number, everyMs: number): Promise<void> {
  for (let left = forMs; left > 0; left -= everyMs) {
    time.pass(Math.min(left, everyMs));
    expect((await visitor.visit(`${app.url}/`)).status).toBe(200);
  }
}

/** Asks for the token of a copy, by which the ledger is asked, at last. */
const ask = ({ app }: World, { visitor }: Copy, refused?: string) =>
  visitor.visit(app.url + (refused === undefined ? '/fresh' : `/refused?token=${encodeURIComponent(refused)}`), {
    accept: 'application/json',
  });

const disconnect = ({ app, visitor }: World) =>
  visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');

interface Case {
  readonly cookie: CookieOptions;
  readonly rolling?: boolean;
  readonly switches?: Partial<SandboxSwitches>;
  readonly options?: Partial<ConnectAuthOptions>;
  /** How long the copy is used, its token being valid, and how long it then lies in the store. */
  readonly usedMs: number;
  readonly unusedMs: number;
  /** What the app gives the session before the disconnect, and the copy after that. */
  readonly prolonged?: { readonly before?: number; readonly after?: number };
  /** Nobody but the API can tell that the token has run out. */
  readonly refused?: boolean;
  /** From the disconnect on: then the tombstone is gone. */
  readonly goneMs: number;
}

/** The last moments at which a copy can still present its token. */
const CASES: Readonly<Record<string, Case>> = {
  'a session of an hour': { cookie: { maxAge: HOUR }, usedMs: HOUR - 61_000, unusedMs: HOUR - 1, goneMs: 26 * HOUR },
  'a session of two weeks': {
    cookie: { maxAge: 14 * DAY },
    usedMs: HOUR - 61_000,
    unusedMs: 14 * DAY - 1,
    goneMs: 15 * DAY + HOUR,
  },
  'a rolling session': {
    cookie: { maxAge: HOUR },
    rolling: true,
    usedMs: HOUR - 61_000,
    unusedMs: HOUR - 1,
    goneMs: 26 * HOUR,
  },
  'a short session that is used as long as its token of 30 days is valid': {
    cookie: { maxAge: 12 * HOUR },
    switches: { lifetimeSeconds: 30 * 86_400 },
    usedMs: 30 * DAY - 61_000,
    unusedMs: 12 * HOUR - 1,
    goneMs: 31 * DAY + 12 * HOUR,
  },
  'a session that the app has prolonged before': {
    cookie: { maxAge: HOUR },
    prolonged: { before: 30 * DAY },
    usedMs: HOUR - 61_000,
    unusedMs: 30 * DAY - 1,
    goneMs: 31 * DAY + HOUR,
  },
  'a copy that the app prolongs afterwards, to what sessionTtlMs says': {
    cookie: { maxAge: HOUR },
    options: { sessionTtlMs: 30 * DAY },
    prolonged: { after: 30 * DAY },
    usedMs: HOUR - 61_000,
    unusedMs: 30 * DAY - 1,
    goneMs: 31 * DAY + HOUR,
  },
  'a cookie without maxAge, in a store that keeps such sessions for two weeks': {
    cookie: {},
    options: { sessionTtlMs: 14 * DAY },
    usedMs: HOUR - 61_000,
    unusedMs: 14 * DAY - 1,
    goneMs: 15 * DAY + HOUR,
  },
  'a cookie without maxAge, in a store that nobody knows': {
    cookie: {},
    usedMs: HOUR - 61_000,
    unusedMs: 89 * DAY,
    goneMs: 90 * DAY,
  },
  'a token of unknown expiry that is used until the API refuses it': {
    cookie: { maxAge: 12 * HOUR },
    switches: { expiresAt: 'missing' },
    usedMs: 89 * DAY,
    unusedMs: 12 * HOUR - 1,
    refused: true,
    goneMs: 90 * DAY,
  },
};

/** Lets the app give a session another life, by `/prolong?ms=`. */
const routes: NonNullable<TestAppParts['routes']> = (app) => {
  app.get('/prolong', (req, res) => {
    req.session.cookie.maxAge = Number(req.query['ms']);
    res.send('prolonged');
  });
};

async function connected({
  cookie,
  rolling = false,
  switches = {},
  options = {},
}: Case): Promise<readonly [World, World]> {
  sandbox.set(switches);
  const session = { cookie, rolling };
  return twoProcesses(sandbox, { store: new MemoryStore(), routes, session, options });
}

describe('a connection that has ended stays so for the last copy of', () => {
  test.each(Object.entries(CASES))('%s', async (_name, one) => {
    const [world, other] = await connected(one);
    const { before, after } = one.prolonged ?? {};
    if (before !== undefined) await world.visitor.visit(`${world.app.url}/prolong?ms=${before}`);
    const copy = await copyOf(world.app, world.visitor);
    const { access_token, connection } = tokenOf(copy.document);
    expect((await disconnect(world)).status).toBe(204);
    const endedAt = time.now();
    await copy.save();
    await use(other, copy, one.usedMs, 5 * HOUR);
    if (after !== undefined) await copy.visitor.visit(`${other.app.url}/prolong?ms=${after}`);
    time.pass(one.unusedMs);
    const answer = await ask(other, copy, one.refused === true ? access_token : undefined);
    expect([...verdict(answer).slice(0, 2), answer.body.includes('revoked')]).toEqual([
      401,
      'ERR_CONNECT_EXPIRED',
      true,
    ]);
    expect(sandbox.calls.refresh).toBe(0);
    // And no longer than that, and a day.
    time.pass(endedAt + one.goneMs + 1000 - time.now());
    const key = ledgerKey(sandbox.connectOptions, connection.split('.')[0] ?? '');
    const claim = { generation: 0, claimant: 'c', leaseMs: 1000, minAgeMs: 0, retentionMs: 1000 };
    expect((await world.ledger.acquire(key, claim)).kind).toBe('won');
  });
});

test('a connection that a newer sign-in has replaced stays ended for as long', async () => {
  const [world, other] = await connected(CASES['a session of two weeks']!);
  const copy = await copyOf(world.app, world.visitor);
  await signIn(world.app, sandbox, world.visitor);
  await copy.save();
  await use(other, copy, HOUR - 61_000, 5 * HOUR);
  time.pass(14 * DAY - 1);
  expect(verdict(await ask(other, copy)).slice(0, 2)).toEqual([401, 'ERR_CONNECT_EXPIRED']);
  expect(sandbox.calls.refresh).toBe(0);
});

test('a session that is prolonged while its disconnect is on its way counts as the store has it', async () => {
  const store = new MemoryStore();
  const ledger = memoryLedger({ now: () => Date.now() });
  let meanwhile = (): Promise<unknown> => Promise.resolve();
  const parts: TestAppParts = { store, routes, session: { cookie: { maxAge: HOUR } }, options: { ledger } };
  const other = await refreshingApp(sandbox, parts);
  const world = await refreshingApp(sandbox, {
    ...parts,
    before: [(_req, _res, next) => void meanwhile().then(() => next(), next)],
  });
  await signIn(other.app, sandbox, other.visitor);
  const prolonging = other.visitor.fork();
  let copy: Copy | undefined;
  meanwhile = async () => {
    await prolonging.visit(`${other.app.url}/prolong?ms=${30 * DAY}`);
    copy ??= await copyOf(other.app, prolonging);
  };
  expect((await disconnect({ ...world, visitor: other.visitor })).status).toBe(204);
  meanwhile = () => Promise.resolve();
  await copy?.save();
  time.pass(30 * DAY - 1);
  expect(verdict(await ask(other, copy!)).slice(0, 2)).toEqual([401, 'ERR_CONNECT_EXPIRED']);
  expect(sandbox.calls.refresh).toBe(0);
});
