import vm from 'node:vm';
import type { RequestHandler } from 'express';
import { MemoryStore, type Store } from 'express-session';

/** What stores put into their errors: their own address with its password, and what they were asked to write. */
export const STORE_ADDRESS = 'redis://default:storepasswordcanary@10.9.8.7:6379/3';

export type StoreOperation = 'get' | 'set' | 'destroy';
export type StoreFault = 'fails' | 'throws' | 'hangs' | 'fails after writing';

export interface FaultPlan {
  readonly operation: StoreOperation;
  readonly fault: StoreFault;
  /** The how-manieth call of ours, from 1. */
  readonly call: number;
  /** Whether later calls meet the fault too. */
  readonly lasting?: boolean;
}

/** A MemoryStore that goes wrong on command. */
export interface FaultyStore {
  readonly store: Store;
  /** Mounted behind express-session: its own read of the request does not count. */
  readonly watch: RequestHandler;
  plan(plan: FaultPlan): void;
  heal(): void;
  /** Operations that met the fault since the last plan. */
  faults(): number;
}

type Done = (error?: unknown, value?: unknown) => void;
type Operation = (...args: unknown[]) => void;

/** @param hung - called after an operation has begun to hang, once whoever called it waits */
export function faultyStore(hung: () => void = () => undefined): FaultyStore {
  const store = new MemoryStore();
  let planned: FaultPlan | undefined;
  let counting = false;
  let calls = 0;
  let met = 0;

  function wrap(operation: StoreOperation): void {
    const target = store as unknown as Record<StoreOperation, Operation>;
    const sound = target[operation].bind(store);
    target[operation] = (...args) => {
      const plan = planned;
      if (plan === undefined || !counting || plan.operation !== operation) return sound(...args);
      calls += 1;
      if (calls < plan.call || (calls > plan.call && plan.lasting !== true)) return sound(...args);
      met += 1;
      const done = args.at(-1) as Done;
      const error = new Error(`${operation} at ${STORE_ADDRESS}: ${JSON.stringify(args.slice(0, -1))}`);
      if (plan.fault === 'throws') throw error;
      if (plan.fault === 'fails after writing') sound(...args.slice(0, -1), () => done(error));
      if (plan.fault === 'fails') setImmediate(done, error);
      if (plan.fault === 'hangs') setImmediate(hung);
    };
  }
  for (const operation of ['get', 'set', 'destroy'] as const) wrap(operation);

  return {
    store,
    watch: (_req, _res, next) => {
      counting = true;
      next();
    },
    plan(plan) {
      [planned, counting, calls, met] = [plan, false, 0, 0];
    },
    heal() {
      planned = undefined;
    },
    faults: () => met,
  };
}

/** Collects what would end a process; jest's own listeners, and its copy of `process`, are set aside meanwhile. */
export function watchProcess(): { readonly seen: unknown[]; stop(): void } {
  const real = vm.runInThisContext('process') as NodeJS.Process;
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => real.listeners(event as 'exit'));
  const seen: unknown[] = [];
  const note = (reason: unknown): void => void seen.push(reason);
  for (const event of events) real.removeAllListeners(event).on(event as 'exit', note);
  return {
    seen,
    stop() {
      for (const [index, event] of events.entries()) {
        real.removeAllListeners(event);
        for (const listener of before[index] ?? []) real.on(event as 'exit', listener);
      }
    },
  };
}
