import type { Express } from 'express';
import { MemoryStore } from 'express-session';
import { memoryLedger, type ConnectAuth, type ConnectEvent, type RefreshLedger } from '../../src';
import type { Sandbox } from '../../src/testing';
import { browser, signIn, startApp, type Answer, type Browser, type TestApp, type TestAppParts } from './app';
import { cleanup } from './cleanup';
import { startSandbox } from './sandbox';
import { editSessions, onlySession, type Document } from './stored';

/** A token set as the store and our routes show it. */
export interface Token {
  access_token: string;
  refresh_token: string;
  expires_at: number;
  type: string;
  scope?: string;
  connection: string;
}

/** The clock of this process, which a test moves on; timers keep to the real one. */
export interface Time {
  readonly now: () => number;
  pass(ms: number): void;
  /** Stands still from now on but for {@link Time.pass}. */
  stop(): void;
}

/** Takes over `Date.now` until the test ends, so that tokens, pauses and a ledger on the same clock age together. */
export function takeOverTime(): Time {
  const real = Date.now.bind(Date);
  let aheadMs = 0;
  let stoppedMs: number | undefined;
  const spy = jest.spyOn(Date, 'now').mockImplementation(() => (stoppedMs ?? real()) + aheadMs);
  cleanup(() => spy.mockRestore());
  return {
    now: () => Date.now(),
    pass(ms) {
      aheadMs += ms;
    },
    stop() {
      stoppedMs = real();
    },
  };
}

/** An app with a visitor whose account is connected. */
export interface World {
  readonly app: TestApp;
  readonly visitor: Browser;
  readonly connect: ConnectAuth;
  readonly events: ConnectEvent[];
  readonly ledger: RefreshLedger;
  /** `GET /fresh`: `getToken`. */
  fresh(): Promise<Answer>;
  /** `GET /refused?token=`: `getToken` with an access token that the API refuses. */
  refused(token: string): Promise<Answer>;
  /** The token set in the store. */
  stored(): Promise<Token>;
  /** Makes the stored token expire in so many seconds. */
  expireIn(seconds: number): Promise<void>;
  /** Events of these types, in order. */
  told(...types: ConnectEvent['type'][]): ConnectEvent[];
}

/** What every app of these tests answers. */
function routes(app: Express, connect: ConnectAuth): void {
  app.get('/fresh', (req, res, next) => {
    connect.getToken(req).then((token) => void res.json(token), next);
  });
  app.get('/refused', (req, res, next) => {
    connect.getToken(req, { refused: req.query['token'] as string }).then((token) => void res.json(token), next);
  });
}

/**
 * Gives each test of a file a sandbox that rotates refresh tokens, and a clock that only the test moves.
 * @param now - the sandbox's clock, milliseconds since 1970
 */
export function givenRotation(take: (sandbox: Sandbox, time: Time) => void, now = (): number => Date.now()): void {
  let sandbox: Sandbox;
  let time: Time;
  beforeAll(async () => {
    sandbox = await startSandbox({ switches: { refresh: 'rotate' }, now });
  });
  beforeEach(() => {
    time = takeOverTime();
    sandbox.reset();
    take(sandbox, time);
  });
  afterEach(() => sandbox.release());
}

/** An app on its own ledger by `Date.now`, unless told otherwise; nobody has signed in. */
export async function refreshingApp(
  sandbox: Sandbox,
  parts: TestAppParts = {},
  visitor: Browser = browser(),
): Promise<World> {
  const { ledger = memoryLedger({ now: () => Date.now() }) } = parts.options ?? {};
  const events: ConnectEvent[] = [];
  let connect: ConnectAuth | undefined;
  const app = await startApp(sandbox, {
    ...parts,
    options: { onEvent: (event) => void events.push(event), ...parts.options, ledger },
    routes: (own, mounted) => {
      connect = mounted;
      routes(own, mounted);
      parts.routes?.(own, mounted);
    },
  });
  if (connect === undefined) throw new Error('not mounted');
  return {
    app,
    visitor,
    connect,
    events,
    ledger,
    fresh: () => visitor.visit(`${app.url}/fresh`, { accept: 'application/json' }),
    refused: (token) =>
      visitor.visit(`${app.url}/refused?token=${encodeURIComponent(token)}`, { accept: 'application/json' }),
    stored: async () => tokenOf(await onlySession(app)),
    expireIn: (seconds) =>
      editSessions(app, (document) => {
        tokenOf(document).expires_at = Math.floor(Date.now() / 1000) + seconds;
      }),
    told: (...types) => events.filter((event) => types.includes(event.type)),
  };
}

/** The same, and the visitor has connected an account. */
export async function connectedWorld(sandbox: Sandbox, parts: TestAppParts = {}): Promise<World> {
  const world = await refreshingApp(sandbox, parts);
  await signIn(world.app, sandbox, world.visitor);
  return world;
}

/** Two instances on one ledger and one session store, as two processes would be. */
export async function twoProcesses(sandbox: Sandbox, parts: TestAppParts = {}): Promise<readonly [World, World]> {
  const store = parts.store ?? new MemoryStore();
  const first = await connectedWorld(sandbox, { ...parts, store });
  const options = { ...parts.options, ledger: first.ledger };
  return [first, await refreshingApp(sandbox, { ...parts, store, options }, first.visitor)];
}

export function tokenOf(document: Document): Token {
  return document['connectToken'] as Token;
}

export function tokenIn(answer: Answer): Token {
  return JSON.parse(answer.body) as Token;
}

/** Status, error code and Retry-After of an answer; 200 tells neither. */
export function verdict(answer: Answer): readonly (string | number | undefined)[] {
  if (answer.status === 200) return [200];
  const { code } = JSON.parse(answer.body) as { code?: string };
  return [answer.status, code, answer.headers['retry-after']];
}

/** Lets one request wait inside its handler. */
export interface Latch {
  /** Resolves once somebody waits. */
  readonly reached: Promise<void>;
  wait(): Promise<void>;
  open(): void;
}

export function latch(): Latch {
  let [reach, open] = [(): void => undefined, (): void => undefined];
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    reached,
    wait() {
      reach();
      return opened;
    },
    open: () => open(),
  };
}
