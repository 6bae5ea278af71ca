import { describeInRedis } from '../../support/requires';
import { startRedisBackend, type RedisBackend } from './backends';
import { connectAnew, showTroubles, type Trouble } from './troubles';

const TROUBLES: readonly Trouble<RedisBackend>[] = [
  {
    name: 'stopped, then restarted empty',
    begin: ({ server }) => server.stop(),
    end: ({ server }) => server.restart(),
  },
  { name: 'unreachable', begin: ({ way }) => way.refuse(), end: ({ way }) => way.heal() },
  { name: 'frozen', begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() },
  { name: 'slow by two seconds', begin: ({ way }) => way.delay(2000), end: connectAnew },
  {
    name: 'refusing writes without replicas',
    begin: configure('min-replicas-to-write', 1),
    end: configure('min-replicas-to-write', 0),
  },
  { name: 'full', begin: configure('maxmemory', 1), end: configure('maxmemory', 0) },
];

function configure(setting: string, value: number | string): (backend: RedisBackend) => Promise<unknown> {
  return ({ server }) => server.command('CONFIG', 'SET', setting, value);
}

async function evictEverything(backend: RedisBackend): Promise<void> {
  await configure('maxmemory-policy', 'allkeys-random')(backend);
  await configure('maxmemory', 1)(backend);
  while ((await backend.server.command('DBSIZE')) !== 0) await backend.server.command('PING');
  await configure('maxmemory', 0)(backend);
  await configure('maxmemory-policy', 'noeviction')(backend);
}

describeInRedis("the ledger's Redis", () =>
  showTroubles({
    start: startRedisBackend,
    troubles: TROUBLES,
    silence: { name: 'silent', begin: ({ way }) => way.dropAnswers(), end: connectAnew },
    between: [
      ['emptied', false, (backend) => backend.empty()],
      ['failed over to a replica that knows nothing', false, ({ server }) => server.restart()],
      ['evicting', false, evictEverything],
    ],
    async heal(backend) {
      backend.server.resume();
      for (const setting of ['min-replicas-to-write', 'maxmemory']) await configure(setting, 0)(backend);
    },
  }),
);
