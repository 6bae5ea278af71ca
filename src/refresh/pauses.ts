import type { TokenSet } from '../token';
import type { Landed } from './landed';

/** Pauses that this process keeps by itself, without asking the ledger each time. Times in milliseconds. */
export interface Pauses {
  readonly find: (key: string, set: TokenSet) => Extract<Landed, { kind: 'backoff' }> | undefined;
  readonly keep: (key: string, set: TokenSet, pause: { readonly ms: number; readonly word: string }) => void;
  /** Leaves the provider alone for every connection: it refuses our own credentials. */
  readonly trip: () => void;
}

interface Pause {
  readonly generation: number;
  readonly untilMs: number;
  readonly word: string;
}

/** How long our own credentials are not tried again after the provider has refused them. */
export const BREAKER_MS = 30_000;
const MOST_KEPT = 10_000;

/** No pauses yet. */
export function refreshPauses(): Pauses {
  const pauses = new Map<string, Pause>();
  let breakerUntilMs = 0;

  return Object.freeze({
    find(key: string, { generation }: TokenSet): Extract<Landed, { kind: 'backoff' }> | undefined {
      const now = Date.now();
      if (breakerUntilMs > now) return { kind: 'backoff', ms: breakerUntilMs - now, word: 'configuration' };
      const pause = pauses.get(key);
      if (pause === undefined) return undefined;
      if (pause.untilMs > now && pause.generation === generation) {
        return { kind: 'backoff', ms: pause.untilMs - now, word: pause.word };
      }
      pauses.delete(key);
      return undefined;
    },
    keep(key: string, { generation }: TokenSet, { ms, word }: { readonly ms: number; readonly word: string }): void {
      const now = Date.now();
      if (pauses.size >= MOST_KEPT) for (const [old, { untilMs }] of pauses) if (untilMs <= now) pauses.delete(old);
      pauses.set(key, { generation, untilMs: now + ms, word });
    },
    trip(): void {
      breakerUntilMs = Date.now() + BREAKER_MS;
    },
  });
}
