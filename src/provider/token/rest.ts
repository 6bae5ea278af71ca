import { ConnectError } from '../../errors/connect-error';

/** The time for which the provider has asked this app not to call its token endpoint. */
export interface Rest {
  /** @throws ConnectError `ERR_CONNECT_RATE_LIMITED` with reason `resting` and the time left, while it lasts */
  readonly check: (stage: 'callback' | 'exchange' | 'refresh') => void;
  /** Reads an error of the endpoint: only a 429 with `Retry-After` begins or extends a rest. */
  readonly heed: (error: ConnectError) => void;
}

/**
 * A rate limit applies to this app, not to one visitor: another request while it lasts would also get 429, and might
 * extend it. Kept for this process.
 */
export function endpointRest(): Rest {
  let beganMs = 0;
  let endsMs = 0;

  return Object.freeze<Rest>({
    check(stage) {
      const now = Date.now();
      // If the clock was set back, the time waited is not known.
      if (now >= endsMs || now < beganMs) return;
      throw new ConnectError('ERR_CONNECT_RATE_LIMITED', {
        stage,
        reason: 'resting',
        retryAfterSeconds: Math.ceil((endsMs - now) / 1000),
        message:
          'The provider has answered 429 with a Retry-After: until that time this process does not ask it again.',
      });
    },
    heed({ code, provider, retryAfterSeconds = 0 }) {
      if (code !== 'ERR_CONNECT_RATE_LIMITED' && provider?.status !== 429) return;
      const now = Date.now();
      if (now < beganMs || now + retryAfterSeconds * 1000 > endsMs) {
        beganMs = now;
        endsMs = now + retryAfterSeconds * 1000;
      }
    },
  });
}
