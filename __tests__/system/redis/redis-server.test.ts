import { createClient } from 'redis';
import { cleanup } from '../../support/cleanup';
import { describeInRedis } from '../../support/requires';
import { startRedis, startRedisProxy } from '../../support/redis-server';

describeInRedis('the Redis of the tests', () => {
  test('answers commands, restarts empty on its port, and is gone once stopped', async () => {
    const redis = await startRedis();
    expect(await redis.command('SET', 'a', 'ä')).toBe('OK');
    expect(await redis.command('STRLEN', 'a')).toBe(2);
    expect(await redis.command('CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no']);
    await expect(redis.command('HGET', 'a', 'b')).rejects.toThrow('WRONGTYPE');
    await redis.restart();
    expect(await redis.command('GET', 'a')).toBeNull();
    await redis.stop();
    await expect(redis.command('PING')).rejects.toThrow('ECONNREFUSED');
  });

  test('is carried by a proxy that loses, delays and refuses', async () => {
    const redis = await startRedis();
    const proxy = await startRedisProxy(redis.port);
    const client = createClient({ url: proxy.url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } });
    client.on('error', () => undefined);
    cleanup(() => client.destroy());
    await client.connect();
    const before = proxy.requests();
    expect(await client.set('a', '1')).toBe('OK');
    expect(proxy.requests()).toBe(before + 1);

    proxy.delay(80);
    const start = performance.now();
    expect(await client.get('a')).toBe('1');
    expect(performance.now() - start).toBeGreaterThan(75);

    proxy.dropAnswers();
    const lost = client.set('a', '2').catch(() => 'lost');
    while ((await redis.command('GET', 'a')) !== '2');
    proxy.heal();
    expect(await lost).toBe('lost');

    proxy.refuse();
    await expect(client.get('a')).rejects.toThrow();
  });
});
