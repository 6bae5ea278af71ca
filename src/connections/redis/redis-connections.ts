import { storeError } from '../../errors/store-error';
import { redisCommands, unreadable, type Caller } from '../../ledger/redis/commands';
import type { ConnectionStore } from '../connection-store';
import { sealedStore } from '../sealed-store';
import { newVersion } from '../../base/version';
import { redisConnectionsConfig, type RedisConnectionsOptions } from './options';
import { REMOVE, SAVE } from './scripts';

const CONNECTIONS: Caller = {
  name: 'redisConnections',
  sends: 'EVALSHA, EVAL, HMGET',
  error: (reason, message) => storeError('refresh', reason, message),
};

/**
 * Keeps the connections of users in Redis (5.0 or newer, Cluster and Valkey too), for all processes that share it: one
 * hash per user, one round trip per operation, nothing expires. Each operation rejects with `ERR_CONNECT_STORE` within
 * `commandTimeoutMs` if Redis does not carry it out, or if the answer was lost and the result is not known. Redis must
 * neither evict these keys nor lose them at a restart: use `maxmemory-policy noeviction`, and `appendonly yes`.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 */
export function redisConnections(options: RedisConnectionsOptions): ConnectionStore {
  const config = redisConnectionsConfig(options);
  const { decide, read } = redisCommands(config, CONNECTIONS);
  const name = (key: string): string => `${config.prefix}owner:${key}`;

  return sealedStore(config.encryptionKeys, {
    async load(key) {
      const [record, version] = await read(name(key), ['record', 'version']);
      if (record === undefined && version === undefined) return undefined;
      if (record === undefined || version === undefined) throw unreadable(CONNECTIONS);
      return { record, version };
    },
    async save(key, record, ifVersion) {
      const version = newVersion();
      const args = ifVersion === undefined ? [version, record] : [version, record, ifVersion];
      return (await decide(SAVE, name(key), args)) ? version : undefined;
    },
    remove: (key, ifVersion) => decide(REMOVE, name(key), [ifVersion]),
  });
}
