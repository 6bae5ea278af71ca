import { createHash } from 'node:crypto';

/** A Lua script, which Redis carries out as one step (redis.io, "Scripting with Lua": atomic execution). */
export interface Script {
  readonly source: string;
  /** What EVALSHA names it by. */
  readonly sha1: string;
}

/** Makes a script of its parts. */
export function script(...lines: readonly string[]): Script {
  const source = lines.join('\n');
  return Object.freeze({ source, sha1: createHash('sha1').update(source).digest('hex') });
}
