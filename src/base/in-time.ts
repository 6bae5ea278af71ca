import { setImmediate as oneTurn } from 'node:timers/promises';
import { within } from './within';

/**
 * Gives an operation `ms`, whatever the settings of the client are that it uses.
 * @param operation - asks `isOver` before each further step: what has run out of time must not go on
 * @param tooLate - throws what counts then
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
        // After a stall of this process the answer lies in the socket already, and timers come first.
        await oneTurn();
        return tooLate();
      },
    );
  } finally {
    isOver = true;
  }
}
