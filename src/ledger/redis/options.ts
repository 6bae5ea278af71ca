import { only, readTable, type Read, type Row } from '../../checks/table';
import { isWholeNumber } from '../../checks/values';
import { KEY_RING_HINT, readKeyRing, type EncryptionKey } from '../../session/seal';

/** What an app passes to `redisLedger()`. */
export interface RedisLedgerOptions {
  /**
   * Sends one command and gives its reply, of RESP2 or RESP3, text as string or Buffer.
   * node-redis: `(...args) => client.sendCommand(args)`; ioredis: `(command, ...args) => client.call(command, ...args)`.
   */
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  /**
   * 1–10 keys: the first one seals token sets, any of them opens them. To rotate, deploy twice: add the new key at the
   * end in every process, then move it to the front. Keep the old one for as long as records sealed with it live.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** Prefix of every Redis key: 1–64 letters, digits and `:._-{}`. @defaultValue `'connect-auth:'` */
  readonly prefix?: string | undefined;
  /** Milliseconds that one operation may take, 50–5000. @defaultValue `500` */
  readonly commandTimeoutMs?: number | undefined;
}

/** The options of everything that keeps data in Redis. */
export const REDIS_TABLE = {
  sendCommand: {
    read: only((value): value is RedisLedgerOptions['sendCommand'] => typeof value === 'function'),
    expected: 'a function that sends one command to Redis and gives its reply',
    isRequired: true,
  },
  encryptionKeys: { read: readKeyRing, expected: KEY_RING_HINT, isRequired: true },
  prefix: {
    read: only((value): value is string => typeof value === 'string' && /^[\w:.{}-]{1,64}$/u.test(value)),
    expected: '1–64 letters, digits and :._-{}',
    default: 'connect-auth:',
  },
  commandTimeoutMs: {
    read: only((value): value is number => isWholeNumber(value, 50, 5000)),
    expected: 'whole milliseconds, 50–5000',
    default: 500,
  },
} as const satisfies Readonly<Record<keyof RedisLedgerOptions, Row>>;

/** Checked options, with every default filled in. */
export type RedisLedgerConfig = Read<typeof REDIS_TABLE>;

/**
 * Copies and checks the options.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, but no value
 */
export function redisLedgerConfig(options: RedisLedgerOptions): RedisLedgerConfig {
  return readTable('redisLedger', REDIS_TABLE, options);
}
