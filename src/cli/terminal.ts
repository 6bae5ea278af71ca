import { styleText } from 'node:util';
import type { Env } from './command';

/** A stream as far as its looks are concerned. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Sets a text in a colour or weight, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** What the commands write with. */
export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

/** Wider lines are hard to read. */
const MOST_COLUMNS = 100;

/** Colours on a terminal only; `FORCE_COLOR` and `NO_COLOR` are heeded as Node does, the former first. */
export function painter(screen: Screen, env: Env): Paint {
  const { FORCE_COLOR: forced = '', NO_COLOR: refused = '', TERM: terminal } = env;
  const wanted =
    forced !== '' ? !/^(?:0|false)$/u.test(forced) : refused === '' && screen.isTTY === true && terminal !== 'dumb';
  return (style, text) => (wanted ? styleText(style, text, { validateStream: false }) : text);
}

/** Columns that a text may fill: those of the terminal, 80 elsewhere. */
export function widthOf({ columns }: Screen): number {
  return Math.min(Math.max(columns ?? 80, 40), MOST_COLUMNS);
}

/** Breaks a text at spaces into lines of at most `width`; a longer word stands alone on its line, whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

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
