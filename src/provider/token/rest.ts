import { ConnectError } from '../../errors/connect-error';

/** The time for which the provider has asked us to leave its token endpoint alone. */
export interface Rest {
  /** @throws ConnectError `ERR_CONNECT_RATE_LIMITED` with reason `resting` and what is left, while it lasts */
  readonly check: (stage: 'callback' | 'exchange' | 'refresh') => void;
  /** Reads an error of the endpoint: only 429 with `Retry-After` begins a rest, or makes it longer. */
  readonly heed: (error: ConnectError) => void;
}

/**
 * A limit of the provider's applies to this app, not to one visitor: a request while it lasts would be answered 429 as
 * well, and might make it longer. Valid for this process.
 */
export function endpointRest(): Rest {
  let beganMs = 0;
  let endsMs = 0;

  return Object.freeze<Rest>({
    check(stage) {
      const now = Date.now();
      // A clock that was set back has not been waiting.
      if (now >= endsMs || now < beganMs) return;
      throw new ConnectError('ERR_CONNECT_RATE_LIMITED', {
        stage,
        reason: 'resting',
        retryAfterSeconds: Math.ceil((endsMs - now) / 1000),
        message:
          'The provider has answered 429 and named a time (Retry-After): until then this process does not ask it again.',
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
