import { debug } from '../errors/debug';
import type { Forgotten } from './ledger';

/** Reports what a ledger of limited size has forgotten before its time. */
export interface Forgettings {
  /** @param now - milliseconds of the ledger's clock */
  readonly note: (what: Forgotten['what'], now: number) => void;
  /** As `onForgotten` of a ledger. */
  readonly listen: (listener: (forgotten: Forgotten) => void) => void;
}

/** A ledger that stays full forgets something at every other request: listeners get the sum of a minute. */
const TOLD_EVERY_MS = 60_000;

const WORDS: Readonly<Record<Forgotten['what'], string>> = {
  record: 'the newest tokens of a connection',
  tombstone: 'that a connection has ended',
  claim: 'that a sign-in has been used',
};

const NEXT_STEP =
  'Give memoryLedger() a larger maxRecords, maxTombstones or maxClaims, or use redisLedger: see docs/scaling.md, ' +
  '"Size of memoryLedger". Event ledger_forgot counts what is forgotten.';

/** Warns once in the life of one ledger. */
export function forgettings(): Forgettings {
  const listeners = new Set<(forgotten: Forgotten) => void>();
  const counts = new Map<Forgotten['what'], { toldAt: number; untold: number }>();
  let warned = false;

  function warn(what: Forgotten['what']): void {
    if (warned) return;
    warned = true;
    process.emitWarning(`memoryLedger() is full and has forgotten ${WORDS[what]}.`, {
      code: 'CONNECT_AUTH_LEDGER_FULL',
      detail: NEXT_STEP,
    });
  }

  return Object.freeze({
    listen: (listener: (forgotten: Forgotten) => void) => void listeners.add(listener),
    note(what: Forgotten['what'], now: number): void {
      warn(what);
      const { toldAt, untold } = counts.get(what) ?? { toldAt: -Infinity, untold: 0 };
      const count = untold + 1;
      if (now - toldAt < TOLD_EVERY_MS) {
        counts.set(what, { toldAt, untold: count });
        return;
      }
      counts.set(what, { toldAt: now, untold: 0 });
      debug('ledger', 'forgot', what, count);
      for (const listener of listeners) tell(listener, { what, count });
    },
  });
}

function tell(listener: (forgotten: Forgotten) => void, forgotten: Forgotten): void {
  try {
    listener(forgotten);
  } catch {
    // The operation of the ledger must not fail because of a listener.
  }
}
