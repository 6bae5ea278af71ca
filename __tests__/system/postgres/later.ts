import type { Query } from './clients';

/** A server's clock that runs ahead, for whoever asks by {@link LaterClock.through}. */
export interface LaterClock {
  /** Every statement that asks for the server's clock is given a later one. */
  readonly through: (query: Query) => Query;
  readonly advance: (ms: number) => void;
}

/** It never goes back: rows are swept by it. */
export function laterClock(): LaterClock {
  let aheadMs = 0;
  return {
    through: (query) => (text, values) =>
      query(text.replaceAll('clock_timestamp()', `(clock_timestamp() + interval '${aheadMs} ms')`), values),
    advance: (ms) => void (aheadMs += ms),
  };
}
