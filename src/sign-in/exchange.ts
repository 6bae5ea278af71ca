import { randomText } from '../base/random-text';
import { COME_AGAIN_SECONDS, ConnectError, isConnectError } from '../errors/connect-error';
import { emitExchange } from '../errors/emit';
import type { Config } from '../options/read';
import type { TokenEndpoint } from '../provider/token/token-endpoint';
import type { CodeGrant } from '../provider/token/token-request';
import { lifetimeSeconds } from '../refresh/due';
import { ofOwner, type Owner } from '../session/owners';
import type { ConnectToken, TokenSet } from '../session/connect-token';

/** What exchanging codes needs. */
export type ExchangeConfig = Pick<Config, 'onEvent'> & { readonly endpoint: TokenEndpoint };

/** Exchanges codes, a limited number at once: each keeps a connection to the provider open while it lasts. */
export interface CodeExchange {
  /**
   * Takes a place.
   * @returns a function that gives the place back; calling it again does no harm
   * @throws ConnectError `ERR_CONNECT_RATE_LIMITED` when the provider has asked for a pause, or with `reason`
   * `exchanges` when all places are taken
   */
  readonly begin: () => () => void;
  /** Exchanges a code for the first token set of a new connection. @throws ConnectError */
  readonly redeem: (grant: CodeGrant, owner: Owner | undefined) => Promise<TokenSet>;
}

/** Made-up codes are exchanged like any other, so without a limit many of them could use up connections and memory. */
export const MOST_EXCHANGES = 100;

/** @param most - how many at once */
export function codeExchange({ endpoint, onEvent }: ExchangeConfig, most = MOST_EXCHANGES): CodeExchange {
  let taken = 0;
  return Object.freeze({
    begin(): () => void {
      endpoint.checkRest();
      if (taken >= most) {
        throw new ConnectError('ERR_CONNECT_RATE_LIMITED', {
          stage: 'callback',
          reason: 'exchanges',
          retryAfterSeconds: COME_AGAIN_SECONDS,
          message: `This process is already exchanging ${most} codes. Nothing is spent: the visitor can load the page again.`,
        });
      }
      taken += 1;
      let isHeld = true;
      return function giveBack(): void {
        if (isHeld) taken -= 1;
        isHeld = false;
      };
    },
    async redeem(grant: CodeGrant, owner: Owner | undefined): Promise<TokenSet> {
      const startedMs = performance.now();
      let status: number | undefined;
      const onAnswer = (httpStatus: number): void => void (status = httpStatus);
      try {
        const token = await endpoint.exchange(grant, { onAnswer });
        emitExchange(onEvent, { startedMs, status, error: undefined }, owner?.name);
        return ofOwner(newConnection(token), owner);
      } catch (error) {
        if (isConnectError(error)) emitExchange(onEvent, { startedMs, status, error }, owner?.name);
        throw error;
      }
    },
  });
}

/** Dated now: the time that `onConnect` takes must not count against the token's lifetime. */
function newConnection(token: ConnectToken): TokenSet {
  const connectionId = randomText(16);
  const lifetime = lifetimeSeconds(token, Date.now());
  return { token, connectionId, generation: 0, lifetimeSeconds: lifetime, owner: undefined, ownerTag: undefined };
}
