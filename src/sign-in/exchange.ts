import { COME_AGAIN_SECONDS, ConnectError } from '../errors/connect-error';

/** Code exchanges of one instance in this process: each keeps a connection to the provider open while it lasts. */
export interface ExchangeLimit {
  /**
   * Takes one of the places. @returns gives the place back; once is enough, more does no harm
   * @throws ConnectError `ERR_CONNECT_RATE_LIMITED` with `reason` `exchanges` when all are taken
   */
  readonly take: () => () => void;
}

/** Made-up codes are exchanged like any other, so that many of them at once could take all connections and memory. */
export const MOST_EXCHANGES = 100;

/** @param most - how many at once */
export function exchangeLimit(most = MOST_EXCHANGES): ExchangeLimit {
  let taken = 0;
  return Object.freeze({
    take(): () => void {
      if (taken >= most) {
        throw new ConnectError('ERR_CONNECT_RATE_LIMITED', {
          stage: 'callback',
          reason: 'exchanges',
          retryAfterSeconds: COME_AGAIN_SECONDS,
          message: `This process is exchanging ${most} codes already. Nothing is spent: the visitor may load the page again.`,
        });
      }
      taken += 1;
      let isHeld = true;
      return function giveBack(): void {
        if (isHeld) taken -= 1;
        isHeld = false;
      };
    },
  });
}
