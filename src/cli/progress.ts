import type { Env } from './env-file';

/** Says what is being waited for. */
export interface Progress {
  /** Replaces what was said before. */
  readonly say: (text: string) => void;
  /** Leaves nothing behind. */
  readonly clear: () => void;
}

/** A terminal, or what stands in for one. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const ERASE_LINE = '\r\u001b[2K';

/** One line that is written over and over, on a terminal only. */
export function progressOn(stream: ProgressStream, env: Env): Progress {
  const shown = stream.isTTY === true && env.TERM !== 'dumb';
  return {
    say(text) {
      if (shown) stream.write(`${ERASE_LINE}${text} …`);
    },
    clear() {
      if (shown) stream.write(ERASE_LINE);
    },
  };
}
