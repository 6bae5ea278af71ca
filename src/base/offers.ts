import { setTimeout as sleep } from 'node:timers/promises';

/** Offers results again and again, in the background, to something that cannot be reached. */
export interface Offers {
  /**
   * Keeps offering.
   * @param offer - resolves with whether the result was taken; a rejection counts as no
   * @returns resolves once it was taken, or its time is over
   */
  readonly keep: (offer: () => Promise<boolean>) => Promise<void>;
  /** Counts a first try among what is pending. @returns the same promise's outcome */
  readonly track: <Done>(work: Promise<Done>) => Promise<Done>;
  /** What is being offered. */
  readonly pending: ReadonlySet<Promise<unknown>>;
  /** Limits all offers, later ones included, to this many milliseconds: the process is about to end. */
  readonly hurry: (mostMs: number) => void;
}

/** How long a result is offered. */
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
    // The time runs from the hurry or from the offer's own beginning, whichever is later.
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
