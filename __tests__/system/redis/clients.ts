import { Redis } from 'ioredis';
import { createClient, RESP_TYPES } from 'redis';
import { cleanup } from '../../support/cleanup';
import type { RedisServer } from '../../support/redis-server';

export type SendCommand = (...args: string[]) => Promise<unknown>;

export interface Client {
  readonly sendCommand: SendCommand;
}

/**
 * A client as an app would make it; it ends with the test or the file that makes it.
 * @param url - of a Redis or of a proxy in front of it
 */
export const CLIENTS = {
  'node-redis, RESP2': (url: string) => nodeRedis(url, 2),
  'node-redis, RESP3': (url: string) => nodeRedis(url, 3),
  'node-redis that gives Buffers': (url: string) => nodeRedis(url, 2, true),
  ioredis: async (url: string): Promise<Client> => {
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 50, disconnectTimeout: 50 });
    client.on('error', () => undefined);
    cleanup(() => client.disconnect());
    await client.connect();
    return { sendCommand: (command = '', ...args) => client.call(command, ...args) };
  },
} as const;

async function nodeRedis(url: string, RESP: 2 | 3, buffers = false): Promise<Client> {
  const client = createClient({ url, RESP, socket: { reconnectStrategy: 50 } });
  client.on('error', () => undefined);
  cleanup(() => client.destroy());
  await client.connect();
  return {
    sendCommand: buffers
      ? (...args) =>
          client.sendCommand(args, {
            typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.SIMPLE_STRING]: Buffer },
          })
      : (...args) => client.sendCommand(args),
  };
}

/** Lets time pass for all that the ledger has stored: every time of it moves into the past. */
export async function advance(redis: RedisServer, ms: number): Promise<void> {
  await redis.command(
    'EVAL',
    `
    for _, k in ipairs(redis.call('KEYS', '*')) do
      for _, field in ipairs({'dl', 'at', 'rat'}) do
        if redis.call('TYPE', k).ok == 'hash' and redis.call('HEXISTS', k, field) == 1 then
          redis.call('HINCRBY', k, field, -ARGV[1])
        end
      end
      local left = redis.call('PTTL', k) - ARGV[1]
      if left > 0 then redis.call('PEXPIRE', k, left) else redis.call('DEL', k) end
    end`,
    0,
    ms,
  );
}
