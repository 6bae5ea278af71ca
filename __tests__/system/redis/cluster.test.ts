import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { patientLedger } from '../../support/patient-ledger';
import { redisConnections } from '../../../src/redis';
import { connectionStoreConformance, ledgerConformance } from '../../../src/testing';
import { cleanup } from '../../support/cleanup';
import { startRedisCluster, type RedisCluster } from '../../support/redis-cluster';
import { describeInRedis } from '../../support/requires';
import { advance, type Client } from './clients';

/** Ledger and connections over Redis Cluster, with the `sendCommand` of docs/redis.md for either client. */

const HOUR = 3_600_000;
const encryptionKeys = [{ id: 'a', secret: 'a secret of the ledger, 40 letters long.' }];
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR };

const CLUSTER_CLIENTS = {
  'node-redis': async ({ nodes }: RedisCluster): Promise<Client> => {
    const client = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) });
    client.on('error', () => undefined);
    cleanup(() => {
      client.destroy();
    });
    await client.connect();
    return {
      sendCommand: (command = '', ...args) =>
        client.sendCommand(command.startsWith('EVAL') ? args[2] : args[0], false, [command, ...args]),
    };
  },
  ioredis: async ({ nodes }: RedisCluster): Promise<Client> => {
    const client = new Cluster(
      nodes.map(({ url }) => url),
      { lazyConnect: true },
    );
    client.on('error', () => undefined);
    cleanup(() => {
      client.disconnect();
    });
    await client.connect();
    return { sendCommand: (command = '', ...args) => client.call(command, ...args) };
  },
};

describeInRedis('ledger and connections in a Redis Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });

  describe.each(Object.entries(CLUSTER_CLIENTS))('through %s', (_name, connect) => {
    let client: Client;
    beforeAll(async () => {
      client = await connect(cluster);
    });
    beforeEach(() => cluster.everywhere('FLUSHALL'));

    const cases = ledgerConformance(() =>
      Promise.resolve({
        ledger: patientLedger({ sendCommand: client.sendCommand, encryptionKeys }),
        advance: async (ms) => {
          await Promise.all(cluster.nodes.map((node) => advance(node, ms)));
        },
      }),
    );
    test.each(cases)('$name', ({ run }) => run());

    const storeCases = connectionStoreConformance(() => ({
      store: redisConnections({ sendCommand: client.sendCommand, encryptionKeys, commandTimeoutMs: 5000 }),
    }));
    test.each(storeCases)('of connections of users: $name', ({ run }) => run());

    test('connections spread over all nodes', async () => {
      const ledger = patientLedger({ sendCommand: client.sendCommand, encryptionKeys });
      const kinds = await Promise.all(
        Array.from({ length: 60 }, async (_, index) => {
          const won = await ledger.acquire(`connection ${index}`, claim);
          const settled = await ledger.settle(`connection ${index}`, {
            generation: 0,
            fence: 1,
            box: `box ${index}`,
            retentionMs: HOUR,
          });
          return [won.kind, settled.kind, await ledger.once(`sign-in ${index}`, HOUR)];
        }),
      );
      expect(kinds).toEqual(Array(60).fill(['won', 'settled', true]));
      const held = (await cluster.everywhere('DBSIZE')).map(Number);
      expect(held.reduce((sum, size) => sum + size)).toBe(120);
      expect(Math.min(...held)).toBeGreaterThan(10);
    });

    test('a connection stays known while its slot moves to another node, and afterwards', async () => {
      const ledger = patientLedger({ sendCommand: client.sendCommand, encryptionKeys });
      await ledger.acquire('moving', claim);
      await ledger.settle('moving', { generation: 0, fence: 1, box: 'box 1', retentionMs: HOUR });
      const adopted = { kind: 'adopt', generation: 1, box: 'box 1' };
      const move = await moveSlot(cluster, 'connect-auth:moving');
      expect(await ledger.acquire('moving', claim)).toMatchObject(adopted); // the node answers ASK
      await move.finish();
      expect(await ledger.acquire('moving', claim)).toMatchObject(adopted); // the node answers MOVED
      expect((await ledger.acquire('moving', { ...claim, generation: 1 })).kind).toBe('won');
    });
  });
});

/** The slot's keys have moved when it resolves; until `finish` their old node still owns the slot. */
async function moveSlot({ nodes, everywhere }: RedisCluster, key: string): Promise<{ finish: () => Promise<unknown> }> {
  const slot = Number(await nodes[0]!.command('CLUSTER', 'KEYSLOT', key));
  const owner = (await everywhere('CLUSTER', 'COUNTKEYSINSLOT', slot)).map(Number).indexOf(1);
  const [from, to] = [nodes[owner]!, nodes[(owner + 1) % nodes.length]!];
  const [fromId, toId] = (await Promise.all(
    [from, to].map(async (node) => String(await node.command('CLUSTER', 'MYID'))),
  )) as [string, string];
  await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  await from.command('MIGRATE', '127.0.0.1', to.port, key, 0, 1000);
  return {
    finish: async () => {
      for (const node of [to, from, ...nodes]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    },
  };
}
