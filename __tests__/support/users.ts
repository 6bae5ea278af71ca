import type { Request } from 'express';
import type { SessionData } from 'express-session';
import { memoryConnections, memoryLedger, type ConnectionStore, type RefreshLedger } from '../../src';
import type { Sandbox } from '../../src/testing';
import { beginSignIn, browser, signIn, type Answer, type Browser, type TestAppParts } from './app';
import { givenRotation, refreshingApp, type Time, type World } from './refreshing';

/** What several processes of one deployment share. */
export interface Shared {
  readonly connections: ConnectionStore;
  readonly ledger: RefreshLedger;
  /** How often each operation of the store was called. */
  readonly calls: Record<'load' | 'save' | 'remove', number>;
  /** Has each load wait from now on, until `release`. */
  readonly hold: () => void;
  readonly release: () => void;
  /** Has every operation fail from now on, or work again. */
  readonly fail: (isAway: boolean) => void;
  /** What a dump of the store would show. */
  readonly dump: () => string;
}

/** Connections and refreshes of one deployment, in memory and by `Date.now`. */
export function sharedStores(): Shared {
  const store = memoryConnections();
  const calls = { load: 0, save: 0, remove: 0 };
  const saved: string[] = [];
  let held = Promise.resolve();
  let release = (): void => undefined;
  let isAway = false;
  const call = async <T>(operation: keyof typeof calls, run: () => Promise<T>): Promise<T> => {
    calls[operation] += 1;
    await held;
    if (isAway) throw new Error('postgres://user:CANARY-password@host is away');
    return run();
  };
  const connections: ConnectionStore = {
    load: (key) => call('load', () => store.load(key)),
    save(key, record, ifVersion) {
      saved.push(`${key} ${record}`);
      return call('save', () => store.save(key, record, ifVersion));
    },
    remove: (key, ifVersion) => call('remove', () => store.remove(key, ifVersion)),
    encryptionKeys: store.encryptionKeys,
  };
  return {
    connections,
    ledger: memoryLedger({ now: () => Date.now() }),
    calls,
    hold() {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => {
      release();
    },
    fail(away) {
      isAway = away;
    },
    dump: () => saved.join('\n'),
  };
}

type WithUser = Partial<SessionData> & { userId?: string };

/** Gives each test of a file a sandbox that rotates refresh tokens, a clock that only the test moves, and stores of its own. */
export function givenUsers(take: (sandbox: Sandbox, time: Time, shared: Shared) => void): void {
  givenRotation((sandbox, time) => {
    take(sandbox, time, sharedStores());
  });
}

/** Headers of a script. */
export const script = { accept: 'application/json' };

/** Status, code and reason of an answer. */
export function said({ status, body }: Answer): readonly unknown[] {
  const { code, reason } = JSON.parse(body) as { code?: string; reason?: string };
  return [status, code, reason];
}

/** Starts a sign-in on a device, up to the consent. @returns the callback URL, not yet visited */
export function startOn(sandbox: Sandbox, { app }: UserApp, { browser: own }: Device): Promise<string> {
  return beginSignIn(app, sandbox, own);
}

/** The store of a deployment, whose saves a test looks into. */
export function watchSaves(
  { connections }: Shared,
  aroundSave: (save: () => Promise<string | undefined>) => Promise<string | undefined>,
): ConnectionStore {
  return { ...connections, save: (...given) => aroundSave(() => connections.save(...given)) };
}

/** The user of a request: whoever has logged in. */
export function userOf(req: Request): string | undefined {
  return (req.session as WithUser).userId;
}

/** One process of an app with users. */
export interface UserApp extends World {
  /** A browser in which this user is logged in; undefined: nobody. */
  device(user?: string): Promise<Device>;
  /** Resolves once so many requests have come to a way to read since it was last called. */
  asked(count: number): Promise<void>;
}

/** A browser of a user, in one process. */
export interface Device {
  readonly browser: Browser;
  readonly logIn: (user: string) => Promise<void>;
  readonly logOut: () => Promise<void>;
  /** Connects the account. @returns the answer to the callback */
  readonly connect: () => Promise<Answer>;
  readonly disconnect: () => Promise<Answer>;
  /** `GET /token`: what a plain reader of the session finds. */
  readonly plain: () => Promise<Answer>;
  /** `GET /reloaded`: what a plain reader finds once it has reloaded the session. */
  readonly reloaded: () => Promise<Answer>;
  /** `GET /fresh`: `getToken`. */
  readonly fresh: () => Promise<Answer>;
  /** `GET /guarded`: what a handler behind the guard finds. */
  readonly guarded: () => Promise<Answer>;
  /** `GET /me`: `client(req)`. */
  readonly me: () => Promise<Answer>;
}

/** Starts an app whose users log in by `/login?as=` and out, without a new session id, by `/logout`. */
export async function userApp(sandbox: Sandbox, shared: Shared, parts: TestAppParts = {}): Promise<UserApp> {
  const { connections, ledger } = shared;
  let asks = 0;
  const world = await refreshingApp(sandbox, {
    ...parts,
    before: [
      (req, res, next) => {
        const { pathname, searchParams } = new URL(req.originalUrl, 'http://localhost');
        const session = req.session as WithUser;
        if (pathname === '/login') session.userId = searchParams.get('as') ?? '';
        else if (pathname === '/logout') delete session.userId;
        else {
          if (['/fresh', '/guarded', '/me'].includes(pathname)) asks += 1;
          next();
          return;
        }
        res.send('done');
      },
      ...(parts.before ?? []),
    ],
    options: { owner: userOf, connections, ledger, ...parts.options },
    routes(app, connect) {
      app.get('/reloaded', (req, res, next) => {
        req.session.reload((error) => {
          if (error == null) res.json(req.session.connectToken ?? null);
          else next(error);
        });
      });
      app.get('/guarded', connect.requireConnect(), (req, res) => void res.json(req.session.connectToken));
      app.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get<object>('/me')
          .then(({ data }) => void res.json(data), next);
      });
      parts.routes?.(app, connect);
    },
  });
  return {
    ...world,
    device: (user) => device(sandbox, world, user),
    async asked(count) {
      while (asks < count) await new Promise((resolve) => setImmediate(resolve));
      asks = 0;
    },
  };
}

async function device(sandbox: Sandbox, { app }: World, user: string | undefined): Promise<Device> {
  const own = browser();
  const read = (path: string) => (): Promise<Answer> => own.visit(app.url + path, script);
  const logIn = async (name: string): Promise<void> => {
    await own.visit(`${app.url}/login?as=${encodeURIComponent(name)}`);
  };
  if (user !== undefined) await logIn(user);
  return {
    browser: own,
    logIn,
    logOut: async () => {
      await own.visit(`${app.url}/logout`);
    },
    connect: () => signIn(app, sandbox, own),
    disconnect: () => own.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST'),
    plain: read('/token'),
    reloaded: read('/reloaded'),
    fresh: read('/fresh'),
    guarded: read('/guarded'),
    me: read('/me'),
  };
}
