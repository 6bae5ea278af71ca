import { httpDateMs } from './http-date';

/** A `Date` header has whole seconds and takes time to arrive: a smaller difference means nothing. */
const LEAST_SKEW_MS = 2000;
/** A clock that is further off is not believed. */
const GREATEST_SKEW_MS = 86_400_000;

/** When the request was sent and its answer was read, by the local clock; milliseconds since 1970. */
export interface CallTimes {
  readonly sentMs: number;
  readonly nowMs: number;
}

/**
 * How far the provider's clock is ahead of the local one, in milliseconds, negative if it is behind, by the `Date`
 * header of an answer (RFC 9110 §6.6.1). 0 if the header is not an HTTP date, if it lies between sending and reading or
 * less than 2 s outside (a slow answer), or if it is more than a day away.
 */
export function clockSkewMs(header: unknown, { sentMs, nowMs }: CallTimes): number {
  const theirMs = typeof header === 'string' ? httpDateMs(header.trim()) : Number.NaN;
  const skewMs = theirMs - nowMs;
  const apart = theirMs >= nowMs + LEAST_SKEW_MS || theirMs <= sentMs - LEAST_SKEW_MS;
  return apart && Math.abs(skewMs) <= GREATEST_SKEW_MS ? skewMs : 0;
}
