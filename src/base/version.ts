import { randomText } from './random-text';

const VERSION_BYTES = 16;

/**
 * The version of a record that is being saved: random, because a counter would start again after a record is removed.
 */
export function newVersion(): string {
  return randomText(VERSION_BYTES);
}
