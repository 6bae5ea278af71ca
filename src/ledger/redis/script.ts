import { createHash } from 'node:crypto';

/** A Lua script, which Redis carries out as one step (redis.io, "Scripting with Lua": atomic execution). */
export interface Script {
  readonly source: string;
  /** The name by which EVALSHA runs it. */
  readonly sha1: string;
}

/** Makes a script from its parts. */
export function script(...lines: readonly string[]): Script {
  const source = lines.join('\n');
  return Object.freeze({ source, sha1: createHash('sha1').update(source).digest('hex') });
}
