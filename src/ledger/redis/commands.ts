import { inTime } from '../../base/in-time';
import { ConnectError } from '../../errors/connect-error';
import type { Script } from './script';

/** Talks to Redis within a time of ours, whatever the client's own settings are. */
export interface Commands {
  /** @returns the reply's items as text; a single value is a list of one */
  readonly run: (script: Script, key: string, args: readonly (string | number)[]) => Promise<readonly string[]>;
  /**
   * As `run`, of a script that replies 1 when it has done its work and 0 when it has not, and that must not be taken for
   * refused when it was done before: after a lost answer, 0 to the repetition rejects.
   */
  readonly decide: (script: Script, key: string, args: readonly string[]) => Promise<boolean>;
  /** HMGET. @returns undefined for a field that is not there */
  readonly read: (key: string, fields: readonly string[]) => Promise<readonly (string | undefined)[]>;
  /** SET NX with a time to live. @returns whether the key was free */
  readonly take: (key: string, ttlMs: number) => Promise<boolean>;
}

/** What one talks to Redis with. */
export interface CommandsConfig {
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  readonly commandTimeoutMs: number;
}

/** Who talks to Redis: what its errors are like. */
export interface Caller {
  /** Name of our function. */
  readonly name: string;
  /** The commands that it sends, for whoever grants them. */
  readonly sends: string;
  /**
   * @param fault - no answer in time, not carried out, or a reply that nobody has asked for
   * @param message - free of addresses, keys and values
   */
  readonly error: (fault: 'timeout' | 'failed' | 'answer', message: string) => ConnectError;
}

/** Every operation rejects with the caller's error, free of addresses, keys and values, when Redis does not do it. */
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
      // Most likely a Redis that has forgotten the script, as after a restart; servers and clients word that in their
      // own ways. EVAL brings it again, for the next calls too, and carrying a script out twice does no harm.
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
      // The client's own words may hold its address, its password and what we sent.
      throw error instanceof ConnectError ? error : notDone();
    }
  }

  function notDone(): ConnectError {
    return caller.error(
      'failed',
      'Redis is away or does not carry the command out: look at the error events of its client, and whether it ' +
        `may write (maxmemory, replica) and run ${caller.sends} and what the scripts call (docs/scaling.md) on keys ` +
        'under the prefix.',
    );
  }

  /** Clients may be set to give Buffers for text, and bigint or text for numbers. */
  function text(value: unknown): string {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
    throw unreadable(caller);
  }
}

/** What a script has replied. */
interface Evaluated {
  readonly reply: unknown;
  /** Whether it may have been carried out before, by a call whose answer was lost. */
  readonly mayBeTwice: boolean;
}

/** Whether the first call has failed for want of the script, so that nothing was carried out; false where nobody can say. */
function isForgotten(error: unknown): boolean {
  const words = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return typeof words === 'string' && /no_?script/iu.test(words);
}

/** Redis takes whole numbers only. */
function word(value: string | number): string {
  return typeof value === 'number' ? String(Math.ceil(value)) : value;
}

/** The error for a reply that is none of ours. */
export function unreadable({ name, error }: Caller): ConnectError {
  return error(
    'answer',
    `Redis answered with something else than ${name}() asks for: sendCommand must resolve with the reply as it is.`,
  );
}
