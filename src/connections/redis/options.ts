import { readTable } from '../../checks/table';
import { REDIS_TABLE, type RedisLedgerConfig } from '../../ledger/redis/options';
import type { EncryptionKey } from '../../session/seal';

/** What an app passes to `redisConnections()`. */
export interface RedisConnectionsOptions {
  /**
   * Sends one command and gives its reply, of RESP2 or RESP3, text as string or Buffer: the same function as for
   * `redisLedger()`.
   * node-redis: `(...args) => client.sendCommand(args)`; ioredis: `(command, ...args) => client.call(command, ...args)`.
   */
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  /**
   * 1–10 keys: the first one seals records, any of them opens them. To rotate, deploy twice: add the new key at the end in
   * every process, then move it to the front. Keep the old one for as long as records sealed with it live.
   */
  readonly encryptionKeys: readonly EncryptionKey[];
  /**
   * Prefix of every Redis key: 1–64 letters, digits and `:._-{}`; it may be the same as the ledger's.
   * @defaultValue `'connect-auth:'`
   */
  readonly prefix?: string | undefined;
  /** Milliseconds that one operation may take, 50–5000. @defaultValue `500` */
  readonly commandTimeoutMs?: number | undefined;
}

/**
 * Copies and checks the options, which are the same as the ledger's.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, but no value
 */
export function redisConnectionsConfig(options: RedisConnectionsOptions): RedisLedgerConfig {
  return readTable('redisConnections', REDIS_TABLE, options);
}
