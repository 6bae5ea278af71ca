import type { Offers } from '../base/offers';
import { debug } from '../errors/debug';
import { isConnectError } from '../errors/connect-error';

/** A write that is repeated until it is done: its first try, and the whole. Neither rejects. */
export interface LastingWrite {
  readonly first: Promise<void>;
  readonly whole: Promise<void>;
}

/**
 * Starts a write: tried at once, then in the background until the store has taken it.
 * @param name - what it is for; a caller with the same name shares a running write
 */
export type StartWrite = (name: readonly unknown[], write: (isFirstTry: boolean) => Promise<void>) => LastingWrite;

/**
 * Makes a {@link StartWrite}.
 * @param onFailure - called when the first try has failed: nobody waits for the later ones
 */
export function lastingWrites(
  offers: Offers,
  onFailure: (error: unknown, name: readonly unknown[]) => void,
): StartWrite {
  const running = new Map<string, LastingWrite>();

  return function start(words, write) {
    const name = JSON.stringify(words);
    const same = running.get(name);
    if (same !== undefined) return same;
    const isDone = async (isFirstTry: boolean): Promise<boolean> => {
      try {
        await write(isFirstTry);
        return true;
      } catch (error) {
        if (isFirstTry) onFailure(error, words);
        debug('refresh', 'connection not recorded');
        // A record that cannot be read is not repeated: the next try would fail as well.
        return !isConnectError(error) || error.code !== 'ERR_CONNECT_STORE';
      }
    };
    const done = isDone(true);
    const whole = done.then(async (isOver) => {
      if (!isOver) await offers.keep(() => isDone(false));
      running.delete(name);
    });
    const lasting = { first: done.then(() => undefined), whole: offers.track(whole) };
    running.set(name, lasting);
    return lasting;
  };
}
