import { boundedMap } from '../base/bounded-map';
import type { TokenSet } from '../session/connect-token';
import type { RefreshOutcome } from './outcome';

/** A pause in progress. */
export type Paused = Extract<RefreshOutcome, { kind: 'backoff' }>;

/** Pauses that this process keeps itself, without asking the ledger each time. Times in milliseconds. */
export interface Pauses {
  readonly find: (key: string, set: TokenSet) => Paused | undefined;
  readonly keep: (key: string, set: TokenSet, pause: { readonly ms: number; readonly word: string }) => void;
  /**
   * The provider has refused the app's credentials during a refresh of this connection.
   * @returns the pause that follows
   */
  readonly refusedUs: (key: string, set: TokenSet, word?: string) => Paused;
  /** The provider has refreshed a connection: the app's credentials are good. */
  readonly succeeded: () => void;
}

interface Pause {
  readonly generation: number;
  readonly fromMs: number;
  readonly expiresAt: number;
  readonly word: string;
}

/** How long the app's credentials are not tried again after the provider has refused them. */
const REFUSED_US_MS = 30_000;
/**
 * After refusals for this many different connections in a row, the app's credentials are at fault, and this process
 * asks for none. A provider may answer the same for one connection that its owner has revoked, and nobody else must
 * wait for that.
 */
const REFUSED_US_FOR = 3;
/** A pause that is dropped costs a question to the ledger, which knows every failure that it could record. */
const MOST_KEPT = 10_000;

/** No pauses yet. */
export function refreshPauses(): Pauses {
  const pauses = boundedMap<Pause>({ most: MOST_KEPT });
  /** Connections for which the credentials were refused since the last success; no more than matter are kept. */
  const refusedFor = new Set<string>();
  let breaker: Pause | undefined;

  function keep(
    key: string,
    { generation }: TokenSet,
    { ms, word }: { readonly ms: number; readonly word: string },
  ): void {
    const now = Date.now();
    pauses.put(key, { generation, fromMs: now, expiresAt: now + ms, word }, { now, keepMs: ms });
  }

  return Object.freeze({
    keep,
    find(key: string, { generation }: TokenSet): Paused | undefined {
      const now = Date.now();
      const pause = pauses.get(key, now);
      return running(breaker, now) ?? (pause?.generation === generation ? running(pause, now) : undefined);
    },
    refusedUs(key: string, set: TokenSet, word = 'configuration'): Paused {
      const pause = { ms: REFUSED_US_MS, word };
      keep(key, set, pause);
      if (refusedFor.size < REFUSED_US_FOR) refusedFor.add(key);
      if (refusedFor.size === REFUSED_US_FOR) {
        const now = Date.now();
        breaker = { generation: 0, fromMs: now, expiresAt: now + pause.ms, word: pause.word };
      }
      return { kind: 'backoff', ...pause, reference: undefined };
    },
    succeeded: () => refusedFor.clear(),
  });
}

/** If the clock was set back, the time waited is not known: then the pause is over. */
function running(pause: Pause | undefined, now: number): Paused | undefined {
  if (pause === undefined || now >= pause.expiresAt || now < pause.fromMs) return undefined;
  return { kind: 'backoff', ms: pause.expiresAt - now, word: pause.word, reference: undefined };
}
