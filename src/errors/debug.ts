import { debuglog } from 'node:util';

const log = debuglog('connect-auth');

/** Whether anybody reads these lines. */
export function isDebugging(): boolean {
  return log.enabled;
}

/**
 * One line of diagnosis under `NODE_DEBUG=connect-auth`: ids, stages and codes, never a value from a visitor or the provider.
 * @param stage - a word of this package, for example `exchange`
 * @param facts - words and numbers of this package
 */
export function debug(stage: string, ...facts: readonly (string | number)[]): void {
  log('%s', [stage, ...facts].join(' '));
}
