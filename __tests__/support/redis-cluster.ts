import { setTimeout as delay } from 'node:timers/promises';
import { freePort, unlessTaken } from './ports';
import { startRedis, type RedisReply, type RedisServer } from './redis-server';

/** Three primaries of our own that share the slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** One command to each node. */
  readonly everywhere: (...args: readonly (string | number)[]) => Promise<readonly RedisReply[]>;
}

const SLOTS = 16_384;
const READY_MS = 60_000;

/** They end with the test or the file that starts them. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  for (let index = 0; index < 3; index += 1) nodes.push(await startNode());
  await introduce(nodes);
  return { nodes, everywhere: (...args) => Promise.all(nodes.map((node) => node.command(...args))) };
}

/** The nodes' own port is 10,000 higher by default, which not every free port leaves room for. */
function startNode(): Promise<RedisServer> {
  return unlessTaken(async () => startRedis(['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]));
}

async function introduce(nodes: readonly RedisServer[]): Promise<void> {
  const [first] = nodes;
  for (const [index, node] of nodes.entries()) {
    const [from, to] = [index, index + 1].map((part) => Math.ceil((part * SLOTS) / nodes.length)) as [number, number];
    await node.command('CLUSTER', 'ADDSLOTSRANGE', from, to - 1);
    if (node !== first) await node.command('CLUSTER', 'MEET', '127.0.0.1', first!.port, await busPort(first!));
  }
  for (const deadline = Date.now() + READY_MS; ;) {
    const told = await Promise.all(nodes.map(async (node) => String(await node.command('CLUSTER', 'INFO'))));
    if (told.every((info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`)))
      return;
    if (Date.now() > deadline) throw new Error(`The cluster did not get ready: ${told.join('\n')}`);
    await delay(50);
  }
}

async function busPort(node: RedisServer): Promise<number> {
  const [, port] = (await node.command('CONFIG', 'GET', 'cluster-port')) as readonly string[];
  return Number(port);
}
