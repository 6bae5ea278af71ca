import { setTimeout as sleep } from 'node:timers/promises';

/** Offers results again and again to something that is away, in the background. */
export interface Offers {
  /**
   * Keeps offering.
   * @param offer - resolves with whether it was taken; one that rejects was not
   * @returns resolves once it was taken, or its time is over
   */
  readonly keep: (offer: () => Promise<boolean>) => Promise<void>;
  /** Counts a first try of it among what is pending. @returns the same */
  readonly track: <Done>(work: Promise<Done>) => Promise<Done>;
  /** What is being offered. */
  readonly pending: ReadonlySet<Promise<unknown>>;
  /** Gives all of it, also what comes later, this many milliseconds at most: the process is about to end. */
  readonly hurry: (mostMs: number) => void;
}

/** For how long a result is offered. */
const OFFER_FOR_MS = 600_000;
const FIRST_OFFER_MS = 100;
const LONGEST_OFFER_MS = 2000;

/** Nothing is being offered yet. */
export function offers(): Offers {
  const pending = new Set<Promise<unknown>>();
  let hurriedAtMs = 0;
  let offerForMs = OFFER_FOR_MS;

  async function keepOn(offer: () => Promise<boolean>): Promise<void> {
    const startedMs = Date.now();
    // From the hurry on, or for a result that comes after that, from its own beginning on.
    const lastMs = (): number => Math.max(startedMs, hurriedAtMs) + offerForMs;
    for (let pauseMs = FIRST_OFFER_MS; Date.now() < lastMs(); pauseMs = Math.min(pauseMs * 2, LONGEST_OFFER_MS)) {
      await sleep(pauseMs);
      if (await offer().catch(() => false)) return;
    }
  }

  function track<Done>(work: Promise<Done>): Promise<Done> {
    pending.add(work);
    return work.finally(() => pending.delete(work));
  }

  return Object.freeze({
    pending,
    hurry(mostMs: number): void {
      hurriedAtMs = Date.now();
      offerForMs = mostMs;
    },
    keep: (offer: () => Promise<boolean>) => track(keepOn(offer)),
    track,
  });
}
