import { warnOnce } from '../errors/warn-once';
import { readKeyRing, type KeyRing } from '../session/seal';
import type { OwnerOf } from '../session/owners';
import type { ConnectionStore } from './connection-store';
import { memoryConnections } from './memory-connections';
import { ownerConnections, type OwnerConnections, type OwnerConnectionsConfig } from './owner-connections';

/** The options about connections of users. */
export interface GivenConnections extends Omit<OwnerConnectionsConfig, 'store' | 'keys'> {
  readonly owner?: OwnerOf | undefined;
  readonly connections?: ConnectionStore | undefined;
  readonly encryptionKeys?: KeyRing | undefined;
}

/** The connections of users, if the app has any: in the store that it passes, else in memory. */
export function givenConnections(given: GivenConnections): OwnerConnections | undefined {
  const { owner, connections, encryptionKeys } = given;
  if (owner === undefined && connections === undefined) return undefined;
  if (connections === undefined) warnOnce('CONNECT_AUTH_MEMORY_CONNECTIONS', IN_MEMORY, KEEP);
  const store = connections ?? memoryConnections();
  // There is one of them: options without both are refused.
  const keys = (readKeyRing(store.encryptionKeys) ?? encryptionKeys) as KeyRing;
  return ownerConnections({ ...given, store, keys });
}

const IN_MEMORY = 'connectAuth() keeps the connections of users in memory: they end with this process.';
const KEEP =
  'Pass connections: redisConnections({ … }) and ledger: redisLedger({ … }) of express-connect-auth/redis to ' +
  'connectAuth(), or postgresConnections({ … }) and postgresLedger({ … }) of express-connect-auth/postgres; or pass ' +
  'connections: memoryConnections() if that is what you want.';
