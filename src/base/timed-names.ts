import { boundedNumbers } from './bounded-numbers';

/** A limited number of names, each until a moment; of a name only a digest is kept. Times in milliseconds of one clock. */
export interface TimedNames {
  /** Whether a name is there, and its moment is later than `at`. */
  readonly has: (name: string, at: number) => boolean;
  /** Keeps a name until a moment, whatever was known of it. */
  readonly put: (name: string, until: number, now: number) => void;
}

/** @param onDropped - called when one is dropped before its moment, as the oldest, with the time of that */
export function timedNames(most: number, onDropped: (now: number) => void = () => undefined): TimedNames {
  const moments = boundedNumbers({ most, isOver, onDropped: (_until, now) => onDropped(now) });
  return Object.freeze({
    has(name: string, at: number): boolean {
      const until = moments.get(name);
      return until !== undefined && !isOver(until, at);
    },
    put: moments.put,
  });
}

function isOver(until: number, now: number): boolean {
  return until <= now;
}
