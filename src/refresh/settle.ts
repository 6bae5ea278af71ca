import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenSet } from '../session/connect-token';
import type { Ask } from './ask';
import { fromBox, toBox } from '../ledger/box';
import type { RefreshOutcome } from './outcome';
import type { RefreshLedger, Settled } from '../ledger/ledger';

/** Hands successes to the ledger, and keeps those that it did not take. */
export interface Settler {
  /** Records the successor of a refresh. First of all, whatever happens to the session: other processes must find it. */
  readonly settle: (
    key: string,
    next: TokenSet,
    claim: { fence: number; retentionMs: number },
  ) => Promise<RefreshOutcome>;
  /** A success that the ledger does not know yet. */
  readonly find: (key: string) => TokenSet | undefined;
  /** The work of offering such successes again. */
  readonly pending: ReadonlySet<Promise<void>>;
  /** Gives such successes, also later ones, this many milliseconds at most: the process is about to end. */
  readonly hurry: (mostMs: number) => void;
}

/** How long a success that the ledger did not take is offered to it again. */
const OFFER_FOR_MS = 600_000;
const FIRST_OFFER_MS = 100;
const LONGEST_OFFER_MS = 2000;

/** Makes a {@link Settler} of a ledger. */
export function settler(ledger: RefreshLedger, ask: Ask): Settler {
  const unsettled = new Map<string, TokenSet>();
  const pending = new Set<Promise<void>>();
  let hurriedAtMs = 0;
  let offerForMs = OFFER_FOR_MS;

  /** Serves this process from memory until the ledger has taken the success. */
  function keepOffering(key: string, next: TokenSet, offer: () => Promise<Settled | undefined>): void {
    unsettled.set(key, next);
    const startedMs = Date.now();
    // From the hurry on, or for a success that comes after that, from its own beginning on.
    const lastMs = (): number => Math.max(startedMs, hurriedAtMs) + offerForMs;
    const work = (async () => {
      for (let pauseMs = FIRST_OFFER_MS; Date.now() < lastMs(); pauseMs = Math.min(pauseMs * 2, LONGEST_OFFER_MS)) {
        await sleep(pauseMs);
        if ((await offer()) !== undefined) break;
      }
      if (unsettled.get(key) === next) unsettled.delete(key);
    })();
    pending.add(work);
    void work.finally(() => pending.delete(work));
  }

  return Object.freeze({
    pending,
    hurry(mostMs: number): void {
      hurriedAtMs = Date.now();
      offerForMs = mostMs;
    },
    find: (key: string): TokenSet | undefined => unsettled.get(key),
    async settle(
      key: string,
      next: TokenSet,
      { fence, retentionMs }: { fence: number; retentionMs: number },
    ): Promise<RefreshOutcome> {
      const offer = (): Promise<Settled | undefined> =>
        ask('settle', next, () =>
          ledger.settle(key, {
            generation: next.generation - 1,
            fence,
            box: toBox(next),
            retentionMs,
          }),
        );
      const settled = await offer();
      if (settled === undefined) keepOffering(key, next, offer);
      if (settled?.kind === 'revoked') return settled;
      if (settled?.kind !== 'superseded') return { kind: 'token', set: next, ageMs: 0, won: true };
      const other = fromBox(settled.box, next.connectionId, settled.generation);
      return other === undefined ? { kind: 'away' } : { kind: 'token', set: other, ageMs: 0, won: true };
    },
  });
}
