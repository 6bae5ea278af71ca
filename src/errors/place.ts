import { own } from '../base/own';

/** A frame of V8 on a line of its own. */
const FRAME = /^ +at .*?([^\s()]+:\d+:\d+)\)?$/mu;

/**
 * Where code of the app has failed: file, line and column, as its stack says. The message of the error, which the stack
 * begins with, may hold anything and is skipped.
 * @returns `unknown` for a stack that cannot be read
 */
export function placeOf(error: object): string {
  const [stack, message] = [own(error, 'stack'), own(error, 'message')];
  if (typeof stack !== 'string' || typeof message !== 'string') return 'unknown';
  const start = stack.indexOf(message);
  // Changed since the stack was written.
  if (start === -1) return 'unknown';
  return FRAME.exec(stack.slice(start + message.length))?.[1] ?? 'unknown';
}
