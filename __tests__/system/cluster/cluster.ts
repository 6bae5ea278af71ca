import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectAuthOptions, ConnectEvent } from '../../../src';
import { browser, type Answer, type Browser } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { folderWithPackage, type Packed } from '../../support/packed';

/** Where the workers' code can be made to wait: before a session is written, before the provider is called, … */
export type GateName =
  | 'save'
  | 'connect'
  | 'write'
  | 'acquire'
  | 'renew'
  | 'settle'
  | 'fail'
  | 'revoke'
  | 'once'
  | 'load record'
  | 'save record';

/** One process of the deployment. */
export interface Worker {
  readonly url: string;
  readonly pid: number;
  /** Where this process has the library from. */
  readonly library: string;
  readonly events: readonly ConnectEvent[];
  /** The next passage of this gate waits. */
  hold(gate: GateName): Promise<void>;
  /** Resolves once as many passages as given have been held since the start; 1 if none is given. */
  held(gate: GateName, count?: number): Promise<void>;
  /** How many passages have been held since the start. */
  holds(gate: GateName): number;
  release(gate: GateName): Promise<void>;
  /** Moves the clock of this process on, if it has not ended. */
  pass(ms: number): Promise<void>;
  /** SIGKILL */
  kill(): Promise<void>;
  /** SIGTERM. @returns the exit code, once the process has ended by itself */
  terminate(): Promise<number | null>;
}

/** How a process reaches ledger and connections: a URL of Redis, or what `pg.Pool` is made with. */
export type Coordination =
  | { readonly redis: string }
  | {
      readonly postgres: {
        readonly host: string;
        readonly port: number;
        readonly user: string;
        readonly database: string;
        /** Connections of the pool. */
        readonly max: number;
      };
    };

/** What one process is told at its start. */
export interface WorkerSetup {
  readonly connect: Partial<ConnectAuthOptions>;
  readonly sessionsUrl: string;
  readonly coordination: Coordination;
  readonly ledgerKeys?: readonly { readonly id: string; readonly secret: string }[];
  /** Milliseconds for one operation of ledger or connections, in place of the tests' own patience. */
  readonly operationTimeoutMs?: number;
  /** Milliseconds, in place of the library's lease. */
  readonly leaseMs?: number;
  /** How far the clock of the process is ahead from its start on, in milliseconds. */
  readonly aheadMs?: number;
  /** Connections belong to whoever has logged in (`/login?as=`), or the process has no browsers and only acts for users. */
  readonly users?: 'web' | 'jobs';
  /** What `onConnect` does with the session. */
  readonly onConnect?: 'save' | 'regenerate';
}

/** Where the workers are registered with the provider; nothing listens there. The tests go to the workers themselves. */
export const SITE = 'http://127.0.0.1:1';

export const LEDGER_KEYS = [{ id: 'k1', secret: 'a ledger secret of the tests, 32 bytes or more' }];

/** Workers that end with the test or the file that starts them, or earlier by `close`. */
export interface Cluster {
  readonly workers: readonly Worker[];
  /** One more process, perhaps set up differently. */
  start(changes?: Partial<WorkerSetup>): Promise<Worker>;
  close(): Promise<void>;
}

/** @param from - the version of the package that the processes run; that of the sources, if none is given */
export async function startCluster(setup: WorkerSetup, count = 4, from?: Packed): Promise<Cluster> {
  const folder = folderWithPackage(['express', 'express-session', 'redis', 'connect-redis', 'pg'], from);
  const program = join(folder, 'worker.mjs');
  copyFileSync(join(__dirname, 'worker.mjs'), program);
  const children: ChildProcess[] = [];
  const start = (changes: Partial<WorkerSetup> = {}): Promise<Worker> => {
    const connect = { redirectUri: `${SITE}/connect/callback`, ...setup.connect, ...changes.connect };
    return startWorker(program, { ledgerKeys: LEDGER_KEYS, ...setup, ...changes, connect }, children);
  };
  async function close(): Promise<void> {
    await Promise.all(
      children.filter(isRunning).map(async (child) => {
        child.removeAllListeners('exit');
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
      }),
    );
  }
  cleanup(close);
  return { workers: await Promise.all(Array.from({ length: count }, () => start())), start, close };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

interface Told {
  readonly url?: string;
  readonly library?: string;
  readonly held?: GateName;
  readonly event?: ConnectEvent;
  readonly done?: true;
}

async function startWorker(program: string, setup: WorkerSetup, children: ChildProcess[]): Promise<Worker> {
  const child = fork(program, [JSON.stringify(setup)], {
    execArgv: [],
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (said += String(text)));
  const events: ConnectEvent[] = [];
  const heldCounts = new Map<GateName, number>();
  const acknowledgements: (() => void)[] = [];
  const waiters: { gate: GateName; count: number; resolve: () => void }[] = [];

  let isWanted = true;
  // A worker that ends by itself would show only as refused connections.
  child.once('exit', () => isWanted && console.error(`A worker has ended: ${said}`));
  const ready = new Promise<{ url: string; library: string }>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`A worker ended: ${said}`)));
    child.on('message', (message) => {
      const { url, library = '', held, event, done } = message as Told;
      if (url !== undefined) resolve({ url, library });
      if (event !== undefined) events.push(event);
      if (done === true) acknowledgements.shift()?.();
      if (held === undefined) return;
      heldCounts.set(held, (heldCounts.get(held) ?? 0) + 1);
      for (const waiter of waiters)
        if (waiter.gate === held && (heldCounts.get(held) ?? 0) >= waiter.count) waiter.resolve();
    });
  });
  const tell = (message: object): Promise<void> =>
    new Promise((resolve) => {
      acknowledgements.push(resolve);
      child.send(message);
    });
  const ended = async (signal: NodeJS.Signals): Promise<number | null> => {
    isWanted = false;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  };

  return {
    ...(await ready),
    pid: child.pid ?? 0,
    events,
    hold: (gate) => tell({ hold: gate }),
    held: (gate, count = 1) =>
      new Promise((resolve) => {
        if ((heldCounts.get(gate) ?? 0) >= count) resolve();
        else waiters.push({ gate, count, resolve });
      }),
    holds: (gate) => heldCounts.get(gate) ?? 0,
    release: (gate) => tell({ release: gate }),
    pass: (ms) => (isRunning(child) ? tell({ pass: ms }) : Promise.resolve()),
    kill: async () => {
      await ended('SIGKILL');
    },
    terminate: () => ended('SIGTERM'),
  };
}

/** Something that lets a person sign in. */
export interface Consent {
  /** Clicks "Allow". @returns the callback address at {@link SITE} */
  allow(authorizationUrl: string): Promise<string>;
}

/** A new visitor, or this one, who signs in, by one worker or two. */
export async function signedIn(
  provider: Consent,
  startedBy: Worker,
  finishedBy = startedBy,
  visitor: Browser = browser(),
): Promise<Browser> {
  const landed = await visitor.visit(finishedBy.url + (await callbackPath(provider, startedBy, visitor)));
  if (landed.status !== 302) throw new Error(`The callback answered ${landed.status}: ${landed.body}`);
  return visitor;
}

/** Starts a sign-in and lets the person click "Allow". @returns path and query of the callback, not yet visited */
export async function callbackPath(provider: Consent, worker: Worker, visitor: Browser): Promise<string> {
  const started = await visitor.visit(`${worker.url}/connect/authorize`);
  if (started.status !== 302) throw new Error(`authorize answered ${started.status}: ${started.body}`);
  return (await provider.allow(started.location)).slice(SITE.length);
}

/** What an error tells a visitor: its status, its code, and when to come again. */
export interface Refusal {
  readonly status: number;
  readonly code: unknown;
  readonly retryAfter: string | undefined;
}

/** Asks for the token and expects none. */
export async function refusalFrom(worker: Worker, visitor: Browser): Promise<Refusal> {
  return refusalOf(await ask(worker, '/token', visitor));
}

export function refusalOf({ status, headers, body }: Answer): Refusal {
  return { status, code: (JSON.parse(body) as { code?: unknown }).code, retryAfter: headers['retry-after'] };
}

/** What `/token` answers. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly pid: number;
}

/** A script's request: an error comes as problem+json. */
export function ask(worker: Worker, path: string, visitor: Browser): Promise<Answer> {
  return visitor.visit(worker.url + path, { accept: 'application/json' });
}

/** @throws Error when the worker has no token for the visitor */
export async function tokenFrom(worker: Worker, visitor: Browser): Promise<TokenAnswer> {
  const answer = await ask(worker, '/token', visitor);
  if (answer.status !== 200) throw new Error(`/token answered ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as TokenAnswer;
}

/** First words of what a process has sent for ledger and connections since this was last asked for. */
export async function sentBy(worker: Worker): Promise<readonly string[]> {
  const words = JSON.parse((await ask(worker, '/commands', browser())).body) as readonly string[];
  // Rows whose time is over are deleted once a minute, by whoever writes.
  return words.filter((word) => word !== 'DELETE');
}
