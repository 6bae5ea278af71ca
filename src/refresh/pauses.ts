import type { TokenSet } from '../token';
import { dropExpired, dropOldest } from './bounded-records';
import type { Landed } from './landed';

/** A pause in progress. */
export type Paused = Extract<Landed, { kind: 'backoff' }>;

/** Pauses that this process keeps by itself, without asking the ledger each time. Times in milliseconds. */
export interface Pauses {
  readonly find: (key: string, set: TokenSet) => Paused | undefined;
  readonly keep: (key: string, set: TokenSet, pause: { readonly ms: number; readonly word: string }) => void;
  /** The provider has refused our own credentials, for this connection at least. @returns the pause that follows */
  readonly refused: (key: string, set: TokenSet) => Paused;
  /** The provider has refreshed this connection: our credentials are good. */
  readonly succeeded: (key: string) => void;
}

interface Pause {
  readonly generation: number;
  readonly fromMs: number;
  readonly expiresAt: number;
  readonly word: string;
}

/** How long our own credentials are not tried again after the provider has refused them. */
const BREAKER_MS = 30_000;
/** A connection that is refused again waits longer: the next try is another's, and shows whether only this one is refused. */
const REFUSED_AGAIN_MS = 2 * BREAKER_MS;
const MOST_KEPT = 10_000;

/** No pauses yet. */
export function refreshPauses(): Pauses {
  const pauses = new Map<string, Pause>();
  const refusals = new Map<string, number>();
  let breaker: Pause | undefined;
  let successes = 0;

  function keep(
    key: string,
    { generation }: TokenSet,
    { ms, word }: { readonly ms: number; readonly word: string },
  ): void {
    const now = Date.now();
    pauses.delete(key);
    dropExpired(pauses, now);
    if (pauses.size >= MOST_KEPT) dropOldest(pauses);
    pauses.set(key, { generation, fromMs: now, expiresAt: now + ms, word });
  }

  return Object.freeze({
    keep,
    find(key: string, { generation }: TokenSet): Paused | undefined {
      const now = Date.now();
      const pause = pauses.get(key);
      return running(breaker, now) ?? (pause?.generation === generation ? running(pause, now) : undefined);
    },
    refused(key: string, set: TokenSet): Paused {
      const now = Date.now();
      const word = 'configuration';
      const before = refusals.get(key);
      // Others were refreshed since this one was refused before: it is this connection, not our credentials.
      const othersWork = before !== undefined && before < successes;
      refusals.delete(key);
      if (refusals.size >= MOST_KEPT) dropOldest(refusals);
      refusals.set(key, successes);
      keep(key, set, { ms: before === undefined ? BREAKER_MS : REFUSED_AGAIN_MS, word });
      if (!othersWork) breaker = { generation: 0, fromMs: now, expiresAt: now + BREAKER_MS, word };
      return { kind: 'backoff', ms: BREAKER_MS, word };
    },
    succeeded(key: string): void {
      refusals.delete(key);
      successes += 1;
    },
  });
}

/** A clock that was set back has not been waiting: then the pause is over. */
function running(pause: Pause | undefined, now: number): Paused | undefined {
  if (pause === undefined || now >= pause.expiresAt || now < pause.fromMs) return undefined;
  return { kind: 'backoff', ms: pause.expiresAt - now, word: pause.word };
}
