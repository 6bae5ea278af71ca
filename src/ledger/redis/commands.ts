import { inTime } from '../../base/in-time';
import { ConnectError } from '../../errors/connect-error';
import type { Script } from './script';

/** Talks to Redis within a time limit, whatever the client's own settings are. */
export interface Commands {
  /** @returns the reply's items as text; a single value is a list of one */
  readonly run: (script: Script, key: string, args: readonly (string | number)[]) => Promise<readonly string[]>;
  /**
   * As `run`, for a script that replies 1 if it has done its work and 0 if it has not. After a lost answer, a 0 to the
   * repetition rejects: the first call may have done the work.
   */
  readonly decide: (script: Script, key: string, args: readonly string[]) => Promise<boolean>;
  /** HMGET. @returns undefined for a missing field */
  readonly read: (key: string, fields: readonly string[]) => Promise<readonly (string | undefined)[]>;
  /** SET NX with a time to live. @returns whether the key was free */
  readonly take: (key: string, ttlMs: number) => Promise<boolean>;
}

/** What is needed to talk to Redis. */
export interface CommandsConfig {
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  readonly commandTimeoutMs: number;
}

/** Who talks to Redis, and how it makes its errors. */
export interface Caller {
  /** Name of the package's function. */
  readonly name: string;
  /** The commands that it sends, for whoever grants the rights. */
  readonly sends: string;
  /**
   * @param fault - no answer in time, not carried out, or a reply that does not fit the command
   * @param message - free of addresses, keys and values
   */
  readonly error: (fault: 'timeout' | 'failed' | 'answer', message: string) => ConnectError;
}

/**
 * Every operation rejects with the caller's error, free of addresses, keys and values, if Redis does not carry it out.
 */
export function redisCommands({ sendCommand, commandTimeoutMs }: CommandsConfig, caller: Caller): Commands {
  return {
    run: (script, key, args) =>
      bounded(async (isOver) => {
        const { reply } = await evaluated(script, [key, ...args.map(word)], isOver);
        return Array.isArray(reply) ? reply.map(text) : [text(reply)];
      }),
    decide: (script, key, args) =>
      bounded(async (isOver) => {
        const { reply, mayBeTwice } = await evaluated(script, [key, ...args], isOver);
        const items: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
        const [answer] = items.map(text);
        if (items.length !== 1 || (answer !== '0' && answer !== '1')) throw unreadable(caller);
        if (answer === '0' && mayBeTwice) throw notDone();
        return answer === '1';
      }),
    read: (key, fields) =>
      bounded(async () => {
        const reply = await sendCommand('HMGET', key, ...fields);
        if (!Array.isArray(reply) || reply.length !== fields.length) throw unreadable(caller);
        return reply.map((value: unknown) => (value === null ? undefined : text(value)));
      }),
    take: (key, ttlMs) =>
      bounded(async () => {
        const reply = await sendCommand('SET', key, '1', 'NX', 'PX', word(Math.max(1, ttlMs)));
        if (reply === null) return false;
        if (text(reply) !== 'OK') throw unreadable(caller);
        return true;
      }),
  };

  async function evaluated(script: Script, keyAndArgs: readonly string[], isOver: () => boolean): Promise<Evaluated> {
    try {
      return { reply: await sendCommand('EVALSHA', script.sha1, '1', ...keyAndArgs), mayBeTwice: false };
    } catch (error) {
      // Most likely Redis has forgotten the script, as after a restart; servers and clients word that differently. EVAL
      // loads it again, also for the next calls, and running a script twice does no harm.
      if (isOver()) throw error;
      return { reply: await sendCommand('EVAL', script.source, '1', ...keyAndArgs), mayBeTwice: !isForgotten(error) };
    }
  }

  async function bounded<Reply>(operation: (isOver: () => boolean) => Promise<Reply>): Promise<Reply> {
    try {
      return await inTime(commandTimeoutMs, operation, () => {
        throw caller.error('timeout', `Redis did not answer within ${commandTimeoutMs} ms.`);
      });
    } catch (error) {
      // The client's own error may hold its address, its password and what was sent.
      throw error instanceof ConnectError ? error : notDone();
    }
  }

  function notDone(): ConnectError {
    return caller.error(
      'failed',
      'Redis cannot be reached or did not carry the command out: check the error events of its client, and whether it ' +
        `may write (maxmemory, replica) and run ${caller.sends} and what the scripts call (docs/scaling.md) on keys ` +
        'under the prefix.',
    );
  }

  /** Clients may be configured to give Buffers for text, and bigint or text for numbers. */
  function text(value: unknown): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
    throw unreadable(caller);
  }
}

/** The reply of a script. */
interface Evaluated {
  readonly reply: unknown;
  /** Whether it may have been carried out before, by a call whose answer was lost. */
  readonly mayBeTwice: boolean;
}

/** Whether the first call failed because the script was missing, so that nothing was carried out; false if unknown. */
function isForgotten(error: unknown): boolean {
  const words = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return typeof words === 'string' && /no_?script/iu.test(words);
}

/** Redis takes whole numbers only. */
function word(value: string | number): string {
  return typeof value === 'number' ? String(Math.ceil(value)) : value;
}

/** The error for a reply that does not fit the command. */
export function unreadable({ name, error }: Caller): ConnectError {
  return error(
    'answer',
    `The reply of Redis does not fit the command of ${name}(): sendCommand must resolve with the unchanged reply.`,
  );
}
