import { setTimeout as sleep } from 'node:timers/promises';
import http from 'node:http';
import express, { Router, type RequestHandler } from 'express';
import { MemoryStore, type Store } from 'express-session';
import { memoryLedger, type RefreshLedger } from '../../../src';
import { browser } from '../../support/app';
import { serve } from '../../support/serve';
import { runRecipe } from './recipe';

interface Health {
  readonly health: (store: Store, ledger: RefreshLedger) => RequestHandler;
}

/** @returns how the two addresses answer */
async function answersWith(store: Store, ledger: RefreshLedger): Promise<{ alive: number; ready: number }> {
  const { health } = runRecipe('/healthz/ready', {
    modules: { express: { Router }, 'node:timers/promises': { setTimeout: sleep } },
  }) as Health;
  const app = express();
  app.use(health(store, ledger));
  const { url } = await serve(http.createServer(app));
  const [alive, ready] = await Promise.all(['', '/ready'].map((path) => browser().visit(`${url}/healthz${path}`)));
  return { alive: alive?.status ?? 0, ready: ready?.status ?? 0 };
}

function storeThat(get: Store['get']): Store {
  return Object.assign(new MemoryStore(), { get });
}

test.each([
  ['all is well', new MemoryStore(), memoryLedger(), 200],
  ['the ledger is away', new MemoryStore(), { ...memoryLedger(), once: () => Promise.reject(new Error('away')) }, 503],
  ['the session store is away', storeThat((_id, done) => done(new Error('away'))), memoryLedger(), 503],
  ['the session store hangs', storeThat(() => undefined), memoryLedger(), 503],
])('where %s, the process is alive, and says whether it is ready', async (_what, store, ledger, ready) => {
  expect(await answersWith(store, ledger)).toEqual({ alive: 200, ready });
});

test('one check after the other succeeds: the name is free again, or taken, and both will do', async () => {
  const ledger = memoryLedger();
  for (let times = 0; times < 3; times += 1) {
    expect(await answersWith(new MemoryStore(), ledger)).toEqual({ alive: 200, ready: 200 });
  }
  await sleep(5);
  expect(await ledger.once('health', 1)).toBe(true);
});
