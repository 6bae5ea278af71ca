import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { Sandbox } from 'express-connect-auth/testing';
import { localBackstage } from './backstage';
import type { Answers, PrimaryMessage, WorkerMessage, WorkerSettings } from './cluster-messages';

/** Workers that end in a row without ever having listened: then something is wrong with all of them. */
const MOST_FALSE_STARTS = 4;
/** Milliseconds in which a connection that is being handed over arrives. */
const HANDOVER_MS = 200;
/** Milliseconds that a worker has for its last requests. */
const STOP_PATIENCE_MS = 5_000;
/** Milliseconds in which a process that was killed ends even on a busy machine. */
const KILL_PATIENCE_MS = 5_000;

/** The demo's worker processes. */
export interface Crew {
  /** Ends all of them, and resolves when they are gone. */
  stop(): Promise<void>;
}

interface CrewWatch {
  /** Once, when all listen. */
  readonly onReady: () => void;
  /** When the workers cannot be kept alive. */
  readonly onFailure: (error: Error) => void;
}

/** Keeps as many workers as there are to be: one that ends is replaced by one with its number. */
export function startCrew(
  common: Omit<WorkerSettings, 'number'>,
  sandbox: Sandbox,
  { onReady, onFailure }: CrewWatch,
): Crew {
  const backstage = localBackstage(sandbox);
  const workers = new Map<number, Worker>();
  const listening = new Set<number>();
  let falseStarts = 0;
  let fault = '';
  let ready = false;
  let stopping = false;

  function fork(number: number): void {
    const worker = cluster.fork();
    workers.set(number, worker);
    worker.on('message', (message: WorkerMessage) => void receive(number, worker, message));
    worker.once('listening', () => {
      falseStarts = 0;
      listening.add(number);
      if (!ready && listening.size === common.of) {
        ready = true;
        onReady();
      }
    });
    worker.once('exit', () => {
      if (!listening.delete(number)) falseStarts += 1;
      workers.delete(number);
      if (stopping) return;
      if (falseStarts < MOST_FALSE_STARTS) fork(number);
      else onFailure(new Error(`The workers do not start. ${fault}`.trim()));
    });
  }

  async function receive(number: number, worker: Worker, message: WorkerMessage): Promise<void> {
    switch (message.kind) {
      case 'event':
        backstage.record(message.event, message.whose, number);
        return;
      case 'fault':
        fault = message.message;
        return;
      case 'kill':
        kill(workerWith(message.pid));
        return;
      case 'ask': {
        const answer = await answerTo(message.what, { ...common, number }, message.about ?? '');
        if (worker.isConnected()) worker.send({ id: message.id, answer } satisfies PrimaryMessage);
      }
    }
  }

  /**
   * Node's cluster loses a connection that it is just handing to a process which dies, and its visitor would wait for
   * ever: so no more are handed over first. The process itself gets no chance to tidy up.
   */
  function kill(worker: Worker | undefined): void {
    worker?.disconnect();
    setTimeout(() => void worker?.process.kill('SIGKILL'), HANDOVER_MS);
  }

  function workerWith(pid: number): Worker | undefined {
    return [...workers.values()].find((worker) => worker.process.pid === pid);
  }

  /**
   * Resolves once a process is gone, and the one in its place has begun or {@link KILL_PATIENCE_MS} are over: whoever kills
   * one after the other shall not be faster than those that begin.
   * @returns false if it is still there by then
   */
  async function ended(pid: number): Promise<boolean> {
    const signal = AbortSignal.timeout(KILL_PATIENCE_MS);
    const [number, worker] = [...workers].find(([, { process: child }]) => child.pid === pid) ?? [];
    try {
      if (worker !== undefined) await once(worker, 'exit', { signal });
      const next = number === undefined || listening.has(number) ? undefined : workers.get(number);
      if (next !== undefined) await once(next, 'listening', { signal }).catch(() => undefined);
      return true;
    } catch {
      return false;
    }
  }

  /** Of a worker that listens, as do others that can stand in for it. */
  function pidOf(number: number): number | null {
    const pid = workers.get(number)?.process.pid;
    return pid === undefined || !listening.has(number) || listening.size < 2 ? null : pid;
  }

  async function answerTo(
    what: keyof Answers,
    settings: WorkerSettings,
    about: string,
  ): Promise<Answers[keyof Answers]> {
    switch (what) {
      case 'settings':
        return settings;
      case 'events':
        return backstage.events(about);
      case 'metrics':
        return backstage.metrics();
      case 'presentations':
        return sandbox.presentations(about);
      case 'pid':
        return pidOf(Number(about));
      case 'ended':
        return ended(Number(about));
    }
  }

  async function end(worker: Worker): Promise<void> {
    const gone = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    worker.process.kill('SIGTERM');
    const patience = setTimeout(() => void worker.process.kill('SIGKILL'), STOP_PATIENCE_MS);
    await gone;
    clearTimeout(patience);
  }

  for (let number = 1; number <= common.of; number += 1) fork(number);
  return {
    async stop() {
      stopping = true;
      await Promise.all([...workers.values()].map(end));
    },
  };
}
