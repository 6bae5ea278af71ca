import type { Offers } from '../base/offers';
import type { TokenSet } from '../session/connect-token';
import type { Ask } from './ask';
import { fromBox, toBox } from '../ledger/box';
import type { RefreshOutcome } from './outcome';
import type { RefreshLedger, Settled } from '../ledger/ledger';

/** Hands successes to the ledger, and keeps those that it did not take. */
export interface Settler {
  /** Records the new token set of a refresh, before anything happens to the session: other processes must find it. */
  readonly settle: (
    key: string,
    next: TokenSet,
    claim: { fence: number; retentionMs: number },
  ) => Promise<RefreshOutcome>;
  /** A success that the ledger does not know yet. */
  readonly find: (key: string) => TokenSet | undefined;
}

/** Makes a {@link Settler} of a ledger. */
export function settler(ledger: RefreshLedger, ask: Ask, offers: Offers): Settler {
  const unsettled = new Map<string, TokenSet>();

  /** Serves this process from memory until the ledger has taken the success. */
  function keepOffering(key: string, next: TokenSet, offer: () => Promise<Settled | undefined>): void {
    unsettled.set(key, next);
    void offers
      .keep(async () => (await offer()) !== undefined)
      .then(() => {
        if (unsettled.get(key) === next) unsettled.delete(key);
      });
  }

  return Object.freeze({
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
      const other = fromBox(settled.box, next, settled.generation);
      return other === undefined ? { kind: 'away' } : { kind: 'token', set: other, ageMs: 0, won: true };
    },
  });
}
