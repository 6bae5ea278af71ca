import { setImmediate as oneTurn } from 'node:timers/promises';
import { within } from '../../base/within';
import { ConnectError } from '../../errors/connect-error';
import { ledgerError } from '../ledger-error';
import type { Script } from './scripts';

/** Talks to Redis within a time of ours, whatever the client's own settings are. */
export interface Commands {
  /** @returns the reply's items as text; a single value is a list of one */
  readonly run: (script: Script, key: string, args: readonly (string | number)[]) => Promise<readonly string[]>;
  /** SET NX with a time to live. @returns whether the key was free */
  readonly take: (key: string, ttlMs: number) => Promise<boolean>;
}

/** What one talks to Redis with. */
export interface CommandsConfig {
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  readonly commandTimeoutMs: number;
}

/** Every operation rejects with `ERR_CONNECT_LEDGER`, free of addresses, keys and values, when Redis does not do it. */
export function redisCommands({ sendCommand, commandTimeoutMs }: CommandsConfig): Commands {
  return {
    run: (script, key, args) =>
      bounded(async (isOver) => {
        const rest = ['1', key, ...args.map(word)];
        let reply: unknown;
        try {
          reply = await sendCommand('EVALSHA', script.sha1, ...rest);
        } catch (error) {
          // Most likely a Redis that has forgotten the script, as after a restart; servers and clients word that in their
          // own ways. EVAL brings it again, for the next calls too, and carrying a script out twice does no harm.
          if (isOver()) throw error;
          reply = await sendCommand('EVAL', script.source, ...rest);
        }
        return texts(reply);
      }),
    take: (key, ttlMs) =>
      bounded(async () => {
        const reply = await sendCommand('SET', key, '1', 'NX', 'PX', word(Math.max(1, ttlMs)));
        if (reply === null) return false;
        if (text(reply) !== 'OK') throw unreadable();
        return true;
      }),
  };

  async function bounded<Reply>(operation: (isOver: () => boolean) => Promise<Reply>): Promise<Reply> {
    let isOver = false;
    try {
      return await within(
        commandTimeoutMs,
        operation(() => isOver),
        async () => {
          // After a stall of this process the answer lies in the socket already, and timers come first.
          await oneTurn();
          throw ledgerError('timeout', `Redis did not answer within ${commandTimeoutMs} ms.`);
        },
      );
    } catch (error) {
      // The client's own words may hold its address, its password and what we sent.
      throw error instanceof ConnectError ? error : ledgerError('refused', NOT_DONE);
    } finally {
      isOver = true;
    }
  }
}

const NOT_DONE =
  'Redis is away or does not carry the command out: look at the error events of its client, and whether it ' +
  'may write (maxmemory, replica) and run EVALSHA, EVAL, SET and what the scripts call (docs/scaling.md) on keys under the prefix.';

/** Redis takes whole numbers only. */
function word(value: string | number): string {
  return typeof value === 'number' ? String(Math.ceil(value)) : value;
}

/** Clients may be set to give Buffers for text, and bigint or text for numbers. */
function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  throw unreadable();
}

function texts(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(text) : [text(reply)];
}

/** The error for a reply that is none of ours. */
export function unreadable(): ConnectError {
  return ledgerError(
    'answer',
    'Redis answered with something else than redisLedger() asks for: sendCommand must resolve with the reply as it is.',
  );
}
