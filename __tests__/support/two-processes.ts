import type { Express } from 'express';
import { MemoryStore } from 'express-session';
import { memoryLedger, type ConnectEvent, type RefreshLedger } from '../../src';
import type { Sandbox } from '../../src/testing';
import { startApp, type Answer, type Browser, type TestApp, type TestAppParts } from './app';

/** One process of a deployment: what it does at the session store and at the ledger can be held up. */
export interface Process {
  readonly app: TestApp;
  readonly store: MemoryStore;
  /** Operations of this process at the ledger. */
  readonly diary: string[];
  readonly events: ConnectEvent[];
  /** Runs before an operation of this process at the ledger. */
  beforeLedger: (operation: string, call: number) => Promise<void> | undefined;
  disconnect(visitor: Browser, headers?: Record<string, string>): Promise<Answer>;
}

export interface Processes {
  readonly one: Process;
  readonly two: Process;
}

/**
 * Two processes in one: each has its own locks and memories, which belong to the store object and the instance, and both
 * have the same sessions and the same ledger.
 */
export async function startProcesses(
  sandbox: Sandbox,
  { options, ...parts }: TestAppParts = {},
  shared: RefreshLedger = memoryLedger(),
): Promise<Processes> {
  const sessions = Object.create(null) as object;
  const one = await startProcess(sandbox, sessions, shared, {
    ...parts,
    ...(options === undefined ? {} : { options }),
  });
  const redirectUri = `${one.app.url}/connect/callback`;
  const two = await startProcess(sandbox, sessions, shared, { ...parts, options: { ...options, redirectUri } });
  return { one, two };
}

async function startProcess(
  sandbox: Sandbox,
  sessions: object,
  shared: RefreshLedger,
  parts: TestAppParts,
): Promise<Process> {
  const store = Object.assign(new MemoryStore(), { sessions });
  const diary: string[] = [];
  const events: ConnectEvent[] = [];
  const calls = new Map<string, number>();
  const { onForgotten, ...operations } = shared;
  const noted = Object.entries(operations as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>).map(
    ([operation, run]) => [
      operation,
      async (...args: unknown[]) => {
        const call = (calls.get(operation) ?? 0) + 1;
        calls.set(operation, call);
        diary.push(operation);
        await process.beforeLedger(operation, call);
        return run(...args);
      },
    ],
  );
  const app = await startApp(sandbox, {
    ...parts,
    store,
    routes: (express, connect) => {
      basket(express);
      parts.routes?.(express, connect);
    },
    options: {
      ledger: { ...(Object.fromEntries(noted) as Omit<RefreshLedger, 'onForgotten'>), onForgotten },
      onEvent: (event) => events.push(event),
      ...parts.options,
    },
  });
  const process: Process = {
    app,
    store,
    diary,
    events,
    beforeLedger: () => undefined,
    disconnect: (visitor, headers = {}) =>
      visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin', ...headers }, 'POST'),
  };
  return process;
}

function basket(express: Express): void {
  express.get('/fill', (req, res) => {
    Object.assign(req.session, { basket: 'apples' });
    res.send('filled');
  });
  express.get('/basket', (req, res) => void res.json((req.session as { basket?: unknown }).basket ?? null));
}
