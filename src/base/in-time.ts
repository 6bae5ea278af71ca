import { setImmediate as oneTurn } from 'node:timers/promises';
import { within } from './within';

/**
 * Limits an operation to `ms`, whatever the settings of the client that it uses.
 * @param operation - asks `isOver` before each further step: once its time is over it must not go on
 * @param tooLate - throws the error of an operation that ran out of time
 */
export async function inTime<Done>(
  ms: number,
  operation: (isOver: () => boolean) => Promise<Done>,
  tooLate: () => never,
): Promise<Done> {
  let isOver = false;
  try {
    return await within(
      ms,
      operation(() => isOver),
      async () => {
        // After a stall of this process the answer may be in the socket already, and timers run first.
        await oneTurn();
        return tooLate();
      },
    );
  } finally {
    isOver = true;
  }
}
